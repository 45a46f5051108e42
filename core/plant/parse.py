"""Plain mapping -> Plant. The plant file's shape is declared here; docs/en/plant-file.md is its reference.

Invariants: a Plant that comes out of here needs no further checks in core; otherwise PlantError carries every
complaint at once. Addresses and the protocols' own keys are passed on unread: their collectors check them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any
from zoneinfo import available_timezones

from core.errors import PlantError
from core.plant.behaviour import read_behaviour
from core.plant.model import Break, Machine, PartProgram, Plant, Shift, Site, Source
from core.plant.reader import Reader, hint, shown
from core.units import SECOND_US
from core.vocabulary import meaning, signal_names

PROTOCOLS = ("opcua", "mqtt")

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN = 1440
_WEEK_MIN = 7 * _DAY_MIN

LATENESS_MIN_S = 2.0
LATENESS_MAX_S = 10.0
"""A machine's figures settle no sooner than its slowest sample may come; what comes later is repaired (design)."""

MAX_RATE = 1.2
MAX_RATE_LIMIT = 100.0
"""A machine a hundred times faster than its standard times has wrong standard times."""

PRI_MIN_S = 1e-6
PRI_MAX_S = 30 * 86_400.0
"""One microsecond is the unit of standard times; no part runs a month, but milliseconds taken for seconds do."""

_NOT_PLACES = frozenset({"localtime", "Factory"})
"""Entries of the time zone database that mean another zone on every computer, or none."""


def parse_plant(document: Mapping[str, Any], content_hash: bytes | None = None) -> Plant:
    """The plant that a file describes; `content_hash` identifies the file and is made from the content if not given.

    Raises PlantError with every complaint, each beginning with the path of its key.
    """
    complaints: list[str] = []
    file = Reader(document, complaints)
    enterprise = _enterprise(file.table("enterprise", required=True))
    sites = tuple(_site(table) for table in file.tables("site", required=True))
    sources = tuple(_source(table) for table in file.tables("source", required=True))
    machines = tuple(_machine(table, sites, sources) for table in file.tables("machine", required=True))
    programs = tuple(_part_program(table) for table in file.tables("part_program", required=False))
    file.close()
    if complaints:
        raise PlantError(complaints)
    return Plant(enterprise, sites, sources, machines, programs, content_hash or _hash_of(document))


