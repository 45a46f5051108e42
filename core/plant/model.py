"""The plant as frozen nouns: enterprise > site > area > machine. Made by `core.plant.parse`, indexed by position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any

from core.plant.behaviour import USUAL, Behaviour
from core.plant.reasons import USUAL as USUAL_REASONS
from core.plant.reasons import Reason
from core.units import natural_id
from core.vocabulary import Meaning, meaning


@dataclass(frozen=True)
class Break:
    """A planned pause inside a shift; minutes after local midnight of the shift's first day, `end` may exceed 1440.

    `unattended`: a pause of people only; machines run through it, so it stays planned busy time.
    """

    start_min: int
    end_min: int
    unattended: bool = False


@dataclass(frozen=True)
class Shift:
    """A recurring shift; minutes after local midnight of the day it starts on.

    `weekdays`: 0 Monday … 6 Sunday. `end_min` may exceed 1440 for a night shift. `weeks`: weeks of the site's rotation
    in which it runs, from 0, empty for all. `holidays`: it also runs on days off of the production calendar.
    """

    name: str
    weekdays: frozenset[int]
    start_min: int
    end_min: int
    breaks: tuple[Break, ...] = ()
    weeks: frozenset[int] = frozenset()
    holidays: bool = False


@dataclass(frozen=True)
class Rotation:
    """A pattern of so many weeks, counted from the Monday `start` in both directions."""

    weeks: int
    start: date


@dataclass(frozen=True)
class DayException:
    """Days from `first` to `last` that run otherwise: exactly the named shifts (none: closed), or like a weekday."""

    first: date
    last: date
    shifts: tuple[str, ...] = ()
    like: int | None = None


@dataclass(frozen=True)
class Overtime:
    """A shift of one day beside the pattern; minutes as in `Shift`."""

    name: str
    day: date
    start_min: int
    end_min: int
    breaks: tuple[Break, ...] = ()


WallTime = tuple[date, int]
"""A local date and minutes after its midnight."""


@dataclass(frozen=True)
class Maintenance:
    """A planned window without production; of all machines of the site, or of the named ones.

    `finished`: when the machine was handed back, if that is known and differs from `end`.
    """

    name: str
    start: WallTime
    end: WallTime
    finished: WallTime | None = None
    machines: tuple[str, ...] = ()


class DayRule(StrEnum):
    """Which local date a shift's production belongs to: that of its start, of its end, or of its longer part."""

    START = "start"
    END = "end"
    MOST = "most"


