"""Findings for a person, a line each as soon as it is known, or as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from stanok.doctor.checks import Finding, Level

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.FAULT: "bold red"}
_WIDTHS = 8, 13


def say(findings: Iterable[Finding], as_json: bool) -> int:
    """Print every finding; returns the exit code, which is the worst level."""
    console = Console(highlight=False, soft_wrap=True)
    worst = Level.OK
    told = []
    for finding in findings:
        worst = max(worst, finding.level)
        level = finding.level.name.lower()
        told.append({"level": level, "what": finding.what, "sentence": finding.sentence})
        if not as_json:
            head = Text(f"{level:{_WIDTHS[0]}}", _STYLES[finding.level])
            console.print(head + Text(f"{finding.what:{_WIDTHS[1]}} {finding.sentence}", "default"))
    if as_json:
        print(json.dumps({"level": worst.name.lower(), "findings": told}, ensure_ascii=False))
    return int(worst)
