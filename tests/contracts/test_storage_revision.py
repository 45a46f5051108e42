"""Seals of two days: what the engine does later leaves them right or explained, what anybody else does is seen."""

from __future__ import annotations

from datetime import date

import numpy as np
import psycopg
import pytest

from core.facts.schema import FACT, GAP_CREDIT, INTERVAL, OPEN_END, PROGRAM_INTERVAL, Late, Live, Repair
from core.units import DAY_US, MINUTE_US
from core.vocabulary import Cause, State
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.plant import load_plant
from storage.pg.revision import FIRST, Verdict, seal, verify
from tests.storage.pg_changes import PLANT, PROGRAM, SPOOL, START_US, fact, make_changes, rows

DAY = date(2025, 11, 22)
NIGHT_MINUTES = 750
"""From START_US, 11:30 in Minsk, to midnight."""
FACTS = [fact(minute, apt=MINUTE_US) for minute in (0, 1, 2, NIGHT_MINUTES, NIGHT_MINUTES + 1)]
WORK = {"machine": 0, "from_us": START_US, "to_us": OPEN_END, "state": State.PRODUCING, "cause": Cause.NONE, "rule": 8}
FIRST_MINUTE = "(select min(minute) from stanok.fact_minute)"
GAP = {
    "machine": 0,
    "from_us": START_US + 2 * MINUTE_US,
    "to_us": START_US + 3 * MINUTE_US,
    "state": State.UNKNOWN,
    "cause": Cause.SILENT,
}


def live(days: float) -> Live:
    at_us = START_US + int(days * DAY_US)
    return Live(0, at_us, at_us, State.PRODUCING, Cause.NONE, 8, START_US, PROGRAM.id, 0, True, 0.0)


@pytest.fixture
def store(emptied: Connection) -> Store:
    load_plant(emptied, PLANT, START_US)
    made = Store(emptied, PLANT)
    made.take_ownership([SPOOL])
    intervals = [WORK | {"to_us": GAP["from_us"]}, GAP, WORK | {"from_us": GAP["to_us"]}]
    made.commit(
        make_changes(
            1,
            facts=FACTS,
            closed_until_us={0: START_US + NIGHT_MINUTES * MINUTE_US + MINUTE_US},
            intervals=intervals,
            live=[live(1.0)],
            tick_us=START_US + DAY_US,
        )
    )
    return made


def fold_again(store: Store, record: int, connection: Connection) -> None:
    """What a repair of the first minute does: the request, then new rows and the request's end in one commit."""
    late = Late(0, START_US, START_US + MINUTE_US, "late data")
    store.commit(make_changes(record, late=[late], tick_us=START_US + DAY_US))
    row = connection.execute("select max(id) from stanok.recompute_request").fetchone()
    assert row is not None
    repair = Repair(
        *(0, START_US, START_US + MINUTE_US, False),
        facts=rows(FACT, [fact(0, aust=MINUTE_US - record, apt=record)]),
        intervals=np.empty(0, INTERVAL),
        intervals_from=0,
        intervals_until=0,
        programs=np.empty(0, PROGRAM_INTERVAL),
        programs_from=0,
        programs_until=0,
        credits=np.empty(0, GAP_CREDIT),
        snapshots=(),
    )
    store.commit(make_changes(record + 1, repairs=[repair], repaired=([0], row[0]), tick_us=START_US + DAY_US))


def verdicts(connection: Connection) -> list[Verdict]:
    return [found.verdict for found in verify(connection).findings]


@pytest.mark.usefixtures("store")
def test_a_closed_day_is_sealed_once_and_the_running_one_not(emptied: Connection) -> None:
    assert verify(emptied).root == FIRST
    assert seal(emptied) == 1
    assert seal(emptied) == 0
    found = emptied.execute("select number, day, cause, lines from stanok.result_revision").fetchall()
    assert found == [(1, DAY, "closed", 3 + 3 + 0 + 1)]
    report = verify(emptied)
    assert (report.seals, report.days, report.findings, report.honest) == (1, 1, [], True)
    assert report.root != FIRST


def test_a_day_that_may_still_change_is_not_sealed(store: Store, emptied: Connection) -> None:
    late = Late(0, START_US, START_US + MINUTE_US, "late data")
    store.commit(make_changes(2, late=[late], tick_us=START_US + DAY_US))
    assert seal(emptied) == 0
    emptied.execute("delete from stanok.recompute_request")
    emptied.execute(f"update stanok.fact_minute set open = true where minute = {FIRST_MINUTE}".encode())
    assert seal(emptied) == 0


