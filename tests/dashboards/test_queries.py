"""Every query of the built boards, as Grafana would send it, on a real database.

`database` is the address of a fresh, migrated database; each query runs on it empty and after a day of two machines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pglast
import psycopg
import pytest

from core.plant.model import Plant
from core.units import us_from_datetime
from core.vocabulary import Cause, State
from dashboards.build import BUILT
from dashboards.macros import Window, expand
from dashboards.queries import common
from dashboards.queries import shop_floor as queries
from stanok.plantfile import load_plant as read_plant
from storage.pg.connect import Connection, connect
from storage.pg.plant import load_plant
from storage.pg.roles import set_login

BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((BUILT / "en").glob("*.json"))
}
BOARD = BOARDS["shop_floor"]
PANELS = {f"{name}: {panel['title']}": panel for name, board in BOARDS.items() for panel in board["panels"]}
QUERIES: dict[str, str] = {
    **{name: panel["targets"][0]["rawSql"] for name, panel in PANELS.items()},
    **{f"{name}: ${v['name']}": v["query"] for name, board in BOARDS.items() for v in board["templating"]["list"]},
    **{
        f"{name}: shaded": note["target"]["rawSql"]
        for name, board in BOARDS.items()
        for note in board["annotations"]["list"]
        if "rawSql" in note["target"]
    },
}
RUSSIAN: dict[str, str] = {
    f"{path.stem}: {panel['id']}": panel["targets"][0]["rawSql"]
    for path in sorted((BUILT / "ru").glob("*.json"))
    for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
}
EVIL = "o'hara\\'; drop schema board cascade; --"
NOBODY = {"site": [EVIL], "machine": [EVIL], "shift": [EVIL], "area": [EVIL]}
NOTHING: dict[str, list[str]] = {name: [] for name in NOBODY}
CHOSEN = {"site": ["minsk"], "machine": ["minsk/lathe-1"], "shift": ["2026-03-24 · 1"], "area": ["turning"]}

NOON = datetime(2026, 3, 24, 12, tzinfo=UTC)
WINDOW = Window(NOON - timedelta(hours=8), NOON)
DEMO = Path(__file__).parents[2] / "simulators/plants/demo.toml"

NUMBERS = {20, 21, 23, 700, 701, 1700}
"""OIDs of int8, int2, int4, float4, float8, numeric: Grafana makes float64 of them."""
TIMES = {1184}
TEXTS = {25, 1043}


@pytest.fixture(scope="module")
def empty(empty_database: Callable[[str], str], migrated_template: str) -> Iterator[psycopg.Connection[Any]]:
    """A migrated database without a plant, for queries that only read."""
    with psycopg.connect(empty_database(migrated_template), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def loaded(empty_database: Callable[[str], str], migrated_template: str) -> str:
    """A database with the demo plant and two machines' morning: one of Minsk produced, had a gap, then went on."""
    plant, database = read_plant(DEMO), empty_database(migrated_template)
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


Rows = tuple[dict[str, int], list[dict[str, Any]]]


