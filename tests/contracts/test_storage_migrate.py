"""The migration runner against a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.errors import DatabaseError, InputError, StanokError
from storage.pg.capability import Timescale, ask
from storage.pg.connect import Connection, connect
from storage.pg.migrate import Standing, migrate, read_migrations, status


@pytest.fixture(scope="session")
def bare_database(empty_database: Callable[[str], str]) -> str:
    """A database for tests that leave nothing but schemas of ours; a new one each time would cost half a second."""
    return empty_database("template0")


@pytest.fixture
def empty(bare_database: str) -> Iterator[Connection]:
    with connect(bare_database) as opened:
        opened.execute("drop schema if exists board, stanok_formula, stanok, stanok_raw cascade")
        yield opened


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("create table stanok.first (a integer);\n")
    (tmp_path / "0002_second.sql").write_text("-- requires: plain\ncreate table stanok.second (a integer);\n")
    return tmp_path


def apply(connection: Connection, files: Path, *, dry_run: bool = False) -> list[str]:
    return migrate(connection, dry_run=dry_run, migrations=files, views=files / "views")


def tables(connection: Connection) -> set[str]:
    found = connection.execute(
        "select relname from pg_class where relnamespace = to_regnamespace('stanok') and relkind = 'r'"
    )
    return {row[0] for row in found} - {"schema_migration", "view_build"}


def test_a_second_migration_changes_nothing(empty: Connection, files: Path) -> None:
    assert apply(empty, files) == ["0001_first", "0002_second", "views"]
    assert apply(empty, files) == []
    assert tables(empty) == {"first", "second"}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(empty: Connection, files: Path) -> None:
    assert apply(empty, files, dry_run=True) == ["0001_first", "0002_second", "views"]
    assert tables(empty) == set()


def test_a_later_file_is_applied_alone(empty: Connection, files: Path) -> None:
    apply(empty, files)
    (files / "0003_third.sql").write_text("create table stanok.third (a integer);\n")
    assert status(empty, migrations=files)[-1] == ("0003_third", Standing.PENDING)
    assert apply(empty, files) == ["0003_third"]


def test_a_changed_file_is_refused(empty: Connection, files: Path) -> None:
    apply(empty, files)
    (files / "0001_first.sql").write_text("create table stanok.other (a integer);\n")
    with pytest.raises(InputError, match="0001_first was changed"):
        apply(empty, files)


def test_a_database_newer_than_the_program_is_refused(empty: Connection, files: Path) -> None:
    apply(empty, files)
    (files / "0002_second.sql").unlink()
    with pytest.raises(InputError, match="0002_second, newer than this program"):
        apply(empty, files)


def test_a_file_that_fails_leaves_nothing_and_the_earlier_ones_stay(empty: Connection, files: Path) -> None:
    (files / "0003_bad.sql").write_text("create table stanok.half (a integer);\nselect 1 / 0;\n")
    with pytest.raises(StanokError, match="division by zero"):
        apply(empty, files)
    assert tables(empty) == {"first", "second"}
    assert status(empty, migrations=files)[-1] == ("0003_bad", Standing.PENDING)


def test_statements_without_a_transaction_run_one_by_one(empty: Connection, files: Path) -> None:
    index = "create index concurrently on stanok.{} (a);\n"
    (files / "0003_index.sql").write_text("-- transaction: off\n" + index.format("first") + index.format("second"))
    assert "0003_index" in apply(empty, files)


def test_a_file_for_timescaledb_waits_for_a_server_that_has_it(empty: Connection, files: Path) -> None:
    (files / "0003_fast.sql").write_text("-- requires: timescaledb_tsl\nselect 1;\n")
    if ask(empty).timescale == Timescale.COMMUNITY:
        pytest.skip("this server can do everything")  # only an edition that lacks something can refuse
    assert "0003_fast" not in apply(empty, files)
    assert status(empty, migrations=files)[-1] == ("0003_fast", Standing.NOT_POSSIBLE)


def test_a_file_that_waits_is_never_applied_once_a_later_one_took_its_place(empty: Connection, files: Path) -> None:
    (files / "0003_fast.sql").write_text("-- requires: timescaledb_tsl\nselect 1 / 0;\n")
    if ask(empty).timescale == Timescale.COMMUNITY:
        pytest.skip("this server can do everything")  # only an edition that lacks something can wait
    (files / "0004_slow.sql").write_text("-- replaces: 0003\ncreate table stanok.slow (a integer);\n")
    assert "0004_slow" in apply(empty, files)
    (files / "0003_fast.sql").write_text("select 1 / 0;\n")  # as if the server had learned it
    assert apply(empty, files) == []
    assert status(empty, migrations=files)[2] == ("0003_fast", Standing.REPLACED)


@pytest.mark.parametrize("name", ["3_short.sql", "0003_a.b.sql", "x.sql"])
def test_a_wrong_file_name_is_refused(files: Path, name: str) -> None:
    (files / name).write_text("select 1;")
    with pytest.raises(InputError, match="wrong name or header"):
        read_migrations(files)


def test_a_wrong_header_is_refused(files: Path) -> None:
    (files / "0003_a.sql").write_text("-- requires: oracle\n")
    with pytest.raises(InputError, match="wrong name or header"):
        read_migrations(files)


def test_a_number_used_twice_is_refused(files: Path) -> None:
    (files / "0002_again.sql").write_text("select 1;")
    with pytest.raises(InputError, match="same number"):
        read_migrations(files)


def test_changed_views_are_rebuilt_and_old_ones_go(empty: Connection, files: Path) -> None:
    views = files / "views"
    views.mkdir()
    (views / "1.sql").write_text("create view board.old as select 1 as one;")
    apply(empty, files)
    (views / "1.sql").write_text("create view board.new as select 1 as one;")
    assert apply(empty, files) == ["views"]
    assert empty.execute("select to_regclass('board.old'), to_regclass('board.new') is not null").fetchone() == (
        None,
        True,
    )


_LACKING = """
select c.relnamespace::regnamespace || '.' || c.relname || '.' || a.attname,
    col_description(c.oid, a.attnum), obj_description(c.oid, 'pg_class')
