"""The engine on a real database: what is late, silent, foreign or damaged, and who may write."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from core.errors import FencedError
from core.plant.model import Plant
from core.samples.batch import BatchBuilder
from core.samples.records import Gap, Heartbeat, RowKind, SpoolRow, pack_gap, pack_heartbeat, pack_samples
from core.units import MINUTE_US, SECOND_US, datetime_from_us, us_from_datetime
from core.vocabulary import Cause, Execution, Flag, State
from simulators.scenario import Scenario
from stanok import pipeline
from stanok.pipeline import Engine
from stanok.plantfile import remember_names
from stanok.settings import EngineSettings
from storage.pg.commit import Store
from storage.pg.connect import Connection, connect
from storage.pg.requests import ask_again
from storage.spool import SpoolWriter
from tests.stanok.conftest import TUESDAY_US
from tests.stanok.day import day
from tests.stanok.hand import HandClock
from tests.stanok.house import difference, results, wait_for

SETTINGS = EngineSettings(tick_s=0.02, commit_s=0.02, repair_quiet_s=0.1)


class Bench:
    """An engine in a thread, the spool of its collector, and the database."""

    def __init__(self, plant: Plant, directory: Path, dsn: str) -> None:
        self.plant, self.directory, self.dsn = plant, directory, dsn
        self.clock: Any = HandClock(TUESDAY_US)
        (directory / "spool").mkdir(parents=True)
        self.path = directory / "spool" / "collect.spool"
        self.spool = SpoolWriter(self.path)
        self.error: Exception | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def start(self, plant: Plant | None = None) -> Bench:
        self._stop = threading.Event()
        engine = Engine(plant or self.plant, self.directory, self.dsn, self.clock, SETTINGS)
        self._thread = threading.Thread(target=self._run, args=(engine, self._stop))
        self._thread.start()
        return self

    def _run(self, engine: Engine, stop: threading.Event) -> None:
        try:
            engine.run(stop)
        except Exception as error:  # shown by the test that expects it, or by `stop`
            self.error = error
        finally:
            engine.close()

    def stop(self) -> None:
        self.end()
        if self.error is not None:
            raise self.error

    def end(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
            assert not self._thread.is_alive()

    def ended(self) -> bool:
        return self._thread is not None and not self._thread.is_alive()

    def send(self, *rows: SpoolRow) -> None:
        self.spool.append_now(rows)

    def acknowledged(self) -> int:
        path = self.path.with_name(self.path.name + ".ack")
        return int(json.loads(path.read_text())["record"]) if path.exists() else 0

    def committed(self, *rows: SpoolRow) -> None:
        """Send rows and wait until the database has them."""
        self.send(*rows)
        wait_for(lambda: self.ended() or self.acknowledged() == self.spool.end(), "the rows are not committed", 20)

    def row(self, kind: RowKind, payload: bytes, plant: Plant | None = None) -> SpoolRow:
        source = self.plant.sources[0].name
        return SpoolRow(kind, source, (plant or self.plant).hash, self.clock.now_us(), payload)

    def beat(self, at_us: int, machines: Sequence[int] = (0,)) -> SpoolRow:
        beat = Heartbeat(np.array(machines, "<i4"), np.full(len(machines), at_us, "<i8"))
        return self.row(RowKind.HEARTBEAT, pack_heartbeat(beat))

    def word(self, at_us: int, word: Execution, machine: int = 0, plant: Plant | None = None) -> SpoolRow:
        builder = BatchBuilder()
        signal = (plant or self.plant).signal_index["ctrl.execution"]
        builder.add(machine=machine, signal=signal, event_us=at_us, received_us=at_us, value=float(word))
        return self.row(RowKind.SAMPLES, pack_samples(builder.build()), plant)

    def ask(self, query: str, *given: object) -> list[tuple[Any, ...]]:
        with connect(self.dsn) as connection:
            return connection.execute(query.encode(), given).fetchall()

    def gaps(self) -> list[tuple[int, int | None, int]]:
        """Gaps of the first machine: from, to, cause."""
        rows = self.ask(
            "select from_time, to_time, cause from stanok.data_gap where machine_id = %s and scope = 'state'"
            " order by from_time",
            self.plant.machines[0].id,
        )
        return [(us_from_datetime(a), None if b is None else us_from_datetime(b), cause) for a, b, cause in rows]

    def unknown_us(self) -> int:
        """UNKNOWN time of the first machine, all its minutes."""
        (row,) = self.ask(
            "select sum(unknown + unknown_out)::bigint from stanok.fact_minute where machine_id = %s",
            self.plant.machines[0].id,
        )
        return int(row[0])


@pytest.fixture
def bench(plant: Plant, tmp_path: Path, database: str) -> Iterator[Bench]:
    made = Bench(plant, tmp_path / "data", database)
    yield made
    made.end()
    made.spool.close()


def minute(number: float) -> int:
    return TUESDAY_US + int(number * MINUTE_US)


def test_a_late_sample_is_stored_and_folded_in_when_it_has_been_quiet(bench: Bench) -> None:
    bench.start()
    bench.committed(bench.word(minute(0), Execution.ACTIVE), bench.beat(minute(3)))
    bench.committed(bench.word(minute(1), Execution.INTERRUPTED), bench.beat(minute(4)))
    machine = bench.plant.machines[0].id
    produced = "select sum(apt)::bigint from stanok.fact_minute where machine_id = %s"
    wait_for(lambda: bench.ask(produced, machine) == [(MINUTE_US,)], "the late sample is not folded in")
    assert bench.ask("select * from stanok.recompute_request") == []
    bench.stop()
    assert bench.ask("select event_time, value from stanok.sample_event order by event_time") == [
        (datetime_from_us(minute(0)), Execution.ACTIVE),
        (datetime_from_us(minute(1)), Execution.INTERRUPTED),
    ]
    assert bench.ask("select from_time, to_time, state from stanok.state_interval order by from_time") == [
        (datetime_from_us(minute(0)), datetime_from_us(minute(1)), State.PRODUCING),
        (datetime_from_us(minute(1)), None, State.IDLE),
    ]


def test_a_stretch_that_a_person_asks_for_is_folded_again_and_changes_nothing(bench: Bench) -> None:
    bench.start()
    bench.committed(bench.word(minute(0), Execution.ACTIVE), bench.beat(minute(90)))
    bench.committed(bench.word(minute(95), Execution.INTERRUPTED), bench.beat(minute(200)))
    with connect(bench.dsn) as connection:
        before = results(connection)
        assert ask_again(connection, bench.plant, minute(0), minute(100), [0]) == 1
    wait_for(lambda: bench.ask("select * from stanok.recompute_request") == [], "the request is not done")
    bench.stop()
    with connect(bench.dsn) as connection:
        assert difference(before, results(connection)) == []


def test_what_is_asked_for_is_done_though_nothing_new_comes_after_a_restart(bench: Bench) -> None:
    bench.start()
    bench.committed(bench.word(minute(0), Execution.ACTIVE), bench.beat(minute(3)))
    wait_for(lambda: bench.ask("select tick_time from stanok.engine_state") != [], "there is no tick")
    bench.stop()
    with connect(bench.dsn) as connection:
        before = results(connection)
        assert ask_again(connection, bench.plant, minute(0), minute(3), [0]) == 1
    bench.start()  # its clock stands: there is no tick either
    wait_for(lambda: bench.ask("select * from stanok.recompute_request") == [], "the request is not done")
    bench.stop()
    with connect(bench.dsn) as connection:
        assert difference(before, results(connection)) == []


def test_silence_is_a_gap_from_the_last_proof_of_life_and_unknown_time_is_the_gaps_exactly(bench: Bench) -> None:
    bench.start()
    first_us, last_us = minute(0.25), minute(2) + 123_457
    bench.committed(bench.word(first_us, Execution.ACTIVE), bench.beat(last_us))
    bench.clock.now = last_us + 9 * SECOND_US
    wait_for(lambda: bench.ask("select tick_time from stanok.engine_state") != [], "there is no tick")
    assert bench.gaps() == [(minute(0), first_us, Cause.NO_DATA_YET)]
    bench.clock.now = minute(4)
    wait_for(lambda: len(bench.gaps()) == 2, "the silence is not seen")
    assert bench.gaps()[1] == (last_us, None, Cause.SILENT)
    bench.clock.now = minute(5)
    wait_for(
        lambda: bench.unknown_us() == (first_us - minute(0)) + (minute(5) - last_us),
        "the open gap does not grow with the ticks",
    )
    back_us = minute(5) + 777
    bench.committed(bench.word(back_us, Execution.ACTIVE), bench.beat(minute(7)))
    wait_for(lambda: bench.gaps()[1][1] is not None, "the gap is not closed")
    bench.stop()
    assert bench.gaps()[1:] == [(last_us, back_us, Cause.SILENT)]
    assert bench.unknown_us() == (first_us - minute(0)) + (back_us - last_us)


def test_the_time_between_two_starts_is_a_gap_like_any_other(bench: Bench) -> None:
    bench.start()
    bench.committed(bench.word(minute(0), Execution.ACTIVE), bench.beat(minute(2)))
    bench.stop()
    bench.clock.now = minute(62)
    bench.start()
    wait_for(lambda: bench.gaps() == [(minute(2), None, Cause.SILENT)], "the silence is not seen")
    bench.committed(bench.beat(minute(63)))
    wait_for(lambda: bench.gaps()[0][1] is not None, "the gap is not closed")
    bench.stop()
    assert bench.gaps() == [(minute(2), minute(63), Cause.SILENT)]
    assert bench.unknown_us() == 61 * MINUTE_US


def test_life_that_is_seen_only_while_the_engine_stops_still_ends_its_gap(bench: Bench) -> None:
    bench.start()
    bench.committed(bench.word(minute(0), Execution.ACTIVE), bench.beat(minute(2)))
    bench.clock.now = minute(4)
    wait_for(lambda: len(bench.gaps()) == 1, "the silence is not seen")
    with connect(bench.dsn) as blocker, blocker.transaction():
        blocker.execute("select from stanok.spool_cursor for update")
        wait_for(lambda: waiting(blocker), "the engine does not commit")
        bench.send(bench.beat(minute(5)))
        bench._stop.set()
    bench.stop()
    bench.start()
    bench.committed(bench.beat(minute(6)))
    bench.stop()
    assert bench.gaps() == [(minute(2), minute(5), Cause.SILENT)]


def counts(bench: Bench, received_us: int, *readings: tuple[str, int, float], flags: int = 0) -> SpoolRow:
    """A row of the first machine's values: (signal, event, value)."""
    builder = BatchBuilder()
    for name, event_us, value in readings:
        signal = bench.plant.signal_index[name]
        builder.add(machine=0, signal=signal, event_us=event_us, received_us=received_us, value=value, flags=flags)
    return bench.row(RowKind.SAMPLES, pack_samples(builder.build()))


