"""What is old goes, what can be folded again stays whole, sums and bands stay as they were, and the rest is refused."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import DatabaseError, InputError
from core.facts.schema import BY_SPEED, COUNT_GAP, NOT_LIMITED, UNSEEN, Late, Live, ShiftRow, Snapshot
from core.samples.batch import BatchBuilder, SampleBatch
from core.units import DAY_US, HOUR_US, MINUTE_US, datetime_from_us
from core.vocabulary import Cause, State
from stanok.jobs import maintain
from stanok.settings import DatabaseSettings, KeepSettings, Settings
from storage.pg import samples
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.past import PgPast
from storage.pg.plant import load_plant
from storage.pg.requests import ask_again
from storage.pg.retention import Removed, forget, index_chunks
from storage.pg.revision import Verdict, seal, verify
from storage.pg.rollup import differences
from tests.contracts.test_storage_shape import plain
from tests.storage.pg_changes import PLANT, PROGRAM, SPOOL, START_US, make_changes, raw_of, speeds

DAYS = 12
PAST = timedelta(days=8)
EVENTS = timedelta(days=1096)
MIDNIGHT_US = START_US // DAY_US * DAY_US
TICK_US = MIDNIGHT_US + DAYS * DAY_US + 3 * HOUR_US
KEPT_US = MIDNIGHT_US + (DAYS - 8) * DAY_US
"""Where refolding begins: whole days before the tick."""
RESULTS = ("kpi_hour", "kpi_shift", "kpi_day")


@pytest.fixture
def filled(emptied: Connection) -> Connection:
    """An hour of work every day from 12:30 to 13:30 UTC, half an hour of it unknown; 13:00 ends a shift.

    From 12:35 for 20 minutes and half a second a counter and the spindle are in doubt and one of two sources is gone.
    """
    load_plant(emptied, PLANT, START_US)
    store = Store(emptied, PLANT)
    store.take_ownership([SPOOL])
    facts, gaps, shifts = [], [], []
    for day in range(DAYS):
        noon = MIDNIGHT_US + day * DAY_US + 12 * HOUR_US
        for number, end in ((1, noon + HOUR_US), (2, noon + 2 * HOUR_US)):
            name = datetime_from_us(noon).date().isoformat()
            shifts.append(ShiftRow(100 * day + number, 0, str(number), name, end - HOUR_US, end))
        for minute in range(30, 90):
            row = {"machine": 0, "minute_us": noon + minute * MINUTE_US, "shift": 100 * day + 1 + (minute >= 60)}
            facts.append({**row, "program": PROGRAM.id, "unknown" if 50 <= minute < 80 else "apt": MINUTE_US})
        gap_us = noon + 50 * MINUTE_US - 500_000  # half a second into a minute that was known
        gaps.append(
            {
                "machine": 0,
                "from_us": gap_us,
                "to_us": noon + 80 * MINUTE_US,
                "state": State.UNKNOWN,
                "cause": Cause.SILENT,
            }
        )
    store.commit(
        make_changes(
            1,
            raw=raw_of(SampleBatch.concat([speeds(10, MIDNIGHT_US + day * DAY_US) for day in range(DAYS)])),
            facts=facts,
            intervals=gaps,
            count_gaps=doubts(),
            count_gaps_from={0: MIDNIGHT_US},
            shifts=shifts,
            closed_until_us={0: TICK_US},
            live=[Live(0, TICK_US, TICK_US, State.IDLE, Cause.READY, 7, TICK_US, 0, 0, False, 0.0)],
            snapshots=[Snapshot(0, MIDNIGHT_US + hour * HOUR_US, "v1", b"state") for hour in range(24 * DAYS)],
            tick_us=TICK_US,
        )
    )
    emptied.execute(
        "insert into stanok.data_gap (machine_id, source_id, scope, source_rank, from_time, to_time, cause, outcome)"
        " select machine_id, source_id, 'source', 1, from_time, to_time, cause, 'lost' from stanok.data_gap"
        " where scope = 'gauge' and counter = -1"
    )
    return emptied


def doubts() -> NDArray[np.void]:
    """Each day a gap of a counter that was booked the day after, and both kinds of the spindle."""
    rows = np.zeros(3 * DAYS, COUNT_GAP)
    rows["from_us"] = MIDNIGHT_US + np.repeat(np.arange(DAYS), 3) * DAY_US + 12 * HOUR_US + 35 * MINUTE_US
    rows["to_us"] = rows["booked_us"] = rows["from_us"] + 20 * MINUTE_US + 500_000
    rows["booked_us"][::3] += DAY_US
    rows["counter"] = np.tile([0, UNSEEN, BY_SPEED], DAYS)
    rows["cause"], rows["pri_us"], rows["most_us"] = Cause.COUNTER_RESET, PROGRAM.pri_us, NOT_LIMITED
    return rows


def results(connection: Connection) -> list[list[tuple[str]]]:
    return [
        connection.execute(f"select v::text from board.{view} v order by 1".encode()).fetchall() for view in RESULTS
    ]


def test_old_minutes_samples_and_snapshots_go_and_every_result_stays(filled: Connection) -> None:
    before = results(filled)
    assert all(len(rows) >= DAYS for rows in before)
    removed = forget(filled, PAST, EVENTS)
    days = DAYS - 8 - 1  # a day more of minutes and samples than can be folded again
    # As many chunks, or, in partitions that are not there yet, blocks: one of each machine.
    assert removed == Removed(60 * days, 24 * (days + 1), 2 * days if plain(filled) else days, 0)
    assert results(filled) == before
    assert filled.execute("select distinct scope from stanok.gap_time order by 1").fetchall() == [
        ("count",),
        ("gauge",),
        ("source",),
        ("state",),
    ]
    for scope in ("count", "gauge", "source", "state"):
        with filled.transaction(force_rollback=True):
            filled.execute("delete from stanok.gap_time where scope = %s", [scope])
            assert results(filled) != before, scope
    assert differences(filled) == []
    first = filled.execute(
        "select min(minute), (select min(hour) from stanok.machine_snapshot) from stanok.fact_minute"
    )
    assert first.fetchone() == (datetime_from_us(KEPT_US - DAY_US + 750 * MINUTE_US), datetime_from_us(KEPT_US))
    left = samples.raw_rows(filled, PLANT, samples.Window({0: 0, 1: 0})).batch
    assert left.event_us.min() == KEPT_US - DAY_US
    assert forget(filled, PAST, EVENTS) == Removed(0, 0, 0, 0)


def test_a_request_older_than_what_is_kept_is_refused_with_a_sentence_and_noted(
    filled: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    forget(filled, PAST, EVENTS)
    with pytest.raises(InputError, match=r"kept from 2025-11-26 00:00 UTC on"):
        ask_again(filled, PLANT, KEPT_US - 1, TICK_US, [0])
    store = Store(filled, PLANT)
    store.take_ownership([SPOOL])
    late = [Late(0, KEPT_US - MINUTE_US, KEPT_US, "late data"), Late(0, KEPT_US, KEPT_US + 1, "late data")]
    store.commit(make_changes(2, late=late, tick_us=TICK_US))
    found, _ = PgPast(filled, PLANT, "v1").requests()
    assert found == {0: (KEPT_US, KEPT_US + 1)}
    assert "minsk/lathe-1: not folded again" in caplog.text
    notes = filled.execute("select cause from stanok.repair_done order by id desc limit 1").fetchall()
    assert notes == [("refused: late data",)]


def test_sealed_days_that_went_are_forgotten_and_a_changed_day_is_still_found(filled: Connection) -> None:
    assert seal(filled) >= DAYS
    forget(filled, PAST, EVENTS)
    report = verify(filled)
    assert {found.verdict for found in report.findings} == {Verdict.FORGOTTEN}
    assert report.honest
    assert seal(filled) == 0
    filled.execute(
        "update stanok.fact_minute set apt = apt - 1 where minute > %s", [datetime_from_us(KEPT_US + DAY_US)]
    )
    report = verify(filled)
    assert Verdict.TAMPERED in {found.verdict for found in report.findings}
    assert not report.honest


def test_the_daily_command_seals_compares_removes_and_says_what_is_wrong(
    filled: Connection, reused_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(database=DatabaseSettings(dsn=reused_database), keep=KeepSettings(past_days=8))
    assert maintain(settings)
    said = capsys.readouterr().out
    assert f"{DAYS} seals were added\nall sums are right\nremoved: 180 rows of minutes, 96 snapshots" in said
    filled.execute("update stanok.fact_day set apt = 1 where day = '2025-12-02'")
    assert not maintain(settings)
    assert "fact_day: minsk/lathe-1, 2025-12-02: apt is 1, its minutes make 1800000000" in capsys.readouterr().out


def test_less_than_a_week_is_refused(filled: Connection) -> None:
    with pytest.raises(DatabaseError, match="a week at least"):
        forget(filled, timedelta(days=6), EVENTS)


def test_samples_that_are_kept_cannot_be_removed(filled: Connection) -> None:
    with pytest.raises(Exception, match="samples are kept"):
        filled.execute("select stanok.forget_samples('sample_block', now(), 1)")
    forget(filled, PAST, EVENTS)
    with pytest.raises(Exception, match="samples are kept"):
        filled.execute("select stanok.forget_samples('sample_block', %s, 1)", [datetime_from_us(KEPT_US)])


def test_closed_chunks_get_their_index_and_hot_ones_do_not(filled: Connection) -> None:
    query = (
        "select count(*) from pg_indexes where indexdef like '%USING btree (machine_id, event_time)%'"
        " and indexname like '%chunk_machine'"
    )
    assert filled.execute(query).fetchone() == (0,)
    store = Store(filled, PLANT)
    store.take_ownership([SPOOL])
    words = BatchBuilder()
    for at in (TICK_US - DAY_US, TICK_US):
        words.add(machine=0, signal=0, event_us=at, received_us=at, value=1.0)
    store.commit(make_changes(2, raw=raw_of(words.build(), 2), tick_us=TICK_US))
    names = list(index_chunks(filled))
    assert len(names) == (0 if plain(filled) else 1)  # the chunk of the last samples is hot
    assert filled.execute(query).fetchone() == (len(names),)
    assert list(index_chunks(filled)) == []