def asked(connection: psycopg.Connection[Any], sql: str, chosen: Mapping[str, list[str]]) -> Rows:
    """Column -> type OID, and the rows, of a query as Grafana would send it."""
    with connection.cursor() as cursor:
        cursor.execute(expand(sql, WINDOW, chosen).encode())
        assert cursor.description is not None
        columns = {column.name: column.type_code for column in cursor.description}
        return columns, [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


def ask(dsn: str, sql: str, chosen: Mapping[str, list[str]]) -> Rows:
    """The same at an address."""
    with psycopg.connect(dsn) as connection:
        return asked(connection, sql, chosen)


@pytest.mark.parametrize("sql", [*QUERIES.values(), *RUSSIAN.values()], ids=[*QUERIES, *RUSSIAN])
def test_queries_are_one_statement_of_postgresql(sql: str) -> None:
    assert len(pglast.parse_sql(expand(sql, WINDOW, NOBODY))) == 1


def test_queries_are_the_same_with_and_without_the_timescaledb_flag() -> None:
    flagged = Window(WINDOW.start, WINDOW.end, timescale=True)
    assert {name: expand(sql, flagged, CHOSEN) for name, sql in QUERIES.items()} == {
        name: expand(sql, WINDOW, CHOSEN) for name, sql in QUERIES.items()
    }


@pytest.mark.parametrize("name", PANELS)
def test_queries_run_and_give_what_their_kind_of_panel_needs(name: str, empty: psycopg.Connection[Any]) -> None:
    panel = PANELS[name]
    columns, _ = asked(empty, QUERIES[name], CHOSEN)
    types, dressed = set(columns.values()), {item["matcher"]["options"] for item in panel["fieldConfig"]["overrides"]}
    assert types <= NUMBERS | TIMES | TEXTS
    assert dressed <= set(columns)
    if panel["type"] == "stat":
        assert types <= NUMBERS or panel["options"]["reduceOptions"]["fields"]
    elif panel["type"] == "bargauge":
        assert [kind in TEXTS for kind in columns.values()] == [True, False]
    elif panel["type"] == "state-timeline":
        assert list(columns)[:2] == ["time", "machine"]
        assert [columns["time"] in TIMES, *(kind in TEXTS for kind in list(columns.values())[1:])] == [True] * 3
    elif panel["type"] == "timeseries":
        assert columns["time"] in TIMES
        by = panel["targets"][0]["format"] == "time_series"
        assert [name for name, kind in columns.items() if kind in TEXTS] == (["metric"] if by else [])
    elif panel["type"] == "barchart":
        assert columns[panel["options"]["xField"]] in TEXTS
        assert sum(kind in NUMBERS for kind in columns.values()) == len(columns) - 1
    else:
        assert dressed == set(columns), "every column of a table has a heading"


def test_long_results_are_cut_and_ordered() -> None:
    for name, panel in PANELS.items():
        sql = QUERIES[name]
        if panel["type"] in ("table", "timeseries", "state-timeline", "barchart"):
            assert "ORDER BY" in sql or panel["gridPos"]["h"] < 7, name


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("chosen", [NOTHING, NOBODY], ids=["nothing", "injection"])
def test_nothing_chosen_and_strings_of_sql_choose_nothing(
    name: str, empty: psycopg.Connection[Any], chosen: dict[str, list[str]]
) -> None:
    asked(empty, QUERIES[name], chosen)


def test_the_sites_to_choose_from_are_those_with_machines(loaded: str) -> None:
    _, rows = ask(loaded, common.SITES, {})
    assert rows == [{"site": "minsk"}, {"site": "ural"}]
    _, rows = ask(loaded, common.MACHINES, {"site": ["ural"]})
    assert [row["__value"] for row in rows] == ["ural/grinder-1", "ural/lathe-3", "ural/mill-2"]


def test_strings_of_sql_leave_everything_as_it_was(loaded: str) -> None:
    with psycopg.connect(loaded) as connection:
        for sql in QUERIES.values():
            columns, rows = asked(connection, sql, NOBODY)
            assert columns
            assert all(EVIL not in map(str, row.values()) for row in rows)
    assert len(ask(loaded, queries.MACHINES, {"site": ["minsk", "ural"]})[1]) == 2


def test_machines_of_the_chosen_site_are_shown_with_state_and_lag(loaded: str) -> None:
    _, (row,) = ask(loaded, queries.MACHINES, {"site": ["minsk"]})
    assert (row["machine"], row["state"], row["program"], row["lag_s"]) == (
        "minsk/lathe-1",
        "producing",
        "SHAFT-40",
        3.0,
    )


def test_machines_are_counted_by_state(loaded: str) -> None:
    _, (row,) = ask(loaded, queries.STATES, {"site": ["minsk", "ural"]})
    assert {state: number for state, number in row.items() if number} == {"producing": 1, "unknown": 1}
    assert set(row) == {state.name.lower() for state in State}


def test_the_timeline_is_cut_to_the_window_and_ends_where_the_data_end(loaded: str) -> None:
    _, rows = ask(loaded, queries.TIMELINE, {"site": ["minsk"]})
    assert [(row["time"], row["state"]) for row in rows] == [
        (at(-8), "idle"),
        (at(-5), "producing"),
        (at(-3), "unknown"),
        (at(-2), "producing"),
        (NOON - timedelta(seconds=3), None),
    ]


def test_a_hole_between_two_stretches_is_not_painted(loaded: str) -> None:
    with psycopg.connect(loaded) as connection:
        connection.execute("delete from stanok.state_interval where from_time = %s", [at(-3)])
        _, rows = asked(connection, queries.TIMELINE, {"site": ["minsk"]})
        connection.rollback()
    assert (at(-3), None) in [(row["time"], row["state"]) for row in rows]


def test_a_gap_is_listed_with_its_length_and_outcome(loaded: str) -> None:
    _, (row,) = ask(loaded, queries.GAPS, {"site": ["minsk"]})
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
                for sql in QUERIES.values():
                    reader.execute(expand(sql, WINDOW, CHOSEN).encode())
        finally:
            connection.execute(f"drop owned by {name}; drop role {name}".encode())