from pg_class c join pg_attribute a on a.attrelid = c.oid
where c.relnamespace in ('stanok'::regnamespace, 'board'::regnamespace) and c.relkind in ('r', 'v', 'p')
    and a.attnum > 0 and not a.attisdropped
    and (coalesce(col_description(c.oid, a.attnum), '') !~ '\\[.+\\]$' or obj_description(c.oid, 'pg_class') is null)
"""


def test_every_table_view_and_column_has_a_comment_with_a_unit(connection: Connection) -> None:
    assert connection.execute(_LACKING).fetchall() == []
    connection.execute("create table stanok.bare (a integer)")
    assert len(connection.execute(_LACKING).fetchall()) == 1


def test_no_view_or_formula_asks_the_clock(connection: Connection) -> None:
    definitions = connection.execute(
        "select definition from pg_views where schemaname in ('board', 'stanok_formula')"
        " union all select pg_get_functiondef(oid) from pg_proc where pronamespace = 'stanok_formula'::regnamespace"
    ).fetchall()
    assert len(definitions) > 10
    for (text,) in definitions:
        text = text.lower().replace("current_database()", "")  # whose size is shown
        assert not any(word in text for word in ("now()", "current_", "clock_timestamp", "_timestamp()"))


def test_a_wrong_address_is_a_sentence_without_the_password() -> None:
    with pytest.raises(InputError) as caught:
        connect("postgresql://me:hunter2@[host/db")
    assert "hunter2" not in str(caught.value)


def test_an_absent_server_is_a_sentence() -> None:
    with pytest.raises(DatabaseError, match="could not open a connection"):
        connect("postgresql://me@127.0.0.1:1/db")
