"""Every query of the built boards, as Grafana would send it, on a real database.

`database` is the address of a fresh, migrated database; each query runs on it empty and after a day of two machines.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pglast
import psycopg
import pytest

from core.plant.model import Plant
from core.units import us_from_datetime
from core.vocabulary import Cause, State
from dashboards import queries
from dashboards.build import BUILT
from dashboards.macros import Window, expand
from stanok.plantfile import load_plant as read_plant
from storage.pg.connect import Connection, connect
from storage.pg.plant import load_plant
from storage.pg.roles import set_login

BOARD: dict[str, Any] = json.loads((BUILT / "en" / "shop_floor.json").read_text(encoding="utf-8"))
STOPS: dict[str, Any] = json.loads((BUILT / "en" / "stops.json").read_text(encoding="utf-8"))
ALL = [*BOARD["panels"], *STOPS["panels"]]
PANELS: dict[str, str] = {panel["title"]: panel["targets"][0]["rawSql"] for panel in ALL}
KINDS: dict[str, str] = {panel["title"]: panel["type"] for panel in ALL}
VARIABLE: str = BOARD["templating"]["list"][0]["query"]

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
WINDOW = Window(NOON - timedelta(hours=8), NOON)
DEMO = Path(__file__).parents[2] / "simulators/plants/demo.toml"

NUMBERS = {20, 21, 23, 700, 701, 1700}
"""OIDs of int8, int2, int4, float4, float8, numeric: Grafana makes float64 of them."""
TIMES = {1184}
TEXTS = {25, 1043}


@pytest.fixture(scope="module")
def empty(empty_database: Callable[[str], str], migrated_template: str) -> str:
    """A migrated database without a plant, for queries that only read."""
    return empty_database(migrated_template)


@pytest.fixture
def loaded(database: str) -> str:
    """A database with the demo plant and two machines' morning: one of Minsk produced, had a gap, then went on."""
    plant = read_plant(DEMO)
    with connect(database) as connection:
        load_plant(connection, plant, us_from_datetime(NOON - timedelta(days=1)))
        fill(connection, plant)
    return database


