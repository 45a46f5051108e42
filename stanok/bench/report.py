"""One JSON object a line, or the same for people: name, figure, unit, and what it is compared with in the same run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console


@dataclass(frozen=True)
class Figure:
    """One measured figure; `peers` were measured in the same run, in the same unit."""

    bench: str
    name: str
    value: float
    unit: str
    peers: Mapping[str, float] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)


def report(figures: Iterable[Figure], as_json: bool) -> None:
    """Print each figure as soon as it is there."""
    console = Console(highlight=False)
    for figure in figures:
        found = asdict(figure)
        found["conditions"] = {"cores": os.cpu_count(), **figure.conditions}
        if as_json:
            print(json.dumps(found), flush=True)
            continue
        console.print(f"[bold]{figure.name}[/] {figure.value:,.4g} {figure.unit}")
        for peer, value in figure.peers.items():
            console.print(f"    {peer:28} {value:,.4g} {figure.unit}  ({figure.value / value:.3g}×)" if value else peer)
        console.print(
            "    " + ", ".join(f"{name} {value}" for name, value in found["conditions"].items()), style="grey62"
        )
