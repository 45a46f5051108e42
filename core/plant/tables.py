"""Plant -> flat arrays for the compiled fold. Rebuilt when the calendar window runs out; states survive that.

What the fold looks up together stands together in one record, because every array costs at every call.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.plant.behaviour import COUNTERS, IDLE_LEVELS, POWER_SIGNALS, Behaviour
from core.plant.calendar import machine_calendars
from core.plant.lanes import Lanes, lanes_of
from core.plant.model import MOST_SOURCES, Machine, PartProgram, Plant
from core.vocabulary import OTHER_RANK, SIGNAL_RANK, Role, meaning

OTHER_CHANNELS = 3
"""Channels beside the first that have an execution and a mode of their own."""

MACHINE = np.dtype(
    [
        ("first", "<i8"),  # the site's calendar is segments[first:end]
        ("end", "<i8"),
        ("rate_pm", "<i8"),  # greatest plausible output, ‰ of the standard rate
        ("width", "<i8"),  # values of a part counter, 0 not known
        ("off_w", "<i8"),  # power of a control that is off, 0 not known
        ("idle_speed", "<f8", (IDLE_LEVELS,)),  # up to which speed a level holds, rising
        ("cut_pm", "<i8", (IDLE_LEVELS,)),  # ‰ load from which on a spindle cuts there
        ("idle_levels", "<i8"),
        ("spindles", "<i8"),  # bit n-1: spindle n says whether it turns, by itself or by its speed
        ("own_word", "<i8"),  # bit n-1: by itself
        ("counter", "<i8"),  # position in COUNTERS
        ("has", "i1", (3,)),  # a counter of total, good, scrap parts
        ("has_energy", "i1"),
        ("has_order", "i1"),
        ("red_stops", "i1"),
        ("channels", "i1"),  # whether other channels than the first have a say
        ("told_by", "i1"),  # BY_NOTHING, BY_SPINDLE, BY_POWER
        ("phase", "i1"),  # by power: 0 the power, else the phase whose current counts
        ("feed_wait_us", "<i8"),
        ("stand_wait_us", "<i8"),
        ("longest_wait_us", "<i8"),
        ("limits", "<i8", (3,)),  # works from, no more below, off below; W or mA
        ("bit", "u1", (int(Role.STORED),)),  # by role (of channel 1): 1 << slot of the source that gives it, 0 nobody
        ("tells", "u1", (OTHER_CHANNELS, 2)),  # likewise, for execution and mode of channels 2 to 4
        ("witnesses", "u1"),  # sources that can say what the machine does, by bit; all, if none can
        ("rotating", "<u4", (MOST_SOURCES,)),  # by slot, bit n-1: the source says whether spindle n turns,
        ("speed", "<u4", (MOST_SOURCES,)),  # how fast,
        ("load", "<u4", (MOST_SOURCES,)),  # with what load;
        ("feed", "<u4", (MOST_SOURCES,)),  # the feed rate of channel n
    ]
)
"""One machine as the fold sees it."""

WITNESSES = (
    Role.EXECUTION, Role.CHANNEL_EXECUTION, Role.ITEM_STATE,
    Role.LIGHT_RED, Role.LIGHT_YELLOW, Role.LIGHT_GREEN, Role.LIGHT_BLUE,
)  # fmt: skip
"""What says what a machine does (docs/en/truth.md, State)."""
_BY_CHANNEL = {
    Role.SPINDLE_ROTATING: "rotating",
    Role.SPINDLE_SPEED: "speed",
    Role.SPINDLE_LOAD: "load",
    Role.FEED_RATE: "feed",
}
_OF_CHANNELS = (Role.CHANNEL_EXECUTION, Role.CHANNEL_MODE)
_FOLLOWS = {Role.OVERRIDE_ZERO: Role.FEED_OVERRIDE, Role.ALARM_STOP: Role.ALARM}

SEGMENT = np.dtype([("start_us", "<i8"), ("shift", "<i8"), ("situation", "<i8")])
"""A stretch of a site's calendar, up to the start of the next; the last one of a site only ends the calendar."""

PROGRAM = np.dtype([("id", "<i8"), ("from_us", "<i8"), ("pri_us", "<i8")])
"""A standard time of a part program, in force up to the program's next; by id and time."""

BY_NOTHING, BY_SPINDLE, BY_POWER = range(3)
"""Who tells with a delay what the machine does (core.engine.waiting)."""

_ABOVE_IDLE_PM = 50
"""‰: a spindle cuts from five points above the load it has in air (kpi.md §3.7)."""


@dataclass(frozen=True)
class PlantTables:
    """Arrays by position of machine, signal and site; `programs` by id and time.

    The segments of a calendar (`machine_calendars`) are contiguous and cover [from_us, to_us).
    """

    from_us: int
    to_us: int
    machines: NDArray[np.void]
    segments: NDArray[np.void]
    programs: NDArray[np.void]
    signal_role: NDArray[np.int16]
    signal_channel: NDArray[np.int16]
    signal_rank: NDArray[np.int16]
    signal_store: NDArray[np.uint8]
    lanes: Lanes