@pytest.mark.parametrize(("flag", "in_gap"), [(Flag.INITIAL, 0), (Flag.INITIAL | Flag.RETAINED, 1), (Flag(0), 1)])
def test_a_counter_that_is_told_anew_after_a_gap_leaves_the_next_part_outside_it(
    bench: Bench, flag: Flag, in_gap: int
) -> None:
    bench.start()
    bench.committed(bench.word(minute(0), Execution.ACTIVE), counts(bench, minute(1), ("part.total", minute(1), 100.0)))
    bench.committed(bench.beat(minute(2)))
    edges = [Gap(True, minute(2), Cause.RESTART, (0,)), Gap(False, minute(3), Cause.RESTART, (0,))]
    bench.committed(
        *(bench.row(RowKind.GAP, pack_gap(edge)) for edge in edges),
        bench.beat(minute(3)),
        counts(bench, minute(3), ("part.total", minute(1), 100.0), flags=int(flag)),
    )
    bench.committed(counts(bench, minute(4), ("part.total", minute(4), 101.0)), bench.beat(minute(5)))
    bench.stop()
    assert bench.ask("select parts from stanok.data_gap where cause = %s", int(Cause.RESTART)) == [(in_gap,)]
    assert bench.ask("select sum(parts_total)::bigint from stanok.fact_minute") == [(1,)]


