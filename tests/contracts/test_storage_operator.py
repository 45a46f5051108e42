"""What people told, in the database: kept once, read back as what is in effect, and joined with stops by overlap."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import psycopg
import pytest

from core.engine.operator import Told
from core.kpi.losses import Note, Stretch, pareto
from core.samples.entries import REASON, SCRAP, Entry, identified, taken_back
from core.units import MINUTE_US, SECOND_US, datetime_from_us
from core.vocabulary import Cause, State
from dashboards.macros import Window, expand
from dashboards.queries import stops as board
from storage.pg import reading
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.plant import load_plant
from tests.storage.pg_changes import PLANT, SPOOL, START_US, make_changes

MACHINE = PLANT.machines[0].name


def entry(first: int, last: int, reason: str = "tool", author: str = "Anna", entered: int = 0) -> Entry:
    """A reason of the first machine, in seconds after START_US."""
    since, until = (START_US + second * SECOND_US for second in (first, last))
    found = next(known for known in PLANT.reasons if known.code == reason)
    at_us = START_US + entered
    return identified(Entry("", REASON, MACHINE, since, until, author, at_us, reason, str(found.kind)), [])


@pytest.fixture
def store(emptied: Connection) -> Store:
    load_plant(emptied, PLANT, START_US)
    made = Store(emptied, PLANT)
    made.take_ownership([SPOOL])
    return made


def told(store: Store, record: int, *entries: Entry) -> None:
    store.commit(make_changes(record, entries=[(SPOOL, record, found) for found in entries]))


def test_the_catalogue_is_there_in_both_languages(emptied: Connection) -> None:
    load_plant(emptied, PLANT, START_US)
    rows = emptied.execute("select code, class, title_en, title_ru from stanok.reason").fetchall()
    assert sorted(rows) == sorted((r.code, str(r.kind), r.en, r.ru) for r in PLANT.reasons)


def test_an_entry_is_kept_once_and_never_changed(store: Store, emptied: Connection) -> None:
    first = entry(0, 60)
    told(store, 1, first)
    told(store, 2, first, replace(first, author="Mallory"))
    assert emptied.execute("select id, record, author from stanok.operator_entry").fetchall() == [(first.id, 1, "Anna")]
    for statement in ("update stanok.operator_entry set author = ''", "delete from stanok.operator_entry"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
            emptied.execute(statement.encode())


def test_what_is_in_effect_and_changes_the_fold_is_read_back(store: Store, emptied: Connection) -> None:
    repair, back = entry(0, 60, "repair"), entry(100, 160, "repair", "Ivan")
    gone = identified(taken_back(back, "Olga", START_US, "wrong"), [back])
    at_us = START_US + 30 * SECOND_US
    scrap = identified(Entry("", SCRAP, MACHINE, at_us, at_us + 1, "Ivan", START_US, parts=2, program="SHAFT-40"), [])
    told(store, 1, repair, entry(10, 20), back, gone, scrap)
    found = reading.told(emptied, PLANT, {0: START_US, 1: START_US})
    assert sorted(found, key=lambda row: row.parts) == [
        Told(repair.id, 0, repair.from_us, repair.to_us, 0, 0),
        Told(scrap.id, 0, at_us, at_us + 1, 2, PLANT.programs[0].id),
    ]
    assert reading.told(emptied, PLANT, {0: repair.to_us + 1}) == []
    assert reading.told(emptied, PLANT, {1: 0}) == []
    standings = emptied.execute("select standing, count(*) from board.operator_entry group by 1").fetchall()
    assert sorted(standings) == [("in_effect", 3), ("taken_back", 1), ("takes_back", 1)]


def at_random(rng: random.Random) -> tuple[list[dict[str, int]], list[Entry]]:
    """Intervals of an hour with and without production, and reasons that overlap them and each other."""
    edges = sorted(rng.sample(range(3600), 25))
    spans = [(START_US + a * SECOND_US + 7, START_US + b * SECOND_US + 7) for a, b in pairwise(edges)]
    causes = {State.IDLE: [Cause.READY, Cause.WAIT_TOOL], State.UNPLANNED_STOP: [Cause.ALARM], State.PRODUCING: [0]}
    intervals = []
    for since, until in spans:
        state = rng.choice(list(causes))
        row = {"machine": 0, "from_us": since, "to_us": until, "state": state, "cause": rng.choice(causes[state])}
        intervals.append(row)
    entries = []
    for number in range(12):
        first = rng.randrange(3600)
        reason = rng.choice(["tool", "repair", "other"])
        entries.append(entry(first, first + rng.randrange(1, 900), reason, f"person {number}", number))
    return intervals, entries


def losses(intervals: list[dict[str, int]], entries: list[Entry]) -> dict[tuple[int, str], tuple[int, int]]:
    """µs and stops of each cause and reason, as core says."""
    stopped = [Stretch(r["from_us"], r["to_us"], r["cause"]) for r in intervals if r["state"] != State.PRODUCING]
    notes = [Note(found.from_us, found.to_us, found.reason) for found in entries]
    return {(row.cause, row.reason): (row.us, row.stops) for row in pareto(stopped, notes)}


def test_stops_are_cut_by_reasons_as_the_losses_are(store: Store, emptied: Connection) -> None:
    """board.stop against core.kpi.losses over random intervals and reasons, to the microsecond."""
    intervals, entries = at_random(random.Random(20))
    store.commit(make_changes(1, intervals=intervals, entries=[(SPOOL, 1, found) for found in entries]))
    expected = losses(intervals, entries)
    assert len(expected) > 6
    us: dict[tuple[int, str], int] = defaultdict(int)
    stops: dict[tuple[int, str], set[object]] = defaultdict(set)
    rows = emptied.execute("select cause, reason, stop_from, from_time, to_time from board.stop").fetchall()
    for word, reason, stop, since, until in rows:
        key = int(Cause[word.upper()]), reason
        us[key] += (until - since).days * 86_400_000_000 + (until - since).seconds * 1_000_000
        us[key] += (until - since).microseconds
        stops[key].add(stop)
    assert {key: (us[key], len(stops[key])) for key in us} == expected


def test_the_board_counts_a_stop_of_each_machine_once_for_each_of_its_reasons(
    store: Store, emptied: Connection
) -> None:
    """Two machines stop at the same instants; only what happens to the first was told."""
    intervals, entries = at_random(random.Random(21))
    both = intervals + [{**row, "machine": 1} for row in intervals]
    store.commit(make_changes(1, intervals=both, entries=[(SPOOL, 1, found) for found in entries]))
    first, second = losses(intervals, entries), losses(intervals, [])
    machines = {key: (key in first) + (key in second) for key in first | second}
    expected = {
        key: (*(a + b for a, b in zip(first.get(key, (0, 0)), second.get(key, (0, 0)), strict=True)), machines[key])
        for key in machines
    }
    assert any(stops != count for _, stops, count in expected.values())
    window = Window(datetime_from_us(START_US), datetime_from_us(START_US + 3601 * SECOND_US))
    codes = {reason.en: reason.code for reason in PLANT.reasons} | {"Not yet classified": ""}
    query = expand(board.pareto("en"), window, {"site": [PLANT.sites[0].name]})
    found = {
        (int(Cause[cause.upper()]), codes[reason]): (round(length_s * SECOND_US), stops, count)
        for cause, reason, _, length_s, stops, count in emptied.execute(query.encode()).fetchall()
    }
    assert found == expected


def test_pitfall_35_the_reason_of_a_stop_is_never_filled_back_to_an_earlier_one(
    store: Store, emptied: Connection
) -> None:
    idle = {"machine": 0, "state": State.IDLE, "cause": Cause.READY}
    spans = [(0, 60), (60, 120), (120, 180)]
    stops = [{**idle, "from_us": START_US + a * SECOND_US, "to_us": START_US + b * SECOND_US} for a, b in spans]
    stops[1]["state"] = State.PRODUCING
    store.commit(make_changes(1, intervals=stops, entries=[(SPOOL, 1, entry(120, 180))]))
    rows = emptied.execute("select from_time, reason, reason_en from board.stop order by from_time").fetchall()
    assert rows == [
        (datetime_from_us(START_US), "", "Not yet classified"),
        (datetime_from_us(START_US + 120 * SECOND_US), "tool", "Tool worn, broken or missing"),
    ]


def test_pitfall_36_what_two_people_say_of_one_stop_is_all_kept_and_the_later_word_holds(
    store: Store, emptied: Connection
) -> None:
    idle = {"machine": 0, "from_us": START_US, "to_us": START_US + MINUTE_US, "state": State.IDLE, "cause": Cause.READY}
    anna, ivan = entry(0, 60, "tool", "Anna", 1), entry(0, 60, "no_material", "Ivan", 2)
    store.commit(make_changes(1, intervals=[idle], entries=[(SPOOL, 1, ivan), (SPOOL, 2, anna)]))
    assert emptied.execute("select reason, author from board.stop").fetchall() == [("no_material", "Ivan")]
    kept = emptied.execute("select author, standing from board.operator_entry order by author").fetchall()
    assert kept == [("Anna", "in_effect"), ("Ivan", "in_effect")]


def test_a_repair_of_facts_orphans_no_reason(store: Store, emptied: Connection) -> None:
    told(store, 1, entry(0, 60))
    idle = {"machine": 0, "from_us": START_US, "to_us": START_US + MINUTE_US, "state": State.IDLE, "cause": Cause.READY}
    for record, until in ((2, MINUTE_US), (3, MINUTE_US // 2)):
        store.commit(make_changes(record, intervals=[{**idle, "to_us": START_US + until}]))
        assert emptied.execute("select reason, from_time, to_time from board.stop").fetchall() == [
            ("tool", datetime_from_us(START_US), datetime_from_us(START_US + until))
        ]
