"""Gaps of one of several sources: rows of scope `source`, and what they leave open, computed by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from psycopg.rows import dict_row

from core.facts.schema import OPEN_END, GapRow, Live, ShiftRow
from core.plant.model import Feed, Plant, Source
from core.units import MINUTE_US, SECOND_US
from core.vocabulary import Cause, State
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.plant import load_plant
from tests.storage.pg_changes import PLANT, PROGRAM, SPOOL, START_US, fact, make_changes

END_US = START_US + 10 * MINUTE_US
SHIFT = ShiftRow(77, 0, "1", "2025-11-22", START_US, END_US)
LIVE = Live(0, END_US, END_US - SECOND_US, State.PRODUCING, Cause.NONE, 8, START_US, PROGRAM.id, 77, True, 1200.0)
PRI_US = PROGRAM.pri_us
FROM_US, TO_US = START_US + 5 * MINUTE_US, START_US + 7 * MINUTE_US
CREDIT = {
    **{"machine": 0, "gap_from_us": FROM_US, "credit_good_us": PRI_US, "credit_total_us": PRI_US, "parts": 1},
    **{"booked_us": TO_US + SECOND_US, "source": 1},
}
CONTROL = {"ctrl.execution": "", "prog.name": ""}


def shared(signals: dict[str, str], control: dict[str, str] = CONTROL) -> Plant:
    """The plant with a second source of its first machine."""
    sources = (*PLANT.sources, Source("minsk-mqtt", "mqtt", 2_000_000, {}))
    first = replace(PLANT.machines[0], signals=control, more=(Feed(1, signals, {}),))
    return replace(PLANT, sources=sources, machines=(first, PLANT.machines[1]))


COUNTER = shared({"part.total": ""})
CLAMP = shared({"spindle.1.speed": ""}, {**CONTROL, "part.total": ""})


@pytest.fixture
def connection(emptied: Connection) -> Connection:
    return emptied


def store_of(connection: Connection, plant: Plant) -> Store:
    load_plant(connection, plant, START_US)
    made = Store(connection, plant)
    made.take_ownership([SPOOL])
    return made


def gap(plant: Plant, rank: int, to_us: int = TO_US, cause: Cause = Cause.SILENT) -> dict[str, Any]:
    source = plant.sources[rank].id
    return {
        "gap_rows": [GapRow(0, source, FROM_US, to_us, cause, False)],
        "gap_rows_from": {(0, source): FROM_US},
    }


def facts(*, booked: bool) -> list[dict[str, int]]:
    """Ten minutes of production with three parts, and one that was booked after a gap."""
    minutes = [fact(minute, shift=77, apt=MINUTE_US) for minute in range(10)]
    for minute in (1, 3, 9):
        minutes[minute].update(parts_total=1, parts_good=1, credit_total_us=PRI_US, credit_good_us=PRI_US)
    if booked:
        minutes[7].update(parts_total=1, parts_good=1, credit_gap_total_us=PRI_US, credit_gap_good_us=PRI_US)
    return minutes


def write(store: Store, found: list[dict[str, int]], **others: Any) -> None:
    store.commit(make_changes(1, facts=found, live=[LIVE], shifts=[SHIFT], tick_us=END_US, **others))


def look(connection: Connection, view: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(f"select * from board.{view}".encode()).fetchall()


def oee(connection: Connection) -> tuple[Any, ...]:
    (row,) = look(connection, "kpi_shift")
    assert row["coverage"] == 1
    return row["oee_low"], row["oee"], row["oee_high"]


def test_parts_booked_after_a_counter_was_gone_leave_nothing_open(connection: Connection) -> None:
    store = store_of(connection, COUNTER)
    write(store, facts(booked=True), credits=[CREDIT], **gap(COUNTER, 1))
    assert oee(connection) == pytest.approx((380 / 600, 380 / 600, 380 / 600))
    (row,) = look(connection, "gap")
    assert (row["source"], row["scope"], row["cause"], row["parts"], row["outcome"]) == (
        *("minsk-mqtt", "source", "silent", 1, "lost"),
    )


def test_while_a_counter_is_gone_the_greatest_rate_may_have_been_made(connection: Connection) -> None:
    write(store_of(connection, COUNTER), facts(booked=False), **gap(COUNTER, 1))
    assert oee(connection) == pytest.approx(
        (285 / 600, 285 / 600, (285 + 120 * 1.2 + 95) / 600)
    )  # a part may be begun before


def test_a_source_without_counters_leaves_no_parts_open(connection: Connection) -> None:
    write(store_of(connection, CLAMP), facts(booked=False), **gap(CLAMP, 1))
    assert oee(connection) == pytest.approx((285 / 600, 285 / 600, 285 / 600))


def test_gaps_of_two_sources_that_begin_together_stand_side_by_side_and_change_alone(connection: Connection) -> None:
    store = store_of(connection, COUNTER)
    control, counter = gap(COUNTER, 0, OPEN_END), gap(COUNTER, 1, OPEN_END)
    both = {key: [*control[key], *counter[key]] for key in ("gap_rows",)}
    since = {**control["gap_rows_from"], **counter["gap_rows_from"]}
    write(store, facts(booked=True), credits=[CREDIT], gap_rows_from=since, **both)
    store.commit(make_changes(2, **gap(COUNTER, 1)))
    rows = sorted((row["source"], row["lasting"], row["parts"]) for row in look(connection, "gap"))
    assert rows == [("minsk-mqtt", False, 1), ("minsk-opcua", True, None)]
    store.commit(make_changes(3, gap_rows_from={(0, COUNTER.sources[0].id): FROM_US}))
    assert [row["source"] for row in look(connection, "gap")] == ["minsk-mqtt"]


def test_records_of_a_source_that_a_machine_has_no_more_go_with_those_of_its_first(connection: Connection) -> None:
    write(store_of(connection, PLANT), facts(booked=False), **gap(PLANT, 0, OPEN_END))
    moved = replace(PLANT, sources=(replace(PLANT.sources[0], name="minsk-new"),))
    store_of(connection, moved).commit(make_changes(2, **gap(moved, 0)))
    rows = connection.execute("select source_id, to_time is null from stanok.source_gap").fetchall()
    assert rows == [(moved.sources[0].id, False)]
