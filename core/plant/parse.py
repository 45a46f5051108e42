"""Plain mapping -> Plant. The plant file's shape is declared here; docs/en/plant-file.md is its reference.

Invariants: a Plant that comes out of here needs no further checks in core; otherwise PlantError carries every
complaint at once. Addresses and the protocols' own keys are passed on unread: their collectors check them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import available_timezones

from core.errors import PlantError
from core.plant.behaviour import Behaviour, read_behaviour
from core.plant.model import MOST_SOURCES, Feed, Machine, PartProgram, Plant, Site, Source, StandardTime
from core.plant.parse_calendar import date_of, read_rotation, read_rules, read_shifts
from core.plant.reader import Reader, hint, shown
from core.plant.reasons import read_reasons
from core.units import SECOND_US, us_from_datetime
from core.vocabulary import Role, meaning, signal_names

PROTOCOLS = ("opcua", "mqtt")

PROVENANCES = ("technologist", "measured", "vendor", "estimate", "declared")
"""Where a standard time may come from: worked out, proposed from cycles, the machine's maker, a guess, a plan."""
MAX_PARTS_PER_CYCLE = 10_000
"""More items in one run of a program is a mistyped number."""

LATENESS_MIN_S = 2.0
LATENESS_MAX_S = 10.0
"""A machine's figures settle no sooner than its slowest sample may come; what comes later is repaired (design)."""

MAX_RATE = 1.2
MAX_RATE_LIMIT = 100.0
"""A machine a hundred times faster than its standard times has wrong standard times."""

PRI_MIN_S = 1e-6
PRI_MAX_S = 30 * 86_400.0
"""One microsecond is the unit of standard times; no part runs a month, but milliseconds taken for seconds do."""

_TURNS = {Role.SPINDLE_SPEED, Role.SPINDLE_ROTATING}
_NOT_PLACES = frozenset({"localtime", "Factory"})
"""Entries of the time zone database that mean another zone on every computer, or none."""


def parse_plant(document: Mapping[str, Any], content_hash: bytes | None = None) -> Plant:
    """The plant that a file describes; `content_hash` identifies the file and is made from the content if not given.

    Raises PlantError with every complaint, each beginning with the path of its key.
    """
    complaints: list[str] = []
    file = Reader(document, complaints)
    enterprise = _enterprise(file.table("enterprise", required=True))
    named = _machine_names(document)
    sites = tuple(_site(table, named) for table in file.tables("site", required=True))
    sources = tuple(_source(table) for table in file.tables("source", required=True))
    machines = tuple(_machine(table, sites, sources) for table in file.tables("machine", required=True))
    programs = tuple(_part_program(table) for table in file.tables("part_program", required=False))
    reasons = read_reasons(file)
    file.close()
    if complaints:
        raise PlantError(complaints)
    return Plant(enterprise, sites, sources, machines, programs, content_hash or _hash_of(document), reasons)


def _hash_of(document: Mapping[str, Any]) -> bytes:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _enterprise(table: Reader | None) -> str:
    if table is None:
        return ""
    name = table.text("name")
    table.close()
    return name


def _machine_names(document: Mapping[str, Any]) -> list[str]:
    """The names of all machines as they stand in the file, whether right or wrong."""
    tables = document.get("machine")
    found = [table.get("name") for table in tables if isinstance(table, Mapping)] if isinstance(tables, list) else []
    return [name for name in found if isinstance(name, str)]


def _site(table: Reader, machines: Sequence[str]) -> Site:
    name = table.text("name")
    if "/" in name:
        table.complain("name", f'must not contain "/", which parts site and machine: {shown(name)}')
    title = table.text("title", name)
    zone = table.text("zone")
    if not _zones():
        table.complain("zone", "this computer has no time zone database; install the package tzdata")
    elif zone and zone not in _zones():
        table.complain("zone", f"{shown(zone)} is not an IANA time zone{hint(zone, _zones())}")
    rotation = read_rotation(table)
    shifts = read_shifts(table, rotation)
    own = [machine for machine in machines if machine.startswith(f"{name}/")]
    rules = read_rules(table, rotation, shifts, own)
    table.close()
    return Site(name, title, zone, shifts, rules)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - _NOT_PLACES


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
    title = table.text("title", name)
    site = _site_of(table, name, sites)
    area = table.text("area")
    several = isinstance(table.content.get("source"), list | tuple)
    first, *more = (
        _feeds(table, sources) if several else [Feed(_source_of(table, "source", sources), _signals(table), {})]
    )
    max_rate = table.number("max_rate", 1.0, MAX_RATE_LIMIT, MAX_RATE)
    behaviour = read_behaviour(table.table("behaviour", required=False))
    if first.signals:
        _need_what_tells(table, behaviour, [first, *more])
    if several:
        table.close()
    mapping = first.mapping if several else table.rest()  # what nobody took
    return Machine(name, title, site, area, first.source, first.signals, mapping, max_rate, behaviour, tuple(more))


def _feeds(table: Reader, sources: Sequence[Source]) -> list[Feed]:
    """What several sources give of a machine, each in a [[machine.source]]."""
    tables = table.tables("source", required=True)
    if len(tables) > MOST_SOURCES:
        table.complain("source", f"has {len(tables)} entries; a machine has at most {MOST_SOURCES} sources")
    feeds = [Feed(_source_of(each, "name", sources), _signals(each), each.rest()) for each in tables]
    if len(tables) > 1:
        _refuse_shared_signals(tables, feeds)
    return feeds or [Feed(0, {}, {})]