def test_what_comes_after_the_day_leaves_its_seal_right(store: Store, emptied: Connection) -> None:
    seal(emptied)
    credit = {"machine": 0, "gap_from_us": GAP["from_us"], "credit_good_us": 5, "credit_total_us": 5, "parts": 1}
    end = {"from_us": GAP["to_us"], "to_us": START_US + DAY_US}
    store.commit(
        make_changes(
            2,
            facts=[fact(2 * 1440, apt=MINUTE_US)],
            intervals=[WORK | end, WORK | {"from_us": end["to_us"], "state": State.IDLE}],
            credits=[credit | {"booked_us": START_US + DAY_US}],
            live=[live(3.0)],
            closed_until_us={0: START_US + 3 * DAY_US},
            tick_us=START_US + 3 * DAY_US,
        )
    )
    emptied.execute("update stanok.fact_minute set open = false")
    assert verify(emptied).findings == []
    assert seal(emptied) >= 1
    assert verify(emptied).honest


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    "crime",
    [
        f"update stanok.fact_minute set apt = apt - 1, aust = aust + 1 where minute = {FIRST_MINUTE}",
        f"delete from stanok.fact_minute where minute = {FIRST_MINUTE}",
        "update stanok.state_interval set state = 3 where state = 1",
        "delete from stanok.data_gap",
        "insert into stanok.program_interval select machine_id, from_time, null, 7 from stanok.data_gap",
    ],
)
def test_rows_that_somebody_changed_are_tampered(emptied: Connection, crime: str) -> None:
    seal(emptied)
    emptied.execute(crime.encode())
    (found,) = verify(emptied).findings
    assert (found.machine, found.day, found.verdict) == ("minsk/lathe-1", DAY, Verdict.TAMPERED)
    assert not verify(emptied).honest
    assert seal(emptied) == 0  # a seal never covers it up
    assert verdicts(emptied) == [Verdict.TAMPERED]


@pytest.mark.usefixtures("store")
def test_rows_that_are_all_gone_are_said_to_be(emptied: Connection) -> None:
    seal(emptied)
    emptied.execute("delete from stanok.fact_minute; delete from stanok.state_interval; delete from stanok.data_gap")
    assert verdicts(emptied) == [Verdict.GONE]


def test_a_repair_explains_a_change_until_it_is_sealed(store: Store, emptied: Connection) -> None:
    seal(emptied)
    fold_again(store, 2, emptied)
    report = verify(emptied)
    assert [found.verdict for found in report.findings] == [Verdict.REVISED]
    assert "late data" in report.findings[0].why
    assert report.honest
    assert seal(emptied) == 1
    assert emptied.execute("select number, cause from stanok.result_revision order by 1").fetchall() == [
        (1, "closed"),
        (2, "late data"),
    ]
    assert verify(emptied).findings == []
    emptied.execute("update stanok.fact_minute set parts_good = parts_good + 1")
    assert verdicts(emptied) == [Verdict.TAMPERED]


def test_a_change_under_a_repair_that_goes_on_is_being_revised(store: Store, emptied: Connection) -> None:
    seal(emptied)
    late = Late(0, START_US, START_US + MINUTE_US, "late data")
    store.commit(make_changes(2, late=[late], tick_us=START_US + DAY_US))
    emptied.execute("update stanok.fact_minute set parts_good = 1")
    assert verdicts(emptied) == [Verdict.BEING_REVISED]


def test_seals_and_repairs_only_grow(store: Store, emptied: Connection) -> None:
    seal(emptied)
    fold_again(store, 2, emptied)
    for crime in (
        "update stanok.result_revision set cause = 'x'",
        "delete from stanok.result_revision",
        "truncate stanok.result_revision",
        "update stanok.repair_done set cause = 'x'",
        "delete from stanok.repair_done",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
            emptied.execute(crime.encode())


def by_force(connection: Connection, crime: str) -> None:
    """As a superuser who switches triggers off."""
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute(crime.encode())


def test_a_chain_that_was_written_into_is_broken(store: Store, emptied: Connection) -> None:
    seal(emptied)
    fold_again(store, 2, emptied)
    seal(emptied)
    root = verify(emptied).root
    assert verify(emptied, root).honest
    by_force(emptied, "update stanok.result_revision set cause = 'x' where number = 1")
    assert "seal 1 does not follow" in verify(emptied).broken[0]
    by_force(emptied, "delete from stanok.result_revision where number = 1")
    assert verify(emptied).broken
    by_force(emptied, "delete from stanok.result_revision")
    assert verify(emptied).honest  # nothing is left that could tell
    assert verify(emptied, root).broken == ["the noted hash is not in the chain: seals were removed or written anew"]


def test_old_seals_outlive_new_columns_and_say_when_one_is_gone(database: str) -> None:
    """On a database of its own, because it changes tables."""
    with connect(database) as connection:
        load_plant(connection, PLANT, START_US)
        own = Store(connection, PLANT)
        own.take_ownership([SPOOL])
        closed = {0: START_US + DAY_US}
        changes = make_changes(1, facts=FACTS, closed_until_us=closed, live=[live(1.0)], tick_us=START_US + DAY_US)
        own.commit(changes)
        assert seal(connection) == 1
        connection.execute("alter table stanok.fact_minute add column fresh bigint not null default 0")
        assert verify(connection).findings == []
        connection.execute("drop schema board, stanok_formula cascade")
        connection.execute("alter table stanok.fact_minute drop column parts_good")
        (found,) = verify(connection).findings
        assert (found.verdict, found.why) == (Verdict.NOT_COMPARABLE, "column parts_good is no longer stored")
