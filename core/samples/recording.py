"""Stanok's own recording: one JSON object a line, with names instead of positions. Pure: rows in, lines out, and back.

Invariants: a line stands alone (any plant version, any order, append only), so a cut or broken line costs itself only;
reading back gives every sample as it was stored: time, value, quality, flags, number. Format: docs/en/simulators.md.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from core.plant.model import Plant
from core.samples.batch import SampleBatch
from core.samples.records import RowKind, SpoolRow, unpack_gap, unpack_heartbeat, unpack_quarantine, unpack_samples
from core.vocabulary import Meaning, Quality

FORMAT = 1
HEAD = json.dumps({"stanok": "recording", "format": FORMAT})
"""The first line of a file."""

Value = str | float | bool | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """One sample. Words and texts are text; `number` is the value beside a text (an alarm raised or cleared)."""

    event_us: int
    machine: str
    signal: str
    value: Value
    number: float | None = None
    quality: int = int(Quality.GOOD)
    flags: int = 0
    seq: int = -1
    raw: int = -1


def line_of(row: SpoolRow, plant: Plant) -> str:
    """The line of a row that was made under `plant`, without its end."""
    head: dict[str, Any] = {"t": row.received_us, "source": row.source}
    content = _CONTENT[row.kind](row.payload, plant) if row.kind in _CONTENT else {"kind": row.kind.name.lower()}
    return json.dumps(head | content, ensure_ascii=False, separators=(",", ":"))


def _samples(payload: bytes, plant: Plant) -> dict[str, Any]:
    batch = unpack_samples(payload)
    return {"samples": [_sample(batch, at, plant) for at in range(len(batch))]}


def _sample(batch: SampleBatch, at: int, plant: Plant) -> list[Any]:
    """`[event_us, machine, signal, value]`, and a table of what is not as usual."""
    signal, number = plant.signals[batch.signal[at]], float(batch.value[at])
    text = batch.texts[batch.text[at]] if batch.text[at] >= 0 else None
    more: dict[str, Any] = {
        "quality": Quality(int(batch.quality[at])).name.lower(),
        "flags": int(batch.flags[at]),
        "seq": int(batch.seq[at]),
        "raw": int(batch.raw[at]),
        "number": number if text is not None and not math.isnan(number) else None,
    }
    usual = {"quality": "good", "flags": 0, "seq": -1, "raw": -1, "number": None}
    value = text if text is not None else _plain(signal.meaning, number)
    sample: list[Any] = [int(batch.event_us[at]), plant.machines[batch.machine[at]].name, signal.name, value]
    unusual = {key: found for key, found in more.items() if found != usual[key]}
    return [*sample, unusual] if unusual else sample


def _plain(meaning: Meaning, number: float) -> Value:
    if math.isnan(number):
        return None
    if meaning.words is not None:
        return meaning.words(int(number)).name.lower()
    return bool(number) if meaning.kind == "bool" else number


def _alive(payload: bytes, plant: Plant) -> dict[str, Any]:
    beat = unpack_heartbeat(payload)
    found = zip(beat.machine.tolist(), beat.at_us.tolist(), strict=True)
    return {"alive": {plant.machines[machine].name: at_us for machine, at_us in found}}


def _gap(payload: bytes, plant: Plant) -> dict[str, Any]:
    gap = unpack_gap(payload)
    return {
        "gap": "opened" if gap.opened else "closed",
        "at": gap.at_us,
        "cause": gap.cause.name.lower(),
        "machines": [plant.machines[machine].name for machine in gap.machines],
        "proven": gap.proven,
        "from": gap.from_us,
    }


def _quarantine(payload: bytes, plant: Plant) -> dict[str, Any]:
    item = unpack_quarantine(payload)
    machine = plant.machines[item.machine].name if item.machine >= 0 else None
    raw = base64.b64encode(item.raw).decode()
    return {"refused": item.reason, "origin": item.origin, "machine": machine, "raw": raw}


_CONTENT = {
    RowKind.SAMPLES: _samples,
    RowKind.HEARTBEAT: _alive,
    RowKind.GAP: _gap,
    RowKind.QUARANTINE: _quarantine,
}


class RecordingReader:
    """Reads lines in order. `refused` counts lines that are broken, such as a last one that was cut."""

    def __init__(self) -> None:
        self.refused = 0

    def read(self, lines: Iterable[str]) -> Iterator[Recorded]:
        """The samples of the lines, in their order; raises ValueError for a format that is newer than this code."""
        for line in lines:
            if line.strip():
                yield from self._line(line)

    def _line(self, line: str) -> list[Recorded]:
        try:
            found = json.loads(line)
            recorded = [_recorded(*entry) for entry in found.get("samples", [])]
        except (ValueError, TypeError, AttributeError, KeyError):
            self.refused += 1
            return []
        if "stanok" in found and found.get("format") != FORMAT:
            raise ValueError(f"format {found.get('format')}; this version of Stanok reads format {FORMAT}")
        return recorded


def _recorded(event_us: int, machine: str, signal: str, value: Value, more: dict[str, Any] | None = None) -> Recorded:
    given = dict(more or {})
    quality = int(Quality[str(given.pop("quality", "good")).upper()])
    return Recorded(int(event_us), str(machine), str(signal), value, quality=quality, **given)
