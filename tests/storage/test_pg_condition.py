"""What the doctor reads of a database: gaps, quarantine, late data and offsets as rows put them there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.units import natural_id, us_from_datetime
from core.vocabulary import Cause, Execution, Flag, ItemState, Light, Quality, State
from stanok.plantfile import load_plant as read_plant
from storage.pg.condition import Contradiction, OpenGap, condition
from storage.pg.connect import Connection, connect
from storage.pg.plant import load_plant

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
PLANT = read_plant(Path(__file__).parents[2] / "simulators/plants/demo.toml")


def fill(connection: Connection) -> None:
    """One lasting gap and one that is over, a payload of today and one of last week, a clock 70 s behind."""
    load_plant(connection, PLANT, us_from_datetime(NOON - timedelta(days=1)))
    machine, signal = PLANT.machines[0].id, PLANT.signals[0].id
    first, second = (source.id for source in PLANT.sources)
    connection.execute("insert into stanok.engine_state values (true, %s)", [NOON])
    for hours, end in ((5, NOON - timedelta(hours=4)), (2, None)):
        connection.execute(
            "insert into stanok.data_gap (machine_id, source_id, scope, from_time, to_time, cause)"
            " values (%s, %s, 'state', %s, %s, %s)",
            [machine, first, NOON - timedelta(hours=hours), end, int(Cause.SILENT)],
        )
    for record, days in ((1, 0), (2, 0), (3, 7)):
        connection.execute(
            "insert into stanok.quarantine (spool_id, record, source_id, received_time, reason, origin, raw)"
            " values (1, %s, %s, %s, 'is not JSON', 'topic', '')",
            [record, second, NOON - timedelta(days=days, minutes=1)],
        )
    connection.execute(
        "insert into stanok.recompute_request (machine_id, from_time, to_time, cause) values (%s, %s, %s, 'late data')",
        [machine, NOON - timedelta(hours=1), NOON],
    )
    for record, (delay_s, flags) in enumerate([(71, 0), (70, 0), (1, int(Flag.INITIAL))]):
        arrived = NOON - timedelta(minutes=1)
        connection.execute(
            "insert into stanok.sample_event (event_time, machine_id, signal_id, source_id, value, raw, quality, flags,"
            " seq, spool_id, record, row, received_time) values (%s, %s, %s, %s, 1, -1, 0, %s, -1, 1, %s, 0, %s)",
            [arrived - timedelta(seconds=delay_s), machine, signal, first, flags, record, arrived],
        )


def test_what_is_wrong_is_found_by_source_and_what_is_over_is_not(connection: Connection) -> None:
    fill(connection)
    found = condition(connection)
    names = [source.name for source in PLANT.sources]
    assert found.pending == ()
    assert found.tick == NOON
    assert found.gaps == [OpenGap(names[0], "silent", 1, NOON - timedelta(hours=2))]
    assert found.quarantine == [(names[1], "is not JSON", 2)]
    assert found.requests == 1
    assert found.offsets == [(names[0], 70.0)]
    assert found.engines == 0
    assert abs(found.clock - datetime.now(UTC)) < timedelta(minutes=1)


def say(connection: Connection, machine: int, signal: str, value: int, at: datetime, quality: Quality) -> None:
    connection.execute(
        "insert into stanok.sample_event (event_time, machine_id, signal_id, source_id, value, raw, quality, flags,"
        " seq, spool_id, record, row, received_time) values (%s, %s, %s, %s, %s, -1, %s, 0, -1, 1, 1, 0, %s)",
        [at, machine, natural_id("signal", signal), PLANT.sources[0].id, value, int(quality), at],
    )


@pytest.mark.parametrize(
    ("control", "word", "lamp", "denied"),
    [
        ("ctrl.execution", Execution.ACTIVE, "light.red", True),
        ("ctrl.execution", Execution.ACTIVE, "light.green", False),
        ("ctrl.execution", Execution.STOPPED, "light.green", True),
        ("ctrl.execution", Execution.FEED_HOLD, "light.green", False),
        ("ctrl.execution", Execution.STOPPED, "light.red", False),
        ("ctrl.item_state", ItemState.EXECUTING, "light.red", True),
        ("ctrl.item_state", ItemState.NOT_EXECUTING, "light.green", True),
    ],
)
def test_a_lamp_and_a_control_that_deny_each_other_are_found_until_one_gives_way(
    connection: Connection, control: str, word: int, lamp: str, denied: bool
) -> None:
    load_plant(connection, PLANT, us_from_datetime(NOON - timedelta(days=1)))
    connection.execute("insert into stanok.engine_state values (true, %s)", [NOON])
    machine = PLANT.machines[0]
    connection.execute(
        "insert into stanok.signal (id, name, kind, unit, store)"
        " values (%s, %s, 'word', '', 0), (%s, %s, 'word', '', 0) on conflict do nothing",
        [natural_id("signal", control), control, natural_id("signal", lamp), lamp],
    )
    connection.execute(
        "insert into stanok.machine_live (machine_id, as_of, settled, state, cause, rule, since, program_id,"
        " shift_id, spindle_turning, spindle_speed) values (%s, %s, %s, %s, 0, 8, %s, 0, 0, true, 0)",
        [machine.id, NOON, NOON, int(State.PRODUCING), NOON],
    )
    since = NOON - timedelta(hours=1)
    say(connection, machine.id, control, word, since - timedelta(hours=1), Quality.GOOD)
    say(connection, machine.id, lamp, Light.ON, since, Quality.GOOD)
    found = [Contradiction(machine.name, control, lamp, since)] if denied else []
    assert condition(connection).contradictions == found
    say(connection, machine.id, lamp, Light.ON, NOON - timedelta(minutes=1), Quality.BAD)
    assert condition(connection).contradictions == []


def test_engines_that_are_connected_are_counted(connection: Connection, database: str) -> None:
    with connect(database, "stanok engine"):
        assert condition(connection).engines == 1


def test_a_database_without_migrations_is_asked_no_further(empty_database: Callable[[str], str]) -> None:
    with connect(empty_database("template0")) as connection:
        found = condition(connection)
    assert "0001_plant" in found.pending
    assert found.tick is None
