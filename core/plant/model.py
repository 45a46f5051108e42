"""The plant as frozen nouns: enterprise > site > area > machine. Made by `core.plant.parse`, indexed by position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.plant.behaviour import USUAL, Behaviour
from core.units import natural_id
from core.vocabulary import Meaning, meaning


@dataclass(frozen=True)
class Break:
    """A planned pause inside a shift; minutes after local midnight of the shift's first day, `end` may exceed 1440."""

    start_min: int
    end_min: int


@dataclass(frozen=True)
class Shift:
    """A weekly recurring shift; minutes after local midnight of the day it starts on (that is its production day).

    `weekdays`: 0 Monday … 6 Sunday. `end_min` may exceed 1440 for a night shift.
    """

    name: str
    weekdays: frozenset[int]
    start_min: int
    end_min: int
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True)
class Site:
    """A plant in one time zone (IANA name) with its shift pattern."""

    name: str
    title: str
    zone: str
    shifts: tuple[Shift, ...]

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
class PartProgram:
    """An NC program and its standard time: planned run time per item (PRI) in µs, 0 if none is known."""

    name: str
    pri_us: int

    @property
    def id(self) -> int:
        return natural_id("part_program", self.name)


@dataclass(frozen=True)
class Machine:
    """A machine tool. `site` and `source` are positions in the plant.

    `signals` maps signal names to protocol addresses; `mapping` is the rest of the machine's protocol section.
    Both are checked by the collector of the protocol. `max_rate`: greatest plausible output as a multiple of the
    standard rate, for the upper bound of OEE.
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

    @property
    def id(self) -> int:
        return natural_id("machine", self.name)


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

    @cached_property
    def signals(self) -> tuple[Signal, ...]:
        """The distinct signal names of all machines, sorted; `SampleBatch.signal` indexes this."""
        names = sorted({name for machine in self.machines for name in machine.signals})
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
        wanted = [index for index, found in enumerate(self.sources) if found.name == source]
        return tuple(index for index, machine in enumerate(self.machines) if machine.source in wanted)
