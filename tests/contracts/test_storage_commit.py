"""The one transaction: atomic, fenced, exactly from where the last one ended; on a real server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.errors import BrokenPromise, DatabaseError, FencedError
from core.facts.schema import OPEN_END, Frontier, Late, Live, ShiftRow, Snapshot
from core.samples.batch import BatchBuilder, SampleBatch
from core.samples.records import Quarantine
from core.units import HOUR_US, MINUTE_US, SECOND_US, datetime_from_us
from core.vocabulary import Cause, State
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.plant import load_plant
from tests.storage.pg_changes import PLANT, PROGRAM, SPOOL, START_US, fact, make_changes, raw_of, speeds

TABLES = (
    *("sample_event", "sample_block", "sample", "fact_minute", "state_interval", "program_interval", "data_gap"),
    *("machine_live", "source_frontier", "machine_snapshot", "quarantine", "recompute_request"),
    *("shift_instance", "part_program", "engine_state", "spool_cursor"),
)

GAP_US = START_US + 10 * SECOND_US
INTERVALS = [
    {"machine": 0, "from_us": START_US, "to_us": GAP_US, "state": State.PRODUCING, "rule": 8},
    {"machine": 0, "from_us": GAP_US, "to_us": GAP_US + SECOND_US, "state": State.UNKNOWN, "cause": Cause.SILENT},
    {"machine": 0, "from_us": GAP_US + SECOND_US, "to_us": OPEN_END, "state": State.IDLE, "cause": Cause.READY},
]
LIVE = Live(0, START_US, START_US, State.IDLE, Cause.READY, 7, START_US, PROGRAM.id, 77, True, float("nan"))


@pytest.fixture
def database(reused_database: str) -> str:
    return reused_database


@pytest.fixture
def connection(emptied: Connection) -> Connection:
    return emptied


@pytest.fixture
def store(connection: Connection) -> Store:
    load_plant(connection, PLANT, START_US)
    made = Store(connection, PLANT)
    assert made.take_ownership([SPOOL]) == {SPOOL: 0}
    return made


def everything(record: int, **others: Any) -> Any:
    """Changes that touch every table."""
    return make_changes(
        record,
        raw=raw_of(SampleBatch.concat([speeds(3), texts("O1234")]), record),
        facts=[fact(0, apt=MINUTE_US, shift=77), fact(1, unknown=MINUTE_US)],
        closed_until_us={0: START_US + MINUTE_US},
        intervals=INTERVALS,
        programs=[{"machine": 0, "from_us": START_US, "to_us": OPEN_END, "program": PROGRAM.id}],
        live=[LIVE],
        frontiers=[Frontier(0, PLANT.sources[0].id, START_US, -1, START_US + 1, -1)],
        snapshots=[Snapshot(0, START_US // HOUR_US * HOUR_US, "v1", b"\x00state")],
        late=[Late(0, START_US, START_US + 1, "late data")],
        quarantine=[(SPOOL, record, "minsk-opcua", START_US, Quarantine("no \0 UTF-8", "a/b", -1, b"\xff\x00"))],
        seen={4711: "LEFT-HANDED\0"},
        shifts=[ShiftRow(77, 0, "1", "2025-11-22", START_US, START_US + 8 * HOUR_US)],
        **others,
    )


def texts(*found: str) -> SampleBatch:
    builder = BatchBuilder()
    for index, text in enumerate(found):
        builder.add(machine=0, signal=2, event_us=START_US + index, received_us=START_US, text=text, seq=index)
    return builder.build()


def counts(connection: Connection) -> dict[str, int]:
    found = {}
    for table in TABLES:
        row = connection.execute(f"select count(*) from stanok.{table}".encode()).fetchone()
        assert row is not None
        found[table] = row[0]
    return found


def all_rows(connection: Connection, *tables: str) -> list[list[tuple[str]]]:
    """Rows as text, so that NaN equals NaN."""
    query = "select t::text from stanok.{} t order by 1"
    return [connection.execute(query.format(table).encode()).fetchall() for table in tables]


def test_one_commit_writes_every_table(store: Store, connection: Connection) -> None:
    store.commit(everything(5))
    found = counts(connection)
    assert all(found.values()), found
    assert (found["sample_event"], found["sample"], found["fact_minute"], found["data_gap"]) == (1, 4, 2, 1)
    assert connection.execute("select record from stanok.spool_cursor").fetchone() == (5,)


def test_a_commit_that_fails_at_its_end_leaves_nothing(store: Store, connection: Connection) -> None:
    before = counts(connection)
    connection.execute("alter table stanok.engine_state add check (tick_time < '2000-01-01')")
    try:
        with pytest.raises(BrokenPromise, match="refused our rows"):
            store.commit(everything(5))
        assert counts(connection) == before
    finally:
        connection.execute("alter table stanok.engine_state drop constraint engine_state_tick_time_check")
    store.commit(everything(5))
    assert counts(connection)["engine_state"] == 1


def test_two_rows_of_one_minute_and_key_are_a_broken_promise(store: Store) -> None:
    with pytest.raises(BrokenPromise, match="duplicate key"):
        store.commit(make_changes(1, facts=[fact(0, apt=1), fact(0, apt=2)]))


def test_an_engine_that_lost_its_spool_cannot_write(store: Store, connection: Connection, database: str) -> None:
    store.commit(make_changes(3))
    with connect(database) as other:
        successor = Store(other, PLANT)
        assert successor.take_ownership([SPOOL]) == {SPOOL: 3}
        with pytest.raises(FencedError, match=SPOOL):
            store.commit(everything(5))
        assert counts(connection)["sample"] == 0
        successor.commit(everything(5))
    assert counts(connection)["sample"] == 4


def test_a_cursor_that_moved_without_us_is_a_broken_promise(store: Store, connection: Connection) -> None:
    connection.execute("update stanok.spool_cursor set record = 2")
    with pytest.raises(BrokenPromise, match="stands at 2, ours at 0"):
        store.commit(make_changes(5))


@pytest.mark.parametrize(
    "others", [{"cursors": {"stranger": 1}}, {"spools": ["stranger"]}, {"cursors": {SPOOL: -1}}], ids=str
)
def test_changes_that_do_not_fit_our_cursors_are_refused(store: Store, others: dict[str, Any]) -> None:
    with pytest.raises(BrokenPromise):
        store.commit(make_changes(5, **others))


def test_a_lost_connection_is_a_database_error_and_a_new_store_goes_on(
    store: Store, connection: Connection, database: str
) -> None:
    store.commit(make_changes(3))
    with connect(database) as other:
        other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
        with pytest.raises(DatabaseError):
            store.commit(everything(5))
        fresh = Store(other, PLANT)
        assert fresh.take_ownership([SPOOL]) == {SPOOL: 3}
        fresh.commit(everything(5))
        assert counts(other)["sample"] == 4


def test_the_same_tail_again_gives_the_same_rows(store: Store, connection: Connection) -> None:
    tails = ("fact_minute", "state_interval", "program_interval", "data_gap", "machine_live", "machine_snapshot")
    store.commit(everything(5))
    before = all_rows(connection, *tails)
    assert all(before)
    store.commit(everything(6))
    assert all_rows(connection, *tails) == before


def test_a_tail_is_replaced_from_its_first_row_on_and_nowhere_else(store: Store, connection: Connection) -> None:
    store.commit(everything(5))
    store.commit(
        make_changes(6, facts=[fact(1, adet_idle=7, job_order=3)], intervals=[{**INTERVALS[1], "to_us": OPEN_END}])
    )
    facts = connection.execute("select minute, apt, adet_idle, open from stanok.fact_minute order by minute").fetchall()
    assert facts == [
        (datetime_from_us(START_US), MINUTE_US, 0, False),
        (datetime_from_us(START_US + MINUTE_US), 0, 7, True),
    ]
    states = connection.execute("select state, to_time from stanok.state_interval order by from_time").fetchall()
    assert states == [(State.PRODUCING, datetime_from_us(GAP_US)), (State.UNKNOWN, None)]
    assert connection.execute("select to_time, outcome from stanok.data_gap").fetchall() == [(None, None)]


def test_a_gap_that_is_not_in_the_new_tail_is_gone(store: Store, connection: Connection) -> None:
    store.commit(everything(5))
    store.commit(make_changes(6, intervals=[{**INTERVALS[0], "to_us": OPEN_END}]))
    assert counts(connection)["data_gap"] == 0


def test_minutes_are_open_until_they_are_closed(store: Store, connection: Connection) -> None:
    found = make_changes(5, facts=[fact(minute) for minute in range(3)], closed_until_us={0: START_US + 2 * MINUTE_US})
    store.commit(found)
    rows = connection.execute("select open from stanok.fact_minute order by minute").fetchall()
    assert rows == [(False,), (False,), (True,)]


def test_the_last_credits_of_a_gap_count_and_survive_the_replacement_of_its_tail(
    store: Store, connection: Connection
) -> None:
    total = {"machine": 0, "gap_from_us": GAP_US, "credit_good_us": 0, "credit_total_us": 190, "parts": 2}
    query = "select credit_good_us, credit_total_us, parts, outcome from stanok.data_gap"
    store.commit(everything(5))
    assert connection.execute(query).fetchone() == (None, None, None, "lost")
    store.commit(make_changes(6, intervals=INTERVALS[1:], credits=[total, {**total, "credit_good_us": 95}]))
    store.commit(make_changes(7, intervals=INTERVALS[1:]))
    assert connection.execute(query).fetchone() == (95, 190, 2, "lost")


def test_a_credit_without_a_gap_is_told(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.commit(make_changes(5, credits=[{"machine": 0, "gap_from_us": GAP_US, "parts": 1}]))
    assert "minsk/lathe-1" in caplog.text


def test_never_is_null_and_unknown_speed_is_nan(store: Store, connection: Connection) -> None:
    store.commit(make_changes(5, live=[replace(LIVE, as_of_us=-1)]))
    row = connection.execute("select as_of, spindle_speed from stanok.machine_live").fetchone()
    assert row is not None
    assert row[0] is None
    assert np.isnan(row[1])


def test_nul_and_lone_surrogates_in_texts_are_replaced(store: Store, connection: Connection) -> None:
    store.commit(make_changes(5, raw=raw_of(texts("a\0b", "\ud800c", "д", ""))))
    found = connection.execute("select text from stanok.sample_event order by event_time").fetchall()
    assert found == [("a\ufffdb",), ("?c",), ("д",), ("",)]


def test_ownership_of_two_spools_is_taken_at_once(store: Store) -> None:
    assert store.take_ownership([SPOOL, "spool-b"]) == {SPOOL: 0, "spool-b": 0}
    store.commit(make_changes(5, spools=[SPOOL, "spool-b"], cursors={"spool-b": 9}))
    assert store.take_ownership([SPOOL, "spool-b"]) == {SPOOL: 0, "spool-b": 9}
