"""The plant file: what a good one becomes, and which sentence each mistake gets."""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import PlantError
from core.plant.model import Break, Feed, Shift
from core.plant.parse import parse_plant
from core.plant.parse_calendar import DAYS
from core.plant.tables import build_tables
from core.units import DAY_US
from core.vocabulary import meaning, signal_names

ROOT = Path(__file__).parents[2]

GOOD = """
[enterprise]
name = "Works"

[[site]]
name = "minsk"
zone = "Europe/Minsk"

[[site.shift]]
name = "1"
start = "06:00"
end = "14:00"
days = ["mon", "tue", "wed", "thu", "fri"]
breaks = ["12:00-12:30", "10:00-10:10"]

[[site.shift]]
name = "night"
start = "22:00"
end = "06:00"
breaks = ["02:00-02:30"]

[[source]]
name = "cell"
protocol = "opcua"
endpoint = "opc.tcp://127.0.0.1:4840"
publishing_ms = 1500

[[source]]
name = "broker"
protocol = "mqtt"
lateness_s = 0.5

[[machine]]
name = "minsk/lathe-1"
title = "Токарный 1"
area = "turning"
source = "broker"
max_rate = 1.5
topic = "a/b"

[machine.signals]
"ctrl.execution" = "x"
"spindle.2.speed" = { path = "y", scale = 0.1 }

[[machine]]
name = "minsk/mill-1"
area = "milling"
source = "cell"
profile = "opc-40501-1"

[[part_program]]
name = "SHAFT"
pri_s = 95.25

[[part_program]]
name = "TEST"
"""


CELL = {"name": "cell", "path": "Lathe", "signals": {"ctrl.execution": "x"}}
TOPIC = {"name": "broker", "topic": "a/b", "signals": {"part.total": "n"}}
"""Two sources of one machine."""


def good() -> dict[str, Any]:
    return tomllib.loads(GOOD)