def turned(plant: Plant) -> Plant:
    """The same plant with its machines in another order."""
    return replace(plant, machines=plant.machines[::-1], hash=b"turned".ljust(32, b"\0"))


def test_a_row_of_an_older_plant_file_is_read_by_its_names(bench: Bench) -> None:
    older = turned(bench.plant)
    remember_names(bench.directory / "plants", older)
    bench.start()
    bench.committed(bench.word(minute(0), Execution.ACTIVE, machine=0, plant=older))
    bench.stop()
    assert bench.ask("select machine_id from stanok.sample_event") == [(bench.plant.machines[-1].id,)]
    assert bench.ask("select reason from stanok.quarantine") == []


def test_a_row_of_an_unknown_plant_file_is_kept_in_quarantine(bench: Bench) -> None:
    bench.start()
    row = bench.word(minute(0), Execution.ACTIVE, plant=turned(bench.plant))
    bench.committed(row, bench.word(minute(1), Execution.ACTIVE))
    bench.stop()
    ((reason, raw),) = bench.ask("select reason, raw from stanok.quarantine")
    assert "plant file that is not known" in reason
    assert bytes(raw) == row.payload
    assert len(bench.ask("select from stanok.sample_event")) == 1


def test_damaged_payloads_are_kept_in_quarantine_and_stop_nobody(bench: Bench) -> None:
    good = bench.word(minute(0), Execution.ACTIVE)
    strange = [
        bench.row(RowKind.SAMPLES, good.payload[:-3]),
        bench.row(RowKind.SAMPLES, b""),
        bench.word(minute(0), Execution.ACTIVE, machine=99),
        bench.word(minute(0), Execution.ACTIVE, machine=-1),
        bench.beat(minute(0), machines=(99,)),
        bench.row(RowKind.HEARTBEAT, b"[]"),
        bench.row(RowKind.GAP, b'{"opened": true}'),
        bench.row(RowKind.QUARANTINE, b"\0" * 7),
    ]
    bench.start()
    bench.committed(*strange, good)
    bench.stop()
    found = bench.ask("select raw from stanok.quarantine order by record")
    assert [bytes(raw) for (raw,) in found] == [row.payload for row in strange]
    assert len(bench.ask("select from stanok.sample_event")) == 1


