"""Reads recordings of machines, SHDR or Stanok's own, gzipped or not: events in the order of the file.

Invariants: nothing of the file is sorted, dropped or changed here; what is no event is counted; a file is streamed, so
that its size costs time only. An SHDR recording is of one machine, which has no name in it.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from core.errors import InputError
from core.samples.mtconnect import UNAVAILABLE
from core.samples.recording import HEAD, Recorded, RecordingReader
from core.samples.shdr import Observed, ShdrReader
from core.units import datetime_from_us
from core.vocabulary import Quality
from simulators.outlet import Value

MOST_VALUES = 40
"""Distinct values that are remembered of a key: enough for every list of words."""
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Event:
    """One value of one key of a machine. `stamp` is the time in ISO 8601, as exact as the recording has it.

    `value` None is "no value now". `level` is that of a condition, whose native code is `code`.
    """

    event_us: int
    stamp: str
    machine: str
    key: str
    value: Value | None
    level: str = ""
    code: str = ""


@dataclass
class Seen:
    """What a recording says of one key."""

    count: int = 0
    values: set[str] = field(default_factory=set)
    condition: bool = False

    def note(self, event: Event) -> None:
        self.count += 1
        self.condition |= bool(event.level)
        if event.value is not None and len(self.values) < MOST_VALUES:
            self.values.add(str(event.value))


@dataclass
class Recording:
    """A recording looked through once. `keys` is by machine and key; `own`: Stanok wrote it."""

    path: Path
    own: bool
    keys: dict[str, dict[str, Seen]] = field(default_factory=dict)
    count: int = 0
    earliest_us: int = 0
    latest_us: int = 0
    skipped: str = ""

    def events(self) -> Iterator[Event]:
        """Every event again, in the order of the file."""
        return _events(self.path, self.own, ShdrReader(), RecordingReader())


def look_through(path: Path) -> Recording:
    """What a file holds; raises InputError if it cannot be read or is no recording with events."""
    try:
        found = _scan(path)
    except (OSError, EOFError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a recording: {error}") from error
    if not found.count:
        raise InputError(f"{path}: has no events; is it an SHDR recording, or one of `stanok collect --record`?")
    return found


def _scan(path: Path) -> Recording:
    with _open(path) as file:
        found = Recording(path, file.readline().strip() == HEAD)
    shdr, recorded = ShdrReader(), RecordingReader()
    for event in _events(path, found.own, shdr, recorded):
        first = not found.count
        found.earliest_us = event.event_us if first else min(found.earliest_us, event.event_us)
        found.latest_us = event.event_us if first else max(found.latest_us, event.event_us)
        found.count += 1
        found.keys.setdefault(event.machine, {}).setdefault(event.key, Seen()).note(event)
    counts = {"asset lines": shdr.assets, "commands": shdr.commands, "broken lines": shdr.refused + recorded.refused}
    found.skipped = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return found


def _events(path: Path, own: bool, shdr: ShdrReader, recorded: RecordingReader) -> Iterator[Event]:
    with _open(path) as file:
        yield from map(_of_sample, recorded.read(file)) if own else map(_of_line, shdr.read(file))


def _open(path: Path) -> TextIO:
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8")


def _of_line(found: Observed) -> Event:
    value = None if found.value == UNAVAILABLE else found.value
    level = found.value if found.condition else ""
    return Event(found.event_us, found.stamp, "", found.key, value, level, found.code)


def _of_sample(found: Recorded) -> Event:
    stamp = datetime_from_us(found.event_us).isoformat(timespec="microseconds").replace("+00:00", "Z")
    usable = found.quality in (Quality.GOOD, Quality.UNCERTAIN)
    level = ""
    if found.number is not None:
        level = "NORMAL" if found.number == 0 else ("FAULT" if found.raw <= 0 else "WARNING")
    code = str(found.value) if level else ""
    return Event(found.event_us, stamp, found.machine, found.signal, found.value if usable else None, level, code)
