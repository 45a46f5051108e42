"""Lines of an SHDR recording, as an MTConnect adapter sends them, -> observations. Pure: lines in, observations out.

Invariants: a real recording is read as it is: time may jump back, and what is no observation (commands `*`, assets with
their multi-line bodies, lines without an absolute time) is counted and skipped, never fatal; times are cut to µs and
kept as they were written, too.
Shape of a line: `time|key|value|key|value…`, or `time|key|level|code|severity|qualifier|text` for a condition, told by
its seven fields and its level. Source: MTConnect adapter protocol (SHDR); a time may carry `@duration`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from core.samples.mtconnect import UNAVAILABLE, Level
from core.units import us_from_datetime

_MULTILINE = "--multiline--"
_CONDITION_FIELDS = 7


@dataclass(frozen=True, slots=True)
class Observed:
    """One observation. `stamp` is the time as written; a condition has its level as value, and `code`."""

    event_us: int
    stamp: str
    key: str
    value: str
    condition: bool = False
    code: str = ""


class ShdrReader:
    """Reads lines in order and counts what it skips. `refused` counts lines that are broken."""

    def __init__(self) -> None:
        self.assets = 0
        self.commands = 0
        self.refused = 0
        self._body = ""

    def read(self, lines: Iterable[str]) -> Iterator[Observed]:
        """The observations of the lines, in the order of the lines."""
        for line in lines:
            yield from self._line(line.rstrip("\r\n"))

    def _line(self, line: str) -> Iterator[Observed]:
        if self._body:
            self._body = "" if line == self._body else self._body
        elif line.startswith("*"):
            self.commands += 1
        elif line:
            yield from self._fields(line.split("|"))

    def _fields(self, fields: list[str]) -> Iterator[Observed]:
        if len(fields) > 1 and fields[1].startswith("@"):
            self.assets += 1
            self._body = fields[-1] if fields[-1].startswith(_MULTILINE) else ""
            return
        stamp = fields[0].partition("@")[0]
        event_us = _instant_us(stamp)
        if event_us is None or len(fields) < 3:
            self.refused += 1
        elif _is_condition(fields):
            yield Observed(event_us, stamp, fields[1], fields[2], True, fields[3])
        else:
            self.refused += len(fields) % 2 == 0  # a key without a value: the others are good
            for key, value in zip(fields[1::2], fields[2::2], strict=False):
                yield Observed(event_us, stamp, key, value)


def _is_condition(fields: list[str]) -> bool:
    """Three pairs whose first value is a level look the same, unless the rest is empty, as it is but for alarms."""
    if len(fields) != _CONDITION_FIELDS:
        return False
    level = fields[2].upper()
    return level in ("WARNING", "FAULT") or (level in (Level.NORMAL.name, UNAVAILABLE) and not any(fields[3:]))


def _instant_us(stamp: str) -> int | None:
    """Microseconds, or None if the text is no absolute time with a zone."""
    try:
        return us_from_datetime(datetime.fromisoformat(stamp))
    except ValueError:
        return None