def fill(connection: Connection, plant: Plant) -> None:
    lathe, grinder = (plant.machines[plant.machine_index[name]].id for name in ("minsk/lathe-1", "ural/grinder-1"))
    source = plant.source_named("minsk-opcua").id
    connection.execute("insert into stanok.engine_state values (true, %s)", [NOON])
    for machine, state, cause in ((lathe, State.PRODUCING, Cause.NONE), (grinder, State.UNKNOWN, Cause.SILENT)):
        connection.execute(
            "insert into stanok.machine_live values (%s, %s, %s, %s, %s, 1, %s, %s, 0, true, 1200.0)",
            [machine, NOON - timedelta(seconds=3), NOON, int(state), int(cause), at(-1), plant.programs[0].id],
        )
    pieces = [(-10, -5, State.IDLE), (-5, -3, State.PRODUCING), (-3, -2, State.UNKNOWN), (-2, None, State.PRODUCING)]
    for start, end, state in pieces:
        connection.execute(
            "insert into stanok.state_interval values (%s, %s, %s, %s, 0, 1)",
            [lathe, at(start), None if end is None else at(end), int(state)],
        )
    connection.execute(
        "insert into stanok.data_gap values (%s, %s, 'state', %s, %s, %s, 'lost')",
        [lathe, source, at(-3), at(-2), int(Cause.DISCONNECTED)],
    )


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def ask(dsn: str, sql: str, sites: list[str]) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Column -> type OID, and the rows, of a query as Grafana would send it."""
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(expand(sql, WINDOW, {"site": sites}).encode())
        assert cursor.description is not None
        columns = {column.name: column.type_code for column in cursor.description}
        return columns, [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@pytest.mark.parametrize("sql", [*PANELS.values(), VARIABLE], ids=[*PANELS, "variable"])
def test_queries_are_postgresql(sql: str) -> None:
    assert len(pglast.parse_sql(expand(sql, WINDOW, {"site": ["minsk"]}))) == 1


@pytest.mark.parametrize("title", PANELS)
def test_queries_run_and_give_what_their_kind_of_panel_needs(title: str, empty: str) -> None:
    columns, _ = ask(empty, PANELS[title], ["minsk"])
    types = set(columns.values())
    if KINDS[title] == "stat":
        assert types <= NUMBERS
    elif KINDS[title] == "bargauge":
        assert [kind in TEXTS for kind in columns.values()] == [True, False]
        assert types <= TEXTS | NUMBERS
    elif KINDS[title] == "state-timeline":
        assert list(columns) == ["time", "machine", "state"]
        assert columns["time"] in TIMES
        assert {columns["machine"], columns["state"]} <= TEXTS
    else:
        assert types <= NUMBERS | TIMES | TEXTS


@pytest.mark.parametrize("title", PANELS)
def test_every_column_that_a_board_dresses_is_in_its_query(title: str, empty: str) -> None:
    (panel,) = (panel for panel in ALL if panel["title"] == title)
    dressed = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
    columns, _ = ask(empty, PANELS[title], ["minsk"])
    assert dressed in (set(columns), set())


@pytest.mark.parametrize("title", PANELS)
def test_queries_bear_a_database_without_sites(title: str, empty: str) -> None:
    ask(empty, PANELS[title], [])


def test_the_sites_to_choose_from_are_those_with_machines(loaded: str) -> None:
    _, rows = ask(loaded, VARIABLE, [])
    assert rows == [{"site": "minsk"}, {"site": "ural"}]


def test_a_quote_in_a_site_name_stays_a_name(loaded: str) -> None:
    _, rows = ask(loaded, queries.MACHINES, ["o'hara'; drop schema board cascade; --"])
    assert rows == []
    assert len(ask(loaded, queries.MACHINES, ["minsk", "ural"])[1]) == 2


def test_machines_of_the_chosen_site_are_shown_with_state_and_lag(loaded: str) -> None:
    _, (row,) = ask(loaded, queries.MACHINES, ["minsk"])
    assert (row["site"], row["state"], row["program"], row["lag_s"]) == ("minsk", "producing", "SHAFT-40", 3.0)


def test_machines_are_counted_by_state(loaded: str) -> None:
    _, (row,) = ask(loaded, queries.STATES, ["minsk", "ural"])
    assert {state: number for state, number in row.items() if number} == {"producing": 1, "unknown": 1}
    assert set(row) == {state.name.lower() for state in State}


def test_the_timeline_is_cut_to_the_window_and_ends_where_the_data_end(loaded: str) -> None:
    _, rows = ask(loaded, queries.TIMELINE, ["minsk"])
    assert [(row["time"], row["state"]) for row in rows] == [
        (at(-8), "idle"),
        (at(-5), "producing"),
        (at(-3), "unknown"),
        (at(-2), "producing"),
        (NOON - timedelta(seconds=3), None),
    ]


def test_a_hole_between_two_stretches_is_not_painted(loaded: str) -> None:
    with connect(loaded) as connection:
        connection.execute("delete from stanok.state_interval where from_time = %s", [at(-3)])
    _, rows = ask(loaded, queries.TIMELINE, ["minsk"])
    assert (at(-3), None) in [(row["time"], row["state"]) for row in rows]


def test_a_gap_is_listed_with_its_length_and_outcome(loaded: str) -> None:
    _, (row,) = ask(loaded, queries.GAPS, ["minsk"])
    assert (row["from_time"], row["length_s"], row["cause"], row["outcome"]) == (at(-3), 3600.0, "disconnected", "lost")


def test_words_in_the_database_have_words_on_the_boards(loaded: str) -> None:
    (machines,) = (panel for panel in BOARD["panels"] if panel["type"] == "table" and panel["id"] == 3)
    dressed = {
        override["matcher"]["options"]: set(item["value"][0]["options"])
        for override in machines["fieldConfig"]["overrides"]
        for item in override["properties"]
        if item["id"] == "mappings" and item["value"][0]["type"] == "value"
    }
    with connect(loaded) as connection:
        for table in ("state", "cause"):
            words = {word for (word,) in connection.execute(f"select word from stanok.{table}").fetchall()}
            assert words <= dressed[table]


def test_a_reader_of_the_plant_can_run_every_query(loaded: str) -> None:
    name = f"boards_{psycopg.conninfo.conninfo_to_dict(loaded)['dbname']}"
    with connect(loaded) as connection:
        set_login(connection, name, "reader", ["minsk"], "secret")
        try:
            with psycopg.connect(psycopg.conninfo.make_conninfo(loaded, user=name, password="secret")) as reader:
                for sql in PANELS.values():
                    reader.execute(expand(sql, WINDOW, {"site": ["minsk"]}).encode())
        finally:
            connection.execute(f"drop owned by {name}; drop role {name}".encode())