def build_tables(plant: Plant, from_us: int, to_us: int) -> PlantTables:
    """The arrays of a plant, with its calendars materialised for [from_us, to_us)."""
    calendars, position = machine_calendars(plant, from_us, to_us)
    ends = np.cumsum([0, *(len(calendar.start_us) + 1 for calendar in calendars)])
    found = np.zeros(ends[-1], SEGMENT)
    for calendar, first, end in zip(calendars, ends, ends[1:], strict=False):
        part, found["start_us"][end - 1] = found[first : end - 1], to_us
        part["start_us"], part["shift"], part["situation"] = calendar.start_us, calendar.shift_id, calendar.situation
    machines = np.array([_machine(machine) for machine in plant.machines], MACHINE)
    calendar_of = np.array(position, int)
    machines["first"], machines["end"] = ends[calendar_of], ends[calendar_of + 1]
    roles = [signal.meaning.role for signal in plant.signals]
    return PlantTables(
        from_us=from_us,
        to_us=to_us,
        machines=machines,
        segments=found,
        programs=np.array(sorted(row for program in plant.programs for row in _standards(program)), PROGRAM),
        signal_role=np.array(roles, "i2"),
        signal_channel=np.array([signal.meaning.channel for signal in plant.signals], "i2"),
        signal_rank=np.array([SIGNAL_RANK.get(Role(role), OTHER_RANK) for role in roles], "i2"),
        signal_store=np.array([signal.meaning.store for signal in plant.signals], "u1"),
        lanes=lanes_of(plant),
    )


def _standards(program: PartProgram) -> list[tuple[int, int, int]]:
    """(id, in force from, PRI): a PRI without a history is in force for all time."""
    if not program.standards:
        return [(program.id, 0, program.pri_us)]
    instants = [standard.valid_from_us for standard in program.standards]
    return [(program.id, at_us, program.pri_at(at_us)) for at_us in sorted(set(instants))]


def _machine(machine: Machine) -> NDArray[np.void]:
    row, ways = np.zeros((), MACHINE), machine.behaviour
    row["rate_pm"] = round(1000 * machine.max_rate)
    row["width"], row["off_w"] = ways.counter_width, round(ways.off_below_w)
    row["counter"], row["red_stops"] = COUNTERS.index(ways.counter), ways.red_light_stops
    row["idle_levels"] = len(ways.idle_load)
    for level, (speed, load) in enumerate(ways.idle_load):
        row["idle_speed"][level], row["cut_pm"][level] = speed, round(10 * load) + _ABOVE_IDLE_PM
    names = machine.signal_names
    row["has"] = [f"part.{kind}" in names for kind in ("total", "good", "scrap")]
    row["own_word"] = _spindles(names, Role.SPINDLE_ROTATING)
    row["spindles"] = row["own_word"] | _spindles(names, Role.SPINDLE_SPEED)
    row["has_energy"], row["has_order"] = "energy.import" in names, "job.order" in names
    others = tuple(f"ctrl.{2 + place}." for place in range(OTHER_CHANNELS))
    row["channels"] = any(name.startswith(others) for name in names)
    row["longest_wait_us"] = ways.longest_wait_us
    if ways.by_spindle is not None:
        row["told_by"] = BY_SPINDLE
        row["feed_wait_us"], row["stand_wait_us"] = ways.by_spindle.feed_wait_us, ways.by_spindle.stand_wait_us
    elif ways.by_power is not None:
        row["told_by"], row["limits"] = BY_POWER, ways.by_power.limits
        row["phase"] = POWER_SIGNALS.index(ways.by_power.signal)
    _sources(row, machine)
    return row


def _sources(row: NDArray[np.void], machine: Machine) -> None:
    """Which source gives what. What the plant file does not name comes from the first; of repairs no source speaks."""
    row["bit"] = row["tells"] = 1
    row["bit"][Role.REPAIR] = 0
    for slot, feed in enumerate(machine.feeds):
        for found in filter(None, map(meaning, feed.signals)):
            if found.role in _BY_CHANNEL:
                row[_BY_CHANNEL[found.role]][slot] |= np.uint32(1 << (found.channel - 1))
            if found.role in _OF_CHANNELS:
                row["tells"][found.channel - 2, _OF_CHANNELS.index(found.role)] = 1 << slot
            if found.role < Role.STORED and found.channel == 1:
                row["bit"][found.role] = 1 << slot
            if found.role in WITNESSES:
                row["witnesses"] |= 1 << slot
        if any(_tells(machine.behaviour, name) for name in feed.signals):
            row["bit"][Role.CYCLE] = 1 << slot
            row["witnesses"] |= 1 << slot
    for follower, role in _FOLLOWS.items():
        row["bit"][follower] = row["bit"][role]
    row["witnesses"] = row["witnesses"] or 2**MOST_SOURCES - 1


def _tells(ways: Behaviour, signal: str) -> bool:
    """Whether a signal is among those that tell, with a delay, what the machine does; one source gives them all."""
    if ways.by_spindle is not None:
        known = meaning(signal)
        return known is not None and known.role == Role.FEED_RATE
    return ways.by_power is not None and signal == ways.by_power.signal


def _spindles(names: Iterable[str], role: Role) -> int:
    """Bit n-1: spindle n has a signal of this role."""
    bits = 0
    for known in map(meaning, names):
        if known is not None and known.role == role:
            bits |= 1 << (known.channel - 1)
    return bits
