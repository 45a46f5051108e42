"""A year of twelve plants as signed bundles, with a known effect, for tests of what the ministry makes of them.

Every plant makes two parts on one lathe. From a week of its own on six of them have a new one, which needs half the
time for a part, is planned for as long, and makes a fifth more of them than the old one made.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from core.facts.schema import REPORTED
from core.units import HOUR_US, SECOND_US
from storage.bundle import FIRST, Bundle, Lost, Machine, Made, Result, Standard, new_key, public, signed
from storage.pg.bundles_loaded import load, trust
from storage.pg.connect import Connection
from storage.pg.registry import load_registry

MONDAY = date(2025, 1, 6)
WEEKS, PLANTS, GAIN = 60, 12, 1.2
PRI_S = {"SHAFT": 600, "BUSH": 300}
SHARE = {"SHAFT": 0.6, "BUSH": 0.4}
SHIFT_H = 8
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RAMP_UP = 4


def start_of(plant: int) -> int | None:
    """The week in which a plant stops its old lathe."""
    return 30 + 3 * (plant // 2 % 3) if plant % 2 == 0 else None


def name_of(plant: int) -> str:
    return f"p{plant:02}"


def registry() -> str:
    """What is registered: all plants, six projects, and their lathes."""
    lines = ["[[programme]]\nname = 'renewal'\ntitle = 'Renewal'"]
    for plant in range(PLANTS):
        name, start = name_of(plant), start_of(plant)
        lines.append(f"[[site]]\nname = '{name}'\ncountry = 'BY'\nstratum = 'turning'")
        lines.append(f"[[cell]]\nname = '{name}/shafts'\nmachines = ['{name}/old', '{name}/new']")
        if start is None:
            continue
        begins = MONDAY + timedelta(weeks=start)
        act = begins + timedelta(days=2)
        lines.append(
            f"[[project]]\nname = 'P-{name}'\nprogramme = 'renewal'\nsite = '{name}'\ncells = ['{name}/shafts']\n"
            f"baseline_from = {MONDAY}\nbaseline_to = {begins - timedelta(days=1)}\nbaseline_tier = 'B0'\n"
            f"begins = {begins}\nact = {act}\nramp_up_weeks = {RAMP_UP}\ncost = 100000\ncurrency = 'BYN'\n"
            "price_year = 2025\nmargin_per_hour = 50\nsold_share = 1.0\nplanned_hours = 400"
        )
        lines.append(f"[[asset]]\ninventory = '1'\nsite = '{name}'\nmachine = '{name}/old'\nmachine_class = 'turning'")
        lines.append(
            f"[[asset]]\ninventory = '2'\nsite = '{name}'\nproject = 'P-{name}'\nmachine = '{name}/new'\nact = {act}\n"
            "machine_class = 'turning'\norigin = 'BY'\nregister = 'EAEU'\nregister_number = '7'\npoints = 60\n"
            "max_points = 100\nrule_version = '1'\nreplaces = ['1']"
        )
        lines.append(
            f"[[operation]]\ncode = 'turning-4110'\nsite = '{name}'\nasset = '2'\nbegins = {act}\n"
            f"ends = {act + timedelta(weeks=8)}\nevidenced_hours = 100"
        )
    return "\n".join(lines)


def bundle(plant: int, *, other_parts: bool = False) -> Bundle:
    """The whole year of a plant; `other_parts`: the new lathe makes parts that the old one never made."""
    name, start = name_of(plant), start_of(plant)
    random = np.random.default_rng(1000 + plant)
    level = 1500.0 + 100 * plant
    results = []
    for week in range(WEEKS):
        new = start is not None and week >= start
        made_h = level * (GAIN if new else 1.0) * (1 + 0.02 * random.standard_normal()) / 60
        for weekday in range(7):
            day = MONDAY + timedelta(weeks=week, days=weekday)
            results.append(_day(f"{name}/{'new' if new else 'old'}", day, made_h / 7, new, new and other_parts))
    since = datetime(2024, 1, 1, tzinfo=UTC)
    standards = [Standard(part, since, pri * SECOND_US, "technologist") for part, pri in PRI_S.items()]
    if start is not None:
        midnight = datetime.combine(MONDAY + timedelta(weeks=start), datetime.min.time(), UTC)
        later = midnight - timedelta(hours=3)  # in Minsk: still the day before in UTC
        standards += [Standard(part, later, pri * SECOND_US // 2, "vendor") for part, pri in PRI_S.items()]
    return Bundle(
        plant=name,
        title=name,
        zone="Europe/Minsk",
        number=1,
        previous=FIRST.hex(),
        made=NOW,
        pseudonyms=False,
        definition="test",
        software="test",
        columns=list(REPORTED),
        machines=[Machine(f"{name}/old", "old", "a"), Machine(f"{name}/new", "new", "a")],
        standards=standards,
        results=results,
    )


def _day(machine: str, day: date, made_h: float, new: bool, other_parts: bool) -> Result:
    start = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=6)
    made = []
    for part, share in SHARE.items():
        parts = round(made_h * share * 3600 / PRI_S[part])
        credit = parts * PRI_S[part] * SECOND_US // (2 if new else 1)
        made.append(Made(f"{part}-{'NEW' if other_parts else ''}" if other_parts else part, _sums(parts, credit)))
    running = sum(one.sums[REPORTED.index("apt")] for one in made)
    made.append(Made("", _row(adet_idle=SHIFT_H * HOUR_US - running)))
    lost = [Lost("no_order", SHIFT_H * HOUR_US - running)]
    return Result(machine, day, "1", start, start + timedelta(hours=SHIFT_H), made, lost, failures=int(day.day == 1))


def _sums(parts: int, credit_us: int) -> list[int]:
    return _row(
        apt=round(credit_us * 1.1),
        parts_total=parts,
        parts_good=parts,
        credit_total_us=credit_us,
        credit_good_us=credit_us,
    )


def _row(**found: int) -> list[int]:
    return [found.get(name, 0) for name in REPORTED]


def fill(connection: Connection, changed: frozenset[int] = frozenset()) -> None:
    """Registry, keys and bundles of all plants; those of `changed` make other parts on their new lathes."""
    load_registry(connection, {"registry.toml": registry()}, NOW)
    files = []
    for plant in range(PLANTS):
        key, _ = new_key()
        trust(connection, name_of(plant), public(key), NOW)
        content, _ = signed(bundle(plant, other_parts=plant in changed), key)
        files.append((f"{name_of(plant)}.bundle", content))
    answers = load(connection, files, NOW)
    assert [answer.why for answer in answers if answer.why] == []