def complaints_of(document: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(PlantError) as caught:
        parse_plant(document)
    return caught.value.complaints


# --- good files ------------------------------------------------------------------------------------------------------


def test_a_good_file_becomes_a_plant() -> None:
    plant = parse_plant(good())
    (site,) = plant.sites
    assert (plant.enterprise, site.name, site.title, site.zone) == ("Works", "minsk", "minsk", "Europe/Minsk")
    assert site.shifts == (
        Shift("1", frozenset(range(5)), 360, 840, (Break(600, 610), Break(720, 750))),
        Shift("night", frozenset(range(7)), 1320, 1800, (Break(1560, 1590),)),
    )
    lathe, mill = plant.machines
    assert (lathe.title, lathe.area, lathe.site, lathe.source, lathe.max_rate) == ("Токарный 1", "turning", 0, 1, 1.5)
    assert lathe.signals == {"ctrl.execution": "x", "spindle.2.speed": {"path": "y", "scale": 0.1}}
    assert lathe.mapping == {"topic": "a/b"}
    assert (mill.title, mill.source, mill.signals, mill.max_rate) == ("minsk/mill-1", 0, {}, 1.2)
    assert mill.mapping == {"profile": "opc-40501-1"}
    assert [(program.name, program.pri_us) for program in plant.programs] == [("SHAFT", 95_250_000), ("TEST", 0)]
    assert plant.sources[0].settings == {"endpoint": "opc.tcp://127.0.0.1:4840", "publishing_ms": 1500}


def test_a_machine_may_have_several_sources_each_with_signals_and_a_mapping_of_its_own() -> None:
    document = good()
    document["machine"][0] = {"name": "minsk/lathe-1", "area": "turning", "source": [CELL, TOPIC]}
    plant = parse_plant(document)
    lathe, mill = plant.machines
    assert lathe.feeds == (
        Feed(0, {"ctrl.execution": "x"}, {"path": "Lathe"}),
        Feed(1, {"part.total": "n"}, {"topic": "a/b"}),
    )
    assert lathe.signal_names == {"ctrl.execution", "part.total"}
    assert [signal.name for signal in plant.signals] == ["ctrl.execution", "part.total"]
    assert (plant.machines_of("cell"), plant.machines_of("broker")) == ((0, 1), (0,))
    seen = plant.served("broker")[0]
    assert (seen.source, seen.signals, seen.mapping, seen.more) == (1, {"part.total": "n"}, {"topic": "a/b"}, ())
    assert plant.served("cell") == {0: lathe.as_seen_by(0), 1: mill}


@pytest.mark.parametrize(
    ("keys", "lateness_s"),
    [
        ({}, 2),
        ({"publishing_ms": 250}, 2),
        ({"publishing_ms": 1500}, 3),
        ({"publishing_ms": 60_000}, 10),
        ({"publishing_ms": "wrong"}, 2),
        ({"publishing_ms": True}, 2),
        ({"publishing_ms": math.nan}, 2),
        ({"publishing_ms": -(10**400)}, 2),
        ({"lateness_s": 0.5, "publishing_ms": 1500}, 0.5),
        ({"lateness_s": 10}, 10),
    ],
)
def test_lateness_is_two_publishing_intervals_within_limits_unless_it_is_given(
    keys: dict[str, Any], lateness_s: float
) -> None:
    document = good()
    document["source"] = [{"name": "cell", "protocol": "opcua", **keys}, document["source"][1]]
    assert parse_plant(document).sources[0].lateness_us == lateness_s * 1_000_000


def test_the_demonstration_plant_is_a_good_file_and_fills_the_tables() -> None:
    path = ROOT / "simulators" / "plants" / "demo.toml"
    plant = parse_plant(tomllib.loads(path.read_text(encoding="utf-8")))
    assert [site.name for site in plant.sites] == ["minsk", "ural"]
    assert len(plant.machines) == 6
    assert len(build_tables(plant, 0, DAY_US).segments) > 10


def test_the_hash_is_of_the_content_and_not_of_the_order_of_keys() -> None:
    document = good()
    turned = dict(reversed(document.items()))
    changed = good()
    changed["machine"][0]["topic"] = "a/c"
    assert len(parse_plant(document).hash) == 16
    assert parse_plant(document).hash == parse_plant(turned).hash
    assert parse_plant(document).hash != parse_plant(changed).hash
    assert parse_plant(document, b"of the file").hash == b"of the file"


def test_a_shift_may_last_a_day_and_end_where_the_next_begins() -> None:
    document = good()
    document["site"][0]["shift"] = [
        {"name": "weekday", "start": "08:00", "end": "08:00", "days": ["mon", "wed"], "breaks": ["07:00-07:30"]},
        {"name": "short", "start": "08:00", "end": "00:00", "days": ["tue"]},
        {"name": "sunday", "start": "20:00", "end": "08:00", "days": ["sun"]},
    ]
    shifts = parse_plant(document).sites[0].shifts
    assert [(shift.start_min, shift.end_min) for shift in shifts] == [(480, 1920), (480, 1440), (1200, 1920)]
    assert shifts[0].breaks == (Break(1860, 1890),)


# --- bad files: path of the table, what is put into it, how the sentence begins, words in it --------------------------

SHIFT = {"name": "x", "start": "14:00", "end": "18:00"}
MACHINE = {"name": "minsk/x", "area": "a", "source": "cell"}

BAD: list[tuple[str, dict[str, Any], str, tuple[str, ...]]] = [
    # the top level
    ("", {"machine": None}, "machine: ", ("missing",)),
    ("", {"machine": []}, "machine: ", ("at least one", "[[machine]]")),
    ("", {"machine": {"name": "x"}}, "machine: ", ("list of tables", "[[machine]]")),
    ("", {"machines": []}, "machines: ", ("not a known key", '"machine"')),
    ("", {"enterprise": None}, "enterprise: ", ("missing",)),
    ("", {"enterprise": "Works"}, "enterprise: ", ("table", '"Works"')),
    ("", {"part_program": [5]}, "part_program[0]: ", ("table", "5")),
    ("enterprise", {"name": 7}, "enterprise.name: ", ("text in quotes", "7")),
    ("enterprise", {"nane": "Works"}, "enterprise.nane: ", ("not a known key", '"name"')),
    # sites
    ("site.0", {"name": ""}, "site[0].name: ", ("empty",)),
    ("site.0", {"name": "a\x1fb"}, "site[0].name: ", ("control characters", r"a\u001fb")),
    ("site.0", {"name": " minsk"}, "site[0].name: ", ("spaces at an end",)),
    ("site.0", {"name": "min/sk"}, "site[0].name: ", ('"/"',)),
    ("site.0", {"zone": "Europe/Mnsk"}, "site[0].zone: ", ("IANA", '"Europe/Minsk"')),
    ("site.0", {"zone": "../../etc/passwd"}, "site[0].zone: ", ("IANA",)),
    ("site.0", {"zone": "localtime"}, "site[0].zone: ", ("IANA",)),
    ("site.0", {"tz": "Europe/Minsk"}, "site[0].tz: ", ("not a known key",)),
    ("site.0", {"zone": None, "zon": "UTC"}, "site[0].zone: ", ("missing", '"zon"')),
    ("site.0", {"shift": "06:00"}, "site[0].shift: ", ("[[shift]]",)),
    ("site.+", {"name": "minsk", "zone": "UTC"}, "site[1].name: ", ('"minsk"', "already", "site[0]")),
    # shifts
    ("site.0.shift.0", {"start": "6:00"}, "site[0].shift[0].start: ", ('"06:00"', '"6:00"')),
    ("site.0.shift.0", {"end": "24:00"}, "site[0].shift[0].end: ", ('midnight is "00:00"',)),
    ("site.0.shift.0", {"start": time(6)}, "site[0].shift[0].start: ", ("text in quotes", "06:00:00")),
    ("site.0.shift.0", {"start": None}, "site[0].shift[0].start: ", ("missing",)),
    ("site.0.shift.0", {"days": ["mon", "tues"]}, "site[0].shift[0].days[1]: ", ('"tues"', "mon, tue, wed")),
    ("site.0.shift.0", {"days": []}, "site[0].shift[0].days: ", ("no day",)),
    ("site.0.shift.0", {"days": "mon"}, "site[0].shift[0].days: ", ("list of texts",)),
    ("site.0.shift.0", {"break": []}, "site[0].shift[0].break: ", ("not a known key", '"breaks"')),
    ("site.0.shift.0", {"breaks": ["10:00"]}, "site[0].shift[0].breaks[0]: ", ('"10:00-10:30"',)),
    ("site.0.shift.0", {"breaks": [10]}, "site[0].shift[0].breaks[0]: ", ("text in quotes",)),
    ("site.0.shift.0", {"breaks": ["13:50-14:10"]}, "site[0].shift[0].breaks[0]: ", ("inside", "06:00-14:00")),
    ("site.0.shift.0", {"breaks": ["05:00-05:30"]}, "site[0].shift[0].breaks[0]: ", ("inside",)),
    ("site.0.shift.0", {"breaks": ["10:30-10:00"]}, "site[0].shift[0].breaks[0]: ", ("inside",)),
    (
        "site.0.shift.0",
        {"breaks": ["10:00-11:00", "12:00-12:30", "10:30-10:40"]},
        "site[0].shift[0].breaks[2]: ",
        ("overlaps breaks[0]", '(shift "1")'),
    ),
    ("site.0.shift.0", {"breaks": ["10:00-10:00"]}, "site[0].shift[0].breaks[0]: ", ("inside",)),
    (
        "site.0.shift.0",
        {"breaks": ["10:00-12:00", "10:10-10:20", "11:00-11:10"]},
        "site[0].shift[0].breaks[2]: ",
        ("overlaps breaks[0]",),
    ),
    ("site.0.shift.+", {**SHIFT, "name": "1"}, "site[0].shift[2].name: ", ('"1"', "already", "site[0].shift[0]")),
    ("site.0.shift.+", {**SHIFT, "start": "13:00"}, "site[0].shift[2].start: ", ("site[0].shift[0]", '"1"', "mon")),
    (
        "site.0.shift.+",
        {"name": "early", "start": "05:00", "end": "06:00", "days": ["mon"]},
        "site[0].shift[2].start: ",
        ("overlaps", '"night"'),
    ),
    (
        "site.0",
        {
            "shift": [
                {"name": "sunday", "start": "22:00", "end": "06:00", "days": ["sun"]},
                {"name": "monday", "start": "05:00", "end": "13:00", "days": ["mon"]},
            ]
        },
        "site[0].shift[1].start: ",
        ("overlaps", '"sunday"', "mon"),
    ),
    # sources
    ("source.0", {"protocol": "opc-ua"}, "source[0].protocol: ", ('"opcua" or "mqtt"', '"opc-ua"', '(source "cell")')),
    ("source.0", {"lateness_s": 10.5}, "source[0].lateness_s: ", ("from 0 to 10", "10.5")),
    ("source.0", {"lateness_s": "5"}, "source[0].lateness_s: ", ("number",)),
    ("source.0", {"name": "broker"}, "source[1].name: ", ("already", "source[0]")),
    # machines
    (
        "machine.0",
        {"source": "brokr"},
        "machine[0].source: ",
        ('no source named "brokr"', 'known are "cell", "broker"'),
    ),
    ("machine.0", {"name": "pinsk/x"}, "machine[0].name: ", ('no site named "pinsk"', '"minsk"')),
    ("machine.0", {"name": "lathe"}, "machine[0].name: ", ('"site/machine"',)),
    ("machine.0", {"name": "minsk/"}, "machine[0].name: ", ('"site/machine"',)),
    ("machine.0", {"name": "minsk/a/b"}, "machine[0].name: ", ('"site/machine"',)),
    ("machine.+", {**MACHINE, "name": "minsk/mill-1"}, "machine[2].name: ", ("already", "machine[1]")),
    ("machine.0", {"area": None, "arae": "x"}, "machine[0].area: ", ("missing", '"arae"', '(machine "minsk/lathe-1")')),
    ("machine.0", {"max_rate": 0.9}, "machine[0].max_rate: ", ("from 1 to 100", "0.9")),
    ("machine.0", {"max_rate": 10**400}, "machine[0].max_rate: ", ("from 1 to 100",)),
    ("machine.0", {"max_rate": math.inf}, "machine[0].max_rate: ", ("inf",)),
    ("machine.0", {"signals": ["ctrl.mode"]}, "machine[0].signals: ", ("table",)),
    (
        "machine.0.signals",
        {"ctrl.mod": "x"},
        'machine[0].signals."ctrl.mod": ',
        ('"ctrl.mode"', '(machine "minsk/lathe-1")'),
    ),
    ("machine.0.signals", {"spindle.32.speed": "x"}, 'machine[0].signals."spindle.32.speed": ', ("spindle.1.speed",)),
    ("machine.0.signals", {"ctrl": {"mode": "x"}}, "machine[0].signals.ctrl: ", ("in quotes", '"ctrl.mode"')),
    # several sources of one machine
    ("machine.0", {"source": []}, "machine[0].source: ", ("empty",)),
    ("machine.0", {"source": [CELL, TOPIC | {"name": "x"}]}, "machine[0].source[1].name: ", ("no source named",)),
    ("machine.0", {"source": [CELL, CELL]}, "machine[0].source[1].name: ", ("already", "source[0]")),
    ("machine.0", {"source": [CELL, TOPIC]}, "machine[0].topic: ", ("not a known key", "lathe-1")),
    ("machine.0", {"source": [CELL, TOPIC]}, "machine[0].signals: ", ("not a known key",)),
    ("machine.0", {"source": [CELL, TOPIC | {"signals": {}}]}, "machine[0].source[1].signals: ", ("empty",)),
    (
        "machine.0",
        {"source": [CELL, TOPIC | {"signals": CELL["signals"]}]},
        'machine[0].source[1].signals."ctrl.execution": ',
        ('source "cell" gives it already',),
    ),
    ("machine.0", {"source": [TOPIC | {"name": f"n{n}"} for n in range(5)]}, "machine[0].source: ", ("at most 4",)),
    (
        "machine.0",
        {"source": [CELL, TOPIC], "behaviour": {"by_spindle": {}}},
        "machine[0].behaviour.by_spindle: ",
        ("feed.N.rate", "of one source"),
    ),
    (
        "machine.0",
        {
            "source": [
                {"name": "cell", "signals": {"spindle.1.speed": "a", "feed.1.rate": "b"}},
                TOPIC | {"signals": {"spindle.2.speed": "c"}},
            ],
            "behaviour": {"by_spindle": {}},
        },
        "machine[0].behaviour.by_spindle: ",
        ("several give it",),
    ),
    (
        "machine.0",
        {"source": [CELL, TOPIC], "behaviour": {"by_power": {"standby": 400, "cutting": 1400}}},
        "machine[0].behaviour.by_power: ",
        ("power.active among",),
    ),
    # what tells has to be there
    ("machine.0", {"behaviour": {"by_spindle": {}}}, "machine[0].behaviour.by_spindle: ", ("feed.N.rate",)),
    (
        "machine.0",
        {"behaviour": {"by_power": {"standby": 400, "cutting": 1400}}},
        "machine[0].behaviour.by_power: ",
        ("power.active among",),
    ),
    # part programs
    ("part_program.0", {"pri_s": 0}, "part_program[0].pri_s: ", ("from 0.000001 to 2592000",)),
    ("part_program.0", {"pri_s": math.nan}, "part_program[0].pri_s: ", ("nan",)),
    ("part_program.0", {"pri_s": True}, "part_program[0].pri_s: ", ("number", "True")),
    ("part_program.0", {"pri_ms": 5}, "part_program[0].pri_ms: ", ("not a known key", '"pri_s"')),
    ("part_program.0", {"name": "TEST"}, "part_program[1].name: ", ("already", "part_program[0]")),
]


def put(document: dict[str, Any], where: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The document with changes at a place such as `site.0.shift.+` (+ appends); None removes a key."""
    place: Any = document
    for step in where.split(".") if where else []:
        if step == "+":
            place.append({})
        place = place[int(step)] if step.isdigit() else place[-1] if step == "+" else place[step]
    place.update(changes)
    for key in [key for key, value in changes.items() if value is None]:
        del place[key]
    return document


@pytest.mark.parametrize(("where", "changes", "path", "words"), BAD, ids=[f"{bad[2]}{bad[3][0]}" for bad in BAD])
def test_a_mistake_is_named_by_its_path_and_in_words(
    where: str, changes: dict[str, Any], path: str, words: tuple[str, ...]
) -> None:
    complaints = complaints_of(put(good(), where, changes))
    matching = [sentence for sentence in complaints if sentence.startswith(path)]
    assert len(matching) == 1, complaints
    assert all(word in matching[0] for word in words), matching[0]


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    document = good()
    for where, changes in (
        ("enterprise", {"name": ""}),
        ("site.0", {"zone": "Mars"}),
        ("site.0.shift.0", {"start": "six"}),
        ("source.0", {"protocol": "modbus"}),
        ("machine.0", {"source": "nobody", "max_rate": 0}),
        ("part_program.0", {"pri_s": -1}),
    ):
        put(document, where, changes)
    assert [sentence.split(":")[0] for sentence in complaints_of(document)] == [
        "enterprise.name",
        "site[0].zone",
        "site[0].shift[0].start",
        "source[0].protocol",
        "machine[0].source",
        "machine[0].max_rate",
        "part_program[0].pri_s",
    ]


def test_an_empty_file_is_told_what_it_needs() -> None:
    assert [sentence.split(":")[0] for sentence in complaints_of({})] == ["enterprise", "site", "source", "machine"]


def test_a_computer_without_time_zones_is_not_blamed_on_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.plant.parse._zones", frozenset)
    assert complaints_of(good()) == (
        'site[0].zone: this computer has no time zone database; install the package tzdata (site "minsk")',
    )


def test_one_mistake_gets_one_sentence() -> None:
    overlapping = {"name": "x", "start": "06:00", "end": "07:00", "days": ["tues"]}
    assert len(complaints_of(put(good(), "site.0.shift.+", overlapping))) == 1
    assert len(complaints_of(put(good(), "site.0.shift.0", {"start": "6:00"}))) == 1
    assert len(complaints_of(put(good(), "", {"enterprise": 5}))) == 1


CLOCK = st.sampled_from([f"{hour:02}:00" for hour in range(0, 24, 3)])
SHIFTS = st.lists(
    st.tuples(CLOCK, CLOCK, st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)),
    min_size=1,
    max_size=4,
)


def hours_of_the_week(start: str, end: str, days: list[str]) -> list[int]:
    """The hours a shift covers, Monday 00:00 is 0, counted around the week."""
    first, last = int(start[:2]), int(end[:2])
    length = last - first if last > first else last - first + 24
    return [(24 * DAYS.index(day) + first + hour) % 168 for day in days for hour in range(length)]


@settings(max_examples=300, deadline=None)
@given(shifts=SHIFTS)
def test_shifts_are_refused_exactly_when_two_share_an_hour_of_the_week(
    shifts: list[tuple[str, str, list[str]]],
) -> None:
    document = good()
    document["site"][0]["shift"] = [
        {"name": str(number), "start": start, "end": end, "days": days}
        for number, (start, end, days) in enumerate(shifts)
    ]
    covered = Counter(hour for shift in shifts for hour in hours_of_the_week(*shift))
    if max(covered.values()) > 1:
        assert any("overlaps" in sentence for sentence in complaints_of(document))
    else:
        parse_plant(document)


# --- anything at all in any place ------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates(date(2000, 1, 1))
    | st.sampled_from(["mon", "06:00", "10:00-10:30", "minsk", "minsk/x", "cell", 10**400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a document."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(found for key, value in inner for found in places(value, (*path, key)))]


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(places(good())[1:]), value=ANYTHING)
def test_whatever_stands_in_whatever_place_ends_in_a_plant_or_in_readable_sentences(
    place: tuple[Any, ...], value: Any
) -> None:
    document: Any = good()
    inner = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    try:
        parse_plant(document)
        complaints: tuple[str, ...] = ()
    except PlantError as error:
        complaints = error.complaints or ("",)
    assert all(": " in sentence and sentence.isprintable() for sentence in complaints)


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_reference_shows_a_file_that_is_good_and_complaints_that_are_true(language: str) -> None:
    page = (ROOT / "docs" / language / "plant-file.md").read_text(encoding="utf-8")
    example, shown = (page.split(f"```{kind}\n")[1].split("\n```")[0] for kind in ("toml", "text"))
    document = tomllib.loads(example)
    parse_plant(document)
    document["site"][0]["zone"] = "Europe/Mnsk"
    mill = {"name": "minsk/mill-1", "area": "milling", "source": "x", "signals": {"part.totl": "x"}}
    document["machine"] += [{"name": "minsk/saw", "area": "sawing", "source": "minsk-opcua"}, mill]
    assert list(complaints_of(document)) == shown.splitlines()


def test_every_suggested_signal_name_is_one() -> None:
    assert all(meaning(name) for name in signal_names())
    assert {"ctrl.execution", "spindle.1.load", "axis.X.pos", "power.current.l1", "alarm.edge"} <= set(signal_names())