@dataclass(frozen=True)
class CalendarRules:
    """What changes the weekly pattern of a site. `holidays`: country of the production calendar, "" for none.

    `overrun_planned`: whether maintenance that lasts longer than planned stays planned until it is finished.
    """

    rotation: Rotation | None = None
    holidays: str = ""
    exceptions: tuple[DayException, ...] = ()
    overtimes: tuple[Overtime, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    day_rule: DayRule = DayRule.START
    overrun_planned: bool = False


@dataclass(frozen=True)
class Site:
    """A plant in one time zone (IANA name) with its shift pattern and what changes it."""

    name: str
    title: str
    zone: str
    shifts: tuple[Shift, ...]
    rules: CalendarRules = CalendarRules()

    @property
    def id(self) -> int:
        return natural_id("site", self.name)


@dataclass(frozen=True)
class Source:
    """A connection: an OPC UA server or an MQTT broker. `settings` is checked by the collector of its protocol.

    `lateness_us`: how long after its event time a sample may arrive and still be folded in order (real time).
    """

    name: str
    protocol: str
    lateness_us: int
    settings: Mapping[str, Any]

    @property
    def id(self) -> int:
        return natural_id("source", self.name)


@dataclass(frozen=True)
class StandardTime:
    """A standard time of a part program: planned run time per item (PRI) in µs, in force from `valid_from_us` on.

    `parts_per_cycle`: items that one run of the program makes; the PRI is already of one item. `provenance`: where it
    comes from (`core.plant.parse.PROVENANCES`). `approved_by`: empty for one that nobody has approved: it never counts.
    """

    pri_us: int
    valid_from_us: int
    parts_per_cycle: int = 1
    part: str = ""
    provenance: str = ""
    approved_by: str = ""
    approved_on: date | None = None


@dataclass(frozen=True)
class PartProgram:
    """An NC program and its standard time: planned run time per item (PRI) in µs, 0 if none is known.

    `standards`: its history, by valid-from; `pri_us` is then the latest approved one.
    """

    name: str
    pri_us: int
    standards: tuple[StandardTime, ...] = ()

    @property
    def id(self) -> int:
        return natural_id("part_program", self.name)

    def pri_at(self, us: int) -> int:
        """PRI [µs] in force at an instant, for a part completed then; 0 if none was. Past times keep theirs."""
        if not self.standards:
            return self.pri_us
        held = [standard.pri_us for standard in self.standards if standard.approved_by and standard.valid_from_us <= us]
        return held[-1] if held else 0


MOST_SOURCES = 4
"""Sources of one machine: its control, a counter, a clamp at the spindle, a lamp; more only make its state larger."""


@dataclass(frozen=True)
class Feed:
    """What one source gives of a machine. `source` is its position in the plant.

    `signals` maps signal names to protocol addresses; `mapping` is the rest of the protocol section. Both are checked
    by the collector of the protocol.
    """

    source: int
    signals: Mapping[str, Any]
    mapping: Mapping[str, Any]


@dataclass(frozen=True)
class Machine:
    """A machine tool. `site` is a position in the plant.

    `source`, `signals` and `mapping` are its first feed, `more` are the others in the order of their rank; a signal
    stands in one of them. `max_rate`: greatest plausible output as a multiple of the standard rate, for the upper
    bound of OEE.
    """

    name: str
    title: str
    site: int
    area: str
    source: int
    signals: Mapping[str, Any]
    mapping: Mapping[str, Any]
    max_rate: float
    behaviour: Behaviour = USUAL
    more: tuple[Feed, ...] = ()

    @property
    def id(self) -> int:
        return natural_id("machine", self.name)

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """What its sources give, by rank."""
        return Feed(self.source, self.signals, self.mapping), *self.more

    @property
    def signal_names(self) -> frozenset[str]:
        """The signals that it has, from whatever source."""
        return frozenset(name for feed in self.feeds for name in feed.signals)

    def as_seen_by(self, source: int) -> Machine:
        """The machine as if the source at that position of the plant were its only one."""
        feed = next(feed for feed in self.feeds if feed.source == source)
        return replace(self, source=source, signals=feed.signals, mapping=feed.mapping, more=())


@dataclass(frozen=True)
class Signal:
    """A signal name in use, with its meaning."""

    name: str
    meaning: Meaning

    @property
    def id(self) -> int:
        return natural_id("signal", self.name)


@dataclass(frozen=True)
class Plant:
    """Everything a plant file says. Machine names are `site/machine`; `hash` is of the file's content."""

    enterprise: str
    sites: tuple[Site, ...]
    sources: tuple[Source, ...]
    machines: tuple[Machine, ...]
    programs: tuple[PartProgram, ...]
    hash: bytes
    reasons: tuple[Reason, ...] = USUAL_REASONS

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """The distinct signal names of all machines, sorted; `SampleBatch.signal` indexes this."""
        names = sorted({name for machine in self.machines for name in machine.signal_names})
        return tuple(Signal(name, found) for name in names if (found := meaning(name)) is not None)

    @cached_property
    def signal_index(self) -> Mapping[str, int]:
        """Position of each signal name in `signals`."""
        return {signal.name: index for index, signal in enumerate(self.signals)}

    @cached_property
    def machine_index(self) -> Mapping[str, int]:
        """Position of each machine name in `machines`."""
        return {machine.name: index for index, machine in enumerate(self.machines)}

    def source_named(self, name: str) -> Source:
        """The source of that name; KeyError if there is none."""
        for source in self.sources:
            if source.name == name:
                return source
        raise KeyError(name)

    def machines_of(self, source: str) -> tuple[int, ...]:
        """Positions of the machines that a source serves."""
        wanted = {index for index, found in enumerate(self.sources) if found.name == source}
        return tuple(
            index for index, machine in enumerate(self.machines) if any(feed.source in wanted for feed in machine.feeds)
        )

    def served(self, source: str) -> Mapping[int, Machine]:
        """By position the machines that a source serves, each as that source alone sees it."""
        wanted = next((index for index, found in enumerate(self.sources) if found.name == source), -1)
        return {index: self.machines[index].as_seen_by(wanted) for index in self.machines_of(source)}