def _hash_of(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _enterprise(table: Reader | None) -> str:
    if table is None:
        return ""
    name = table.text("name")
    table.close()
    return name


def _site(table: Reader) -> Site:
    name = table.text("name")
    if "/" in name:
        table.complain("name", f'must not contain "/", which parts site and machine: {shown(name)}')
    title = table.text("title", name)
    zone = table.text("zone")
    if not _zones():
        table.complain("zone", "this computer has no time zone database; install the package tzdata")
    elif zone and zone not in _zones():
        table.complain("zone", f"{shown(zone)} is not an IANA time zone{hint(zone, _zones())}")
    shifts = [(found, shift) for found in table.tables("shift", required=False) if (shift := _shift(found))]
    _refuse_overlaps(shifts)
    table.close()
    return Site(name, title, zone, tuple(shift for _, shift in shifts))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_PLACES


def _shift(table: Reader) -> Shift | None:
    """The shift, or None if its times cannot be read."""
    name = table.text("name")
    start, end = _time(table, "start"), _time(table, "end")
    weekdays = _weekdays(table)
    breaks = table.texts("breaks")
    table.close()
    if start is None or end is None:
        return None
    if end <= start:
        end += _DAY_MIN
    return Shift(name, weekdays, start, end, _breaks(table, breaks, start, end))


def _time(table: Reader, key: str) -> int | None:
    text = table.text(key)
    minutes = _minutes(text)
    if text and minutes is None:
        table.complain(key, f'must be a time such as "06:00" (midnight is "00:00"), not {shown(text)}')
    return minutes


def _minutes(text: str) -> int | None:
    """Minutes after midnight of `HH:MM`, or None if it is none."""
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", text)
    return 60 * int(found[1]) + int(found[2]) if found else None


def _weekdays(table: Reader) -> frozenset[int]:
    days = table.texts("days")
    if table.content.get("days") is None:
        return frozenset(range(7))
    if table.content["days"] == []:
        table.complain("days", "names no day; leave it out for every day of the week")
    for key, day in days:
        if day not in DAYS:
            table.complain(key, f"{shown(day)} is not a day; days are {', '.join(DAYS)}")
    return frozenset(DAYS.index(day) for _, day in days if day in DAYS)


def _breaks(table: Reader, texts: Sequence[tuple[str, str]], start: int, end: int) -> tuple[Break, ...]:
    found: list[tuple[Break, str]] = []
    for key, text in texts:
        pause = _break(text, start)
        if pause is None:
            table.complain(key, f'must be two times such as "10:00-10:30", not {shown(text)}')
        elif pause.end_min > end:
            table.complain(key, f"{shown(text)} is not inside the shift {_clock(start)}-{_clock(end)}")
        else:
            found.append((pause, key))
    found.sort(key=lambda item: item[0].start_min)
    for (before, earlier), (after, key) in combinations(found, 2):
        if after.start_min < before.end_min:
            table.complain(key, f"overlaps {earlier}")
    return tuple(pause for pause, _ in found)


def _break(text: str, shift_start: int) -> Break | None:
    """The break of a shift; times before the shift's start belong to its second day."""
    first, _, second = text.partition("-")
    start, end = _minutes(first.strip()), _minutes(second.strip())
    if start is None or end is None:
        return None
    start += _DAY_MIN if start < shift_start else 0
    return Break(start, start + ((end - start) % _DAY_MIN or _DAY_MIN))


def _clock(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _refuse_overlaps(shifts: Sequence[tuple[Reader, Shift]]) -> None:
    for index, (table, shift) in enumerate(shifts):
        for other_table, other in shifts[:index]:
            day = _common_day(shift, other)
            if day is not None:
                table.complain("start", f"overlaps {other_table.path} {shown(other.name)} in the shift of {DAYS[day]}")


def _common_day(shift: Shift, other: Shift) -> int | None:
    """The first weekday whose `shift` overlaps some `other`, on a week that closes into a ring."""
    for day in sorted(shift.weekdays):
        for theirs in other.weekdays:
            apart = (theirs - day) * _DAY_MIN + other.start_min - shift.start_min
            length, other_length = shift.end_min - shift.start_min, other.end_min - other.start_min
            if apart % _WEEK_MIN < length or -apart % _WEEK_MIN < other_length:
                return day
    return None


def _source(table: Reader) -> Source:
    name = table.text("name")
    protocol = table.text("protocol")
    if protocol and protocol not in PROTOCOLS:
        known = " or ".join(shown(word) for word in PROTOCOLS)
        table.complain("protocol", f"must be {known}, not {shown(protocol)}")
    default_s = _default_lateness_s(table.content.get("publishing_ms"))
    lateness_s = table.number("lateness_s", 0.0, LATENESS_MAX_S, default_s)
    return Source(name, protocol, round(lateness_s * SECOND_US), table.rest())


def _default_lateness_s(publishing_ms: object) -> float:
    """Two publishing intervals, within the limits; a wrong interval is left to the collector to refuse."""
    if isinstance(publishing_ms, bool) or not isinstance(publishing_ms, int | float):
        return LATENESS_MIN_S
    shortest_ms, longest_ms = LATENESS_MIN_S * 500, LATENESS_MAX_S * 500
    return 2 * min(longest_ms, max(shortest_ms, publishing_ms)) / 1000


def _machine(table: Reader, sites: Sequence[Site], sources: Sequence[Source]) -> Machine:
    name = table.text("name")
    return Machine(
        name=name,
        title=table.text("title", name),
        site=_site_of(table, name, sites),
        area=table.text("area"),
        source=_source_of(table, sources),
        signals=_signals(table),
        max_rate=table.number("max_rate", 1.0, MAX_RATE_LIMIT, MAX_RATE),
        behaviour=read_behaviour(table.table("behaviour", required=False)),
        mapping=table.rest(),  # last, because it is what nobody took
    )


def _site_of(table: Reader, name: str, sites: Sequence[Site]) -> int:
    """Position of the site in a machine's name, 0 after a complaint."""
    site, _, machine = name.partition("/")
    if not name:
        return 0
    if not site or not machine or "/" in machine:
        table.complain("name", f'must be "site/machine", not {shown(name)}')
        return 0
    return _position(table, "name", "site", site, sites)


def _source_of(table: Reader, sources: Sequence[Source]) -> int:
    name = table.text("source")
    return _position(table, "source", "source", name, sources) if name else 0


def _position(table: Reader, key: str, kind: str, name: str, known: Sequence[Site] | Sequence[Source]) -> int:
    names = [noun.name for noun in known]
    if name in names:
        return names.index(name)
    listed = ", ".join(shown(known_name) for known_name in names if known_name) or "none"
    table.complain(key, f"there is no {kind} named {shown(name)}; known are {listed}{hint(name, names)}")
    return 0


def _signals(table: Reader) -> Mapping[str, Any]:
    """Signal names with their addresses; the addresses are the collector's to read."""
    signals = table.table("signals", required=False)
    if signals is None:
        return {}
    for name, address in signals.content.items():
        if isinstance(name, str) and meaning(name):
            continue
        if isinstance(address, Mapping) and any(meaning(f"{name}.{inner}") for inner in address):
            signals.complain(name, f'signal names stand in quotes, such as "{name}.{next(iter(address))}" = ...')
        else:
            signals.complain(name, f"is not a signal name{hint(str(name), signal_names())}")
    return dict(signals.content)


def _part_program(table: Reader) -> PartProgram:
    name = table.text("name")
    pri_s = table.number("pri_s", PRI_MIN_S, PRI_MAX_S, 0.0)
    table.close()
    return PartProgram(name, round(pri_s * SECOND_US))
