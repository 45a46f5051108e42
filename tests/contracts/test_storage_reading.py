"""What was committed comes back bit by bit: raw rows, facts, positions."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.facts.schema import FACT, MEASURES, OPEN_END, Frontier, GapRow, Late, RawRows, Snapshot
from core.plant.model import Plant
from core.samples.batch import COLUMNS, BatchBuilder, SampleBatch
from core.units import HOUR_US, MINUTE_US
from core.vocabulary import Cause, Flag, State
from storage.pg import reading, samples
from storage.pg.commit import Store
from storage.pg.connect import Connection
from storage.pg.plant import load_plant
from storage.pg.samples import Window
from tests.storage.pg_changes import PLANT, SPOOL, START_US, fact, make_changes, raw_of, rows, speeds

HOUR = START_US // HOUR_US * HOUR_US


@pytest.fixture
def connection(emptied: Connection) -> Connection:
    return emptied


@pytest.fixture
def store(connection: Connection) -> Store:
    load_plant(connection, PLANT, START_US)
    made = Store(connection, PLANT)
    made.take_ownership([SPOOL])
    return made


def odd_samples(seed: int, count: int) -> SampleBatch:
    """Samples with everything that can be awkward: texts, NaN, infinities, extreme integers, times before 2000."""
    random = np.random.default_rng(seed)
    builder = BatchBuilder()
    values = (0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1)
    ages = (0, 10**13, 10**15)  # µs; few, because every age is a chunk of its own on TimescaleDB
    words = (None, "", "O1234", "Деталь-7 '\"\\", "line\nline", "x" * 3000)
    for index in range(count):
        builder.add(
            machine=int(random.integers(2)),
            signal=int(random.integers(4)),
            event_us=int(START_US - ages[random.integers(len(ages))] + random.integers(10**9)),
            received_us=int(START_US + random.integers(10**9)),
            value=values[random.integers(len(values))],
            text=words[random.integers(len(words))],
            raw=int(random.integers(-(2**31), 2**31)),
            quality=int(random.integers(4)),
            flags=int(random.integers(2**16)),
            seq=int(random.integers(-1, 2**62)),
        )
        assert index == len(builder) - 1
    return builder.build()


def as_tuples(raw: RawRows) -> list[tuple[object, ...]]:
    """Rows in an order of their own, texts spelled out, values as their bits (NaN included)."""
    batch = raw.batch
    names = [name for name, _ in COLUMNS if name not in ("text", "value")]
    words = [None if index < 0 else batch.texts[index] for index in batch.text]
    columns = [getattr(batch, name).tolist() for name in names]
    where = [column.tolist() for column in (raw.record, raw.row, raw.spool, raw.source_id)]
    return sorted(zip(*where, *columns, batch.value.view("i8").tolist(), words, strict=True), key=lambda row: row[:2])


def test_raw_rows_come_back_bit_by_bit(store: Store, connection: Connection) -> None:
    seed = 20251122
    print("seed", seed)
    sent = raw_of(odd_samples(seed, 400))
    store.commit(make_changes(1, raw=sent))
    back = samples.raw_rows(connection, PLANT, Window({0: 0, 1: 0}), [SPOOL])
    assert as_tuples(back) == as_tuples(sent)


def test_every_microsecond_of_a_time_survives(store: Store, connection: Connection) -> None:
    odd = START_US + 123_457
    store.commit(make_changes(1, raw=raw_of(speeds(1, odd))))
    assert connection.execute("select extract(epoch from event_time)::text from stanok.sample_block").fetchone() == (
        f"{odd // 10**6}.123457",
    )


def test_rows_before_the_asked_instant_of_a_machine_stay_away(store: Store, connection: Connection) -> None:
    store.commit(make_changes(1, raw=raw_of(speeds(100))))
    back = samples.raw_rows(connection, PLANT, Window({0: START_US + 50_000, 1: START_US + 99_000}), [SPOOL])
    assert sorted(back.batch.event_us - START_US) == [*range(50_000, 100_000, 2000), 99_000]
    assert len(samples.raw_rows(connection, PLANT, Window({1: 0})).batch) == 50
    assert len(samples.raw_rows(connection, PLANT, Window({})).batch) == 0


@pytest.mark.parametrize("flag", [Flag.INITIAL, Flag.RETAINED])
def test_first_values_come_back_by_their_arrival_too(store: Store, connection: Connection, flag: Flag) -> None:
    builder = BatchBuilder()
    late = START_US + HOUR_US
    for signal, received_us, flags in [(0, late, flag), (1, late - 1, flag), (2, late, 0), (3, late, flag)]:
        builder.add(machine=0, signal=signal, event_us=START_US, received_us=received_us, flags=int(flags), value=1.0)
    builder.add(machine=0, signal=1, event_us=late, received_us=late, value=2.0)
    store.commit(make_changes(1, raw=raw_of(builder.build())))
    back = samples.raw_rows(connection, PLANT, Window({0: late}, told_from_us=late))
    assert sorted(zip(back.batch.signal.tolist(), back.batch.event_us.tolist(), strict=True)) == [
        (0, START_US),
        (1, late),
        (3, START_US),
    ]
    assert len(samples.raw_rows(connection, PLANT, Window({1: late}, told_from_us=late)).batch) == 0


def test_raw_rows_come_back_in_order_of_arrival_whatever_the_clock_said(store: Store, connection: Connection) -> None:
    builder = BatchBuilder()
    arrivals = [5, 1, 1, 9, 3]
    for index, arrival in enumerate(arrivals):  # words and gauges lie in different tables
        at = START_US + arrival
        builder.add(machine=0, signal=(0, 3)[index % 2], event_us=START_US - index, received_us=at, value=index)
    store.commit(make_changes(1, raw=raw_of(builder.build())))
    back = samples.raw_rows(connection, PLANT, Window({0: 0}))
    assert back.batch.value.tolist() == [0, 1, 2, 3, 4]
    assert back.row.tolist() == [0, 1, 2, 3, 4]


def test_samples_from_the_end_of_the_window_on_stay_away(store: Store, connection: Connection) -> None:
    store.commit(make_changes(1, raw=raw_of(speeds(100))))
    back = samples.raw_rows(connection, PLANT, Window({0: START_US, 1: START_US}, to_us=START_US + 7000))
    assert sorted(back.batch.event_us - START_US) == list(range(0, 7000, 1000))


def test_rows_of_strange_spools_machines_and_signals(store: Store, connection: Connection) -> None:
    store.commit(make_changes(1, raw=raw_of(speeds(10))))
    assert set(samples.raw_rows(connection, PLANT, Window({0: 0}), ["other"]).spool) == {-1}
    smaller = Plant(PLANT.enterprise, PLANT.sites, PLANT.sources, PLANT.machines[1:], PLANT.programs, b"2")
    assert set(samples.raw_rows(connection, smaller, Window({0: 0})).batch.machine) == {0}
    mute = replace(PLANT.machines[0], signals={"part.total": ""})
    deaf = Plant(PLANT.enterprise, PLANT.sites, PLANT.sources, (mute,), PLANT.programs, b"3")
    assert len(samples.raw_rows(connection, deaf, Window({0: 0})).batch) == 0


def test_facts_come_back_exactly(store: Store, connection: Connection) -> None:
    random = np.random.default_rng(7)
    sent = rows(FACT, [fact(minute, shift=minute % 2, job_order=5) for minute in range(50)])
    for name in MEASURES:
        sent[name] = random.integers(-(2**62), 2**62, len(sent))
    store.commit(make_changes(1, facts=[fact(0)]))
    store.commit(replace(make_changes(2, facts=[fact(0)]), facts=sent))
    back = reading.facts(connection, PLANT, START_US, START_US + 40 * MINUTE_US)
    assert (back == sent[:40]).all()
    assert len(reading.facts(connection, PLANT, START_US, START_US + HOUR_US, machine=1)) == 0


def test_the_newest_snapshot_of_this_code_is_found_under_any_plant_file(store: Store, connection: Connection) -> None:
    old, new, foreign = (
        Snapshot(0, HOUR, "v1", b"old"),
        Snapshot(0, HOUR + HOUR_US, "v1", b"\0new"),
        Snapshot(0, HOUR + 2 * HOUR_US, "v2", b"foreign"),
    )
    store.commit(make_changes(1, snapshots=[old, new, foreign]))
    assert reading.newest_snapshots(connection, "v1", PLANT) == {0: (HOUR + HOUR_US, b"\0new")}
    assert reading.newest_snapshots(connection, "v3", PLANT) == {}
    assert reading.newest_snapshots(connection, "v1", replace(PLANT, hash=b"other")) == {0: (HOUR + HOUR_US, b"\0new")}


def test_a_state_belongs_to_its_machine_wherever_that_stands_in_the_plant_file(
    store: Store, connection: Connection
) -> None:
    store.commit(make_changes(1, snapshots=[Snapshot(1, HOUR, "v1", b"second"), Snapshot(0, HOUR, "v1", b"first")]))
    turned = replace(PLANT, machines=PLANT.machines[::-1], hash=b"turned")
    assert reading.newest_snapshots(connection, "v1", turned) == {0: (HOUR, b"second"), 1: (HOUR, b"first")}
    assert reading.newest_snapshots(connection, "v1", replace(turned, machines=PLANT.machines[1:])) == {
        0: (HOUR, b"second")
    }


def test_snapshots_of_any_code_tell_where_a_machine_begins_and_up_to_where_it_is_noted(
    store: Store, connection: Connection
) -> None:
    assert reading.snapshots_noted(connection, PLANT) == {}
    found = [Snapshot(0, HOUR + hours * HOUR_US, f"v{hours}", b"") for hours in (2, 1)]
    store.commit(make_changes(1, snapshots=[*found, Snapshot(1, HOUR, "v9", b"")]))
    noted = reading.snapshots_noted(connection, PLANT)
    assert noted == {0: (HOUR + HOUR_US, HOUR + 2 * HOUR_US), 1: (HOUR, HOUR)}
    assert reading.snapshots_noted(connection, replace(PLANT, machines=PLANT.machines[1:])) == {0: (HOUR, HOUR)}


def test_frontiers_and_the_tick_come_back(store: Store, connection: Connection) -> None:
    assert reading.last_tick(connection) is None
    sent = [Frontier(machine, PLANT.sources[0].id, START_US + machine, -1, START_US, -1) for machine in range(2)]
    store.commit(make_changes(1, frontiers=sent, tick_us=START_US + 3))
    assert sorted(reading.frontiers(connection, PLANT), key=lambda found: found.machine) == sent
    assert reading.last_tick(connection) == START_US + 3


def test_gap_records_come_back_from_those_that_end_at_the_instant_on(store: Store, connection: Connection) -> None:
    causes = (Cause.NO_DATA_YET, Cause.SILENT, Cause.RESTART, Cause.DISCONNECTED)
    sent = [
        GapRow(0, PLANT.sources[0].id, START_US + 10 * n, START_US + 10 * n + 10, cause, cause is Cause.RESTART)
        for n, cause in enumerate(causes)
    ]
    sent[-1] = replace(sent[-1], to_us=OPEN_END)
    store.commit(make_changes(1, gap_rows=sent, gap_rows_from={(0, PLANT.sources[0].id): 0}))
    assert reading.gap_rows(connection, PLANT, {0: 0, 1: 0}) == sent
    assert reading.gap_rows(connection, PLANT, {0: START_US + 21}) == [sent[0], *sent[2:]]
    store.commit(make_changes(2, gap_rows=sent[2:3], gap_rows_from={(0, PLANT.sources[0].id): sent[2].from_us}))
    assert reading.gap_rows(connection, PLANT, {0: 0}) == sent[:3]


def test_requests_of_a_machine_are_one_stretch_until_a_repair_removes_those_it_knew(
    store: Store, connection: Connection
) -> None:
    late = [Late(0, START_US + n, START_US + n + 5, "late data") for n in (7, 3, 9)]
    store.commit(make_changes(1, late=late[:2]))
    found, upto = reading.requests(connection, PLANT)
    assert found == {0: (START_US + 3, START_US + 12)}
    store.commit(make_changes(2, late=late[2:], repaired=([0, 1], upto)))
    assert reading.requests(connection, PLANT) == ({0: (START_US + 9, START_US + 14)}, upto + 1)


def test_snapshots_are_found_at_an_hour_and_before_an_instant(store: Store, connection: Connection) -> None:
    found = [Snapshot(0, HOUR + n * HOUR_US, "v1", b"%d" % n) for n in range(3)]
    store.commit(make_changes(1, snapshots=[*found, Snapshot(1, HOUR, "v2", b"foreign")]))
    at = {0: HOUR + 2 * HOUR_US - 1, 1: HOUR}
    assert reading.snapshots_before(connection, "v1", PLANT, at) == {0: (HOUR + HOUR_US, b"1")}
    assert reading.snapshots_at(connection, "v1", PLANT, HOUR + 2 * HOUR_US, [0, 1]) == {0: b"2"}


def test_loading_a_plant_again_changes_nothing(connection: Connection) -> None:
    def dimensions() -> list[object]:
        tables = (
            "site",
            "source",
            "machine",
            "signal",
            "part_program",
            "standard_time",
            "plant_version",
            "state",
            "cause",
        )
        return [connection.execute(f"select * from stanok.{table} order by 1".encode()).fetchall() for table in tables]

    load_plant(connection, PLANT, START_US)
    before = dimensions()
    load_plant(connection, PLANT, START_US + 5)
    assert dimensions() == before
    assert all(before)


def test_a_new_plant_version_keeps_the_standard_times_of_the_old_one(connection: Connection) -> None:
    load_plant(connection, PLANT, START_US)
    faster = replace(PLANT, programs=(replace(PLANT.programs[0], pri_us=80_000_000),), hash=b"faster")
    load_plant(connection, faster, START_US - 1)  # the clock was set back: still later than what held before
    found = connection.execute(
        "select valid_from - lag(valid_from) over (order by valid_from) > interval '0', pri_us"
        " from stanok.standard_time order by valid_from"
    ).fetchall()
    assert found == [(None, 95_000_000), (True, 80_000_000)]


def test_two_names_with_one_id_are_refused(connection: Connection) -> None:
    load_plant(connection, PLANT, START_US)
    connection.execute("update stanok.signal set name = 'other' where name = 'part.total'")
    with pytest.raises(InputError, match=r"part\.total.*same id.*other"):
        load_plant(connection, replace(PLANT, hash=b"new"), START_US + 1)


def test_every_state_and_cause_has_its_words(connection: Connection) -> None:
    load_plant(connection, PLANT, START_US)
    words = connection.execute("select word from stanok.state order by id").fetchall()
    assert [word for (word,) in words] == [state.name.lower() for state in State]
    assert connection.execute("select count(*) from stanok.cause").fetchone() == (len(Cause),)
