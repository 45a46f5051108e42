"""Rows come out of a COPY the same through Python and through the compiled loop over libpq."""

from __future__ import annotations

import os

import psycopg
import pytest
from psycopg import sql

from core.errors import BrokenPromise
from storage.pg import pulling
from storage.pg.connect import Connection, connect
from storage.pg.copying import copying_out

KINDS = {"number": ">i8", "half": ">f8"}
WAYS = (True, False)


@pytest.fixture
def connection(emptied: Connection) -> Connection:
    return emptied


def taken(connection: Connection, query: str, *, through_python: bool) -> list[tuple[int, float, str | None]]:
    found = []
    with copying_out(connection, sql.SQL(query).format()):
        for data, ends in pulling.pulled(connection, through_python=through_python):
            rows, texts = pulling.with_text(data, ends, KINDS)
            words = dict(texts)
            numbers, halves = rows["number"].tolist(), rows["half"].tolist()
            found += [(*row, words.get(at)) for at, row in enumerate(zip(numbers, halves, strict=True))]
    return found


@pytest.mark.parametrize("through_python", WAYS)
@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 100])
@pytest.mark.parametrize("room", [("_ROWS", 16), ("_BYTES", 200), ("_BYTES", 1)])
def test_every_row_comes_with_its_text(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, count: int, through_python: bool, room: tuple[str, int]
) -> None:
    monkeypatch.setattr(pulling, *room)
    query = (
        "select g::bigint, g / 2.0::float8, case g % 5 when 0 then 'Деталь ' || g when 1 then '' end"
        f" from generate_series(1, {count}) g"
    )
    texts = {0: "Деталь {}", 1: ""}
    wanted = [(g, g / 2, None if g % 5 > 1 else texts[g % 5].format(g)) for g in range(1, count + 1)]
    assert taken(connection, query, through_python=through_python) == wanted


def test_the_compiled_loop_is_there_on_linux() -> None:
    assert (pulling._functions() is not None) == (os.uname().sysname == "Linux")


@pytest.mark.parametrize("through_python", WAYS)
def test_a_null_where_none_may_be_is_a_broken_promise(database: str, through_python: bool) -> None:
    with connect(database) as opened, pytest.raises(BrokenPromise, match="is there a NULL"):
        taken(opened, "select 1::bigint, null::float8, null::text", through_python=through_python)


def cut_off(connection: Connection, other: Connection, *, through_python: bool) -> None:
    query = sql.SQL("select g::bigint, 0::float8, null::text from generate_series(1, 10000000) g")
    with copying_out(connection, query.format()):
        for _ in pulling.pulled(connection, through_python=through_python):
            other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])


@pytest.mark.parametrize("through_python", WAYS)
def test_a_server_that_goes_away_between_two_rows_is_an_error(database: str, through_python: bool) -> None:
    with connect(database) as opened, connect(database) as other, pytest.raises(psycopg.OperationalError):
        cut_off(opened, other, through_python=through_python)