def waiting(connection: Connection) -> bool:
    """Whether the engine waits for a lock in its commit."""
    rows = connection.execute(
        "select from pg_stat_activity where application_name = 'stanok engine' and wait_event_type = 'Lock'"
        " and datname = current_database()"
    )
    return rows.fetchone() is not None


def test_nothing_is_acknowledged_before_it_is_committed(bench: Bench) -> None:
    bench.start()
    bench.committed(bench.word(minute(0), Execution.ACTIVE), bench.beat(minute(1)))
    before = bench.acknowledged()
    with connect(bench.dsn) as blocker, blocker.transaction():
        blocker.execute("select from stanok.spool_cursor for update")
        bench.send(bench.beat(minute(2)))
        wait_for(lambda: waiting(blocker), "the engine does not commit")
        assert bench.acknowledged() == before
    wait_for(lambda: bench.acknowledged() == before + 1, "the row is not acknowledged")
    bench.stop()


def test_the_engine_waits_for_a_database_that_is_not_there_yet(
    plant: Plant, tmp_path: Path, postgres_server: str, migrated_template: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = f"{migrated_template}_later"
    bench = Bench(plant, tmp_path / "data", make_conninfo(postgres_server, dbname=name))
    try:
        with connect(postgres_server) as admin:
            bench.start()
            bench.send(bench.word(minute(0), Execution.ACTIVE))
            wait_for(lambda: "trying again in" in caplog.text, "the engine says nothing")
            query = sql.SQL("create database {} template {}")
            admin.execute(query.format(sql.Identifier(name), sql.Identifier(migrated_template)))
            bench.committed()
            bench.stop()
            assert len(bench.ask("select from stanok.sample_event")) == 1
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    finally:
        bench.end()
        bench.spool.close()


def test_an_engine_whose_spool_was_taken_over_ends_without_writing(bench: Bench) -> None:
    bench.start()
    bench.committed(bench.word(minute(0), Execution.ACTIVE))
    with connect(bench.dsn) as connection:
        Store(connection, bench.plant).take_ownership([bench.spool.spool_id])
    bench.send(bench.word(minute(1), Execution.INTERRUPTED))
    wait_for(bench.ended, "the fenced engine goes on")
    assert isinstance(bench.error, FencedError)
    assert len(bench.ask("select from stanok.sample_event")) == 1


@pytest.fixture
def benches(
    plant: Plant, tmp_path: Path, empty_database: Callable[[str], str], migrated_template: str
) -> Iterator[Callable[[], Bench]]:
    made: list[Bench] = []

    def make() -> Bench:
        made.append(Bench(plant, tmp_path / str(len(made)), empty_database(migrated_template)))
        return made[-1]

    yield make
    for bench in made:
        bench.end()
        bench.spool.close()


def hours(
    bench: Bench, scenario: Scenario, between: Callable[[Bench], Plant | None] | None = None
) -> dict[str, list[str]]:
    """A hundred minutes of the demonstration; after eighty, `between` may do something to the stopped installation."""
    plant: Plant | None = None
    bench.start()
    for number, step in enumerate(day(bench.plant, scenario, 5), 1):
        bench.send(*(row for rows in step.rows.values() for row in rows))
        bench.clock.now = step.clock_us
        if number == 80 and between is not None:
            bench.committed()
            bench.stop()
            plant = between(bench)
            bench.start(plant)
        if number == 100:
            break
    bench.committed()
    bench.stop()
    with connect(bench.dsn) as connection:
        return results(connection)


def test_what_another_version_of_the_code_noted_is_folded_again_before_anything_is_read(
    scenario: Scenario, benches: Callable[[], Bench], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "stanok.engine")

    def other_code(bench: Bench) -> None:
        with connect(bench.dsn) as connection:
            connection.execute("update stanok.machine_snapshot set code_version = 'other', state = 'not readable'")
            connection.execute("update stanok.state_interval set cause = 0")  # as if the old code had seen it otherwise

    assert difference(hours(benches(), scenario), hours(benches(), scenario, other_code)) == []
    assert "this version of Stanok has folded the past again up to" in caplog.text


def test_a_plant_file_in_another_order_goes_on_where_the_old_one_stopped(
    scenario: Scenario, benches: Callable[[], Bench]
) -> None:
    assert difference(hours(benches(), scenario), hours(benches(), scenario, lambda bench: turned(bench.plant))) == []


def test_the_index_of_hot_samples_is_told_what_was_written(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_SUMMARIZE_S", 0.0)
    bench.start()
    bench.committed(*(bench.word(minute(n / 100), Execution.ACTIVE) for n in range(300)))  # some blocks full
    bench.stop()
    assert bench.ask("select stanok.summarize_samples()") == [(0,)]  # nothing is left for others to tell