def _refuse_shared_signals(tables: Sequence[Reader], feeds: Sequence[Feed]) -> None:
    """One source gives a signal, so that nobody has to guess which of two is right."""
    given: dict[str, object] = {}
    for table, feed in zip(tables, feeds, strict=True):
        name = table.content.get("name")
        if not feed.signals:
            table.complain("signals", "is missing or empty; a source that gives no signal of the machine is none of it")
        given_here = table.table("signals", required=False)
        for signal in feed.signals:
            if given_here is not None and given.setdefault(signal, name) is not name:
                given_here.complain(signal, f"source {shown(given[signal])} gives it already; name it at one of them")


def _need_what_tells(table: Reader, behaviour: Behaviour, feeds: Sequence[Feed]) -> None:
    """What a machine does can be told by its spindle and feed, or by its power, only where it has these signals.

    Whoever decides a pause has to see it whole: one source gives everything that tells.
    """
    ways = table.table("behaviour", required=False)
    if ways is None:
        return
    roles = [{known.role for known in map(meaning, feed.signals) if known is not None} for feed in feeds]
    telling = [of for of in roles if of & {*_TURNS, Role.FEED_RATE}]
    if behaviour.by_spindle and not any(of & _TURNS and Role.FEED_RATE in of for of in telling):
        ways.complain("by_spindle", "needs spindle.N.speed or spindle.N.rotating, and feed.N.rate, of one source")
    elif behaviour.by_spindle and len(telling) > 1:
        ways.complain("by_spindle", "needs all that spindles and feeds tell from one source; several give it")
    if behaviour.by_power and not any(behaviour.by_power.signal in feed.signals for feed in feeds):
        ways.complain("by_power", f"needs {behaviour.by_power.signal} among the signals")


def _site_of(table: Reader, name: str, sites: Sequence[Site]) -> int:
    """Position of the site in a machine's name, 0 after a complaint."""
    site, _, machine = name.partition("/")
    if not name:
        return 0
    if not site or not machine or "/" in machine:
        table.complain("name", f'must be "site/machine", not {shown(name)}')
        return 0
    return _position(table, "name", "site", site, sites)


def _source_of(table: Reader, key: str, sources: Sequence[Source]) -> int:
    name = table.text(key)
    return _position(table, key, "source", name, sources) if name else 0


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
    pri_us = _pri_us(table, required=False)
    given = table.tables("standard", required=False)
    if given and pri_us:
        table.complain("pri_s", "stands beside [[part_program.standard]]; move it into a standard of its own")
    found = sorted((_standard(entry) for entry in given), key=lambda standard: standard.valid_from_us)
    for before, after in pairwise(found):
        if before.valid_from_us == after.valid_from_us != 0 and before.approved_by and after.approved_by:
            table.complain("standard", "has two approved entries with the same valid_from")
    table.close()
    approved = [standard.pri_us for standard in found if standard.approved_by]
    return PartProgram(name, approved[-1] if approved else pri_us, tuple(found))


def _pri_us(table: Reader, *, required: bool) -> int:
    """PRI of one item: `pri_s`, or `cycle_s` by `parts_per_cycle`; 0 if neither is given."""
    parts = _parts_per_cycle(table)
    pri_s = table.number("pri_s", PRI_MIN_S, PRI_MAX_S, 0.0)
    cycle_s = table.number("cycle_s", PRI_MIN_S, PRI_MAX_S, 0.0)
    given = [table.content.get(key) is not None for key in ("pri_s", "cycle_s")]
    if all(given):
        table.complain("cycle_s", "stands beside pri_s; give the time of an item or that of a cycle")
    elif required and not any(given):
        table.complain("pri_s", "is missing; give it, or cycle_s")
    return round(pri_s * SECOND_US) or round(cycle_s * SECOND_US / parts)


def _parts_per_cycle(table: Reader) -> int:
    parts = table.number("parts_per_cycle", 1, MAX_PARTS_PER_CYCLE, 1)
    if parts != int(parts):
        table.complain("parts_per_cycle", f"must be a whole number, not {shown(parts)}")
    return int(parts)


def _standard(table: Reader) -> StandardTime:
    """One entry of a program's history; it counts from `valid_from` on if somebody approved it."""
    pri_us, parts = _pri_us(table, required=True), _parts_per_cycle(table)
    valid_from_us = _instant(table, "valid_from")
    provenance = table.text("provenance")
    if provenance and provenance not in PROVENANCES:
        known = ", ".join(shown(word) for word in PROVENANCES)
        table.complain("provenance", f"must be one of {known}, not {shown(provenance)}")
    part = table.text("part", "")
    approved_by, approved_on = table.text("approved_by", ""), table.text("approved_on", "")
    if bool(approved_by) != bool(approved_on):
        table.complain("approved_by", "goes together with approved_on; leave both out while nobody has approved")
    if approved_on and date_of(approved_on) is None:
        table.complain("approved_on", f'must be a date such as "2026-05-04", not {shown(approved_on)}')
    table.close()
    return StandardTime(pri_us, valid_from_us, parts, part, provenance, approved_by, date_of(approved_on))


def _instant(table: Reader, key: str) -> int:
    """UTC µs of a time with its offset, 0 after a complaint."""
    text = table.text(key)
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is not None:
        return us_from_datetime(moment)
    if text:
        table.complain(key, f'must be a time with its offset such as "2026-05-04T00:00+03:00", not {shown(text)}')
    return 0
