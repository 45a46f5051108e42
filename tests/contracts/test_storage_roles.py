"""Who may do what: every kind of login against statements of every sort, each cell expected allowed or denied.

Logins are real ones with passwords. Denied means that the server refuses for lack of a right, also after the login has
lifted its own limits; what only read-only mode or a timeout stops is tested apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from core.errors import InputError
from core.samples.batch import SampleBatch
from core.units import HOUR_US
from storage.pg.commit import Store
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from storage.pg.plant import load_plant
from storage.pg.roles import KINDS, ROLES, forget_grants, set_login, sync_roles
from tests.storage.pg_changes import PLANT, SPOOL, START_US, make_changes, raw_of, speeds

LOGINS = {
    "migration": ("migration", []),
    "engine": ("engine", []),
    "maintenance": ("maintenance", []),
    "collector": ("collector", []),
    "minsk": ("reader", ["minsk"]),
    "ural": ("reader", ["ural"]),
    "everywhere": ("reader", ["*"]),
    "ministry": ("ministry", []),
    "registrar": ("registrar", []),
    "health": ("health", []),
}
READERS = {"minsk", "ural", "everywhere"}
SEE = READERS | {"engine", "maintenance"}
PRIVATE = {"engine", "maintenance"}
SECRET = "canary of the roles"

STATEMENTS: dict[str, tuple[str, set[str]]] = {
    "live board": ("select * from board.machine_live", SEE),
    "timeline": ("select * from board.state_timeline", SEE),
    "gaps": ("select * from board.gap", SEE),
    "stops": ("select * from board.stop", SEE),
    "who told what": ("select author from board.operator_entry", SEE),
    "results": ("select * from board.kpi_shift", SEE | {"ministry", "registrar"}),
    "results of hours": ("select * from board.kpi_hour", SEE),
    "results of days": ("select * from board.kpi_day", SEE | {"ministry", "registrar"}),
    "indicators of weeks": ("select * from board.indicator_week", SEE | {"ministry", "registrar"}),
    "idle machines": ("select * from board.idle_machine", SEE | {"ministry", "registrar"}),
    "raw samples of a machine": ("select * from board.gauge", SEE),
    "measures of the house": ("select * from board.platform_measure", SEE),
    "sums of days": ("select * from stanok.fact_day", PRIVATE),
    "platform": ("select * from board.platform_health", SEE | {"collector", "health"}),
    "formula behind a view": ("select * from stanok_formula.kpi", set()),
    "formula": ("select * from stanok_formula.gaps(1, 1, now(), now(), 1)", set()),
    "cursors": ("select * from stanok.spool_cursor", PRIVATE | {"collector"}),
    "raw rows": ("select count(*) from stanok.sample_block", PRIVATE),
    "samples in blocks as rows": ("select count(*) from stanok.sample", PRIVATE),
    "raw rows of events": ("select count(*) from stanok.sample_event", PRIVATE),
    "where raw rows lie": ("select count(*) from {chunk}", {"maintenance"}),
    "facts": ("select count(*) from stanok.fact_minute", PRIVATE),
    "quarantine": ("select raw from stanok.quarantine", PRIVATE),
    "who sees what": ("select * from stanok.role_site", {"maintenance"}),
    "see more": ("insert into stanok.role_site values ('{me}', '*')", set()),
    "a fact": ("update stanok.fact_minute set apt = 0", set()),
    "a raw value": ("update stanok.sample_block set values = null", set()),
    "a raw value where it lies": ("update {chunk} set quality = 0", set()),
    "raw rows away": ("delete from stanok.sample_block", set()),
    "what people told": ("select * from stanok.operator_entry", PRIVATE),
    "other words": ("update stanok.operator_entry set author = ''", set()),
    "words away": ("delete from stanok.operator_entry", set()),
    "quarantine away": ("delete from stanok.quarantine", set()),
    "facts anew": ("delete from stanok.fact_minute", {"engine"}),
    "intervals anew": ("delete from stanok.state_interval", {"engine"}),
    "cursor": ("update stanok.spool_cursor set epoch = epoch", {"engine"}),
    "cursor away": ("delete from stanok.spool_cursor", set()),
    "sums anew": ("delete from stanok.fact_hour", {"engine"}),
    "clear": ("truncate stanok.fact_minute", set()),
    "seals": ("select * from stanok.result_revision", {"maintenance"}),
    "a seal": ("insert into stanok.result_revision select * from stanok.result_revision", {"maintenance"}),
    "a seal away": ("delete from stanok.result_revision", set()),
    "a repair that never was": (
        "insert into stanok.repair_done (machine_id, from_time, to_time, cause) values (1, now(), now(), '')",
        set(),
    ),
    "programmes": ("select * from board.programme_plant", SEE | {"ministry", "registrar"}),
    "what plants reported": ("select * from stanok.plant_result", {"maintenance", "registrar"}),
    "a registry": ("delete from stanok.linked_standard", {"registrar"}),
    "a trusted key": ("update stanok.bundle_key set revoked_time = null", {"registrar"}),
    "no trusted key": ("delete from stanok.bundle_key", set()),
    "a reported result": ("insert into stanok.plant_lost select * from stanok.plant_lost", {"registrar"}),
    "another result": ("update stanok.plant_result set apt = 0", set()),
    "a finding": ("update stanok.evaluation set finding = 'better'", set()),
    "what was sent": ("insert into stanok.bundle_sent select * from stanok.bundle_sent", {"maintenance"}),
    "nothing was sent": ("delete from stanok.bundle_sent", set()),
    "a printed report": (
        "insert into stanok.report select * from board.report",
        {"engine", "maintenance", "registrar"},
    ),
    "another report": ("update stanok.report set content = ''", set()),
    "write through a view": ("insert into board.platform_health (tick_time) values (now())", set()),
    "change through a view": ("update board.platform_health set tick_time = now()", set()),
    "keep less": ("select stanok.keep_from('2025-01-01')", {"maintenance"}),
    "old minutes away": ("select stanok.forget_minutes()", {"maintenance"}),
    "what blocks hold": ("select stanok.summarize_samples()", {"engine"}),
    "index chunks": ("select stanok.index_chunk()", {"maintenance"}),
    "chunks for what comes": ("select stanok.add_chunk()", {"maintenance"}),
    "where chunks end": ("select * from stanok.raw_chunks('sample_block')", set()),
    "a chunk away": ("drop table {chunk}", set()),
    "a table among chunks": ("create table stanok_raw.mine (x integer)", set()),
    "minutes away": ("delete from stanok.fact_minute where minute < '2000-01-01'", {"engine"}),
    "a new table": ("create table stanok.mine (x integer)", set()),
    "a new view": ("create view board.mine as select 1 as one", set()),
    "a new schema": ("create schema mine", set()),
    "a table in public": ("create table public.mine (x integer)", set()),
    "a temporary table": ("create temporary table mine (x integer)", set()),
    "a large object": ("select lo_from_bytea(0, 'x')", set()),
    "become the owner": ("set role stanok_owner", {"migration"}),
    "become the engine": ("set role stanok_engine", {"engine"}),
    "become a superuser": ("set role {superuser}", set()),
    "session of a superuser": ("set session authorization {superuser}", set()),
    "a file of the server": ("select pg_read_file('PG_VERSION')", set()),
    "files of the server": ("select pg_ls_dir('.')", set()),
    "a program": ("copy (select 1) to program 'true'", set()),
    "a program's words": ("copy stanok.quarantine from program 'true'", set()),
    "a file": ("copy (select 1) to '/tmp/stanok-roles'", set()),
    "passwords": ("select rolpassword from pg_authid", set()),
    "a new role": ("create role stanok_friend", set()),
    "a stronger me": ("alter role {me} superuser", set()),
    "a table for me": ("alter table stanok.fact_minute owner to {me}", set()),
    "settings of the server": ("set log_statement = 'all'", set()),
    "end of others": ("select pg_terminate_backend(pid) from pg_stat_activity where usename = '{superuser}'", set()),
}
"""Name: statement, and who may run it. {chunk}: where raw rows lie on this server."""


@pytest.fixture(scope="session")
def house(empty_database: object, migrated_template: str) -> Iterator[dict[str, str]]:
    """A database with rows of two sites, and the address of each login."""
    dsn = empty_database(migrated_template)  # type: ignore[operator]  # fixtures of another module's type
    with connect(dsn) as admin:
        load_plant(admin, PLANT, START_US)
        admin.execute("insert into stanok.site values (1, 'ural', 'Урал', 'Asia/Yekaterinburg')")
        admin.execute("insert into stanok.machine select 2, 1, id, 'ural/lathe-3', 'Т', 'a', 1.2 from stanok.source")
        columns = "machine_id, state, cause, rule, program_id, shift_id, spindle_turning, spindle_speed"
        live = "select id, 1, 0, 8, 0, 0, true, 0 from stanok.machine"
        admin.execute(f"insert into stanok.machine_live ({columns}) {live}".encode())
        store = Store(admin, PLANT)
        store.take_ownership([SPOOL])
        store.commit(make_changes(1, raw=raw_of(speeds(3)), tick_us=START_US + HOUR_US))
        forget_grants(admin)
        sync_roles(admin)  # rights to a database are not copied with a template
        found = conninfo_to_dict(dsn)
        addresses = {"": dsn, "superuser": str(found["user"])}
        for login, (kind, sites) in LOGINS.items():
            name = f"{login}_{found['dbname']}"
            set_login(admin, name, kind, sites, SECRET)
            addresses[login] = make_conninfo(dsn, user=name, password=SECRET)
        row = admin.execute("select tableoid::regclass::text from stanok.sample_block limit 1").fetchone()
        assert row is not None
        addresses["chunk"] = row[0]
        yield addresses
        for login in LOGINS:
            name = conninfo_to_dict(addresses[login])["user"]
            admin.execute(f"drop owned by {name}; drop role {name}".encode())


def attempt(connection: psycopg.Connection, statement: str) -> str:
    """`allowed` or `denied`; whatever was done is undone."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return "denied"
    return "allowed"


def unlimited(dsn: str) -> psycopg.Connection:
    """A connection with the limits lifted that a login can lift."""
    connection = psycopg.connect(dsn, autocommit=True)
    connection.execute("set default_transaction_read_only = off; set statement_timeout = 0")
    return connection


def cells(house: dict[str, str], login: str) -> Iterator[tuple[str, str, str]]:
    """Name of the statement, what is expected, what is."""
    me = str(conninfo_to_dict(house[login])["user"])
    with unlimited(house[login]) as connection:
        for name, (statement, allowed) in STATEMENTS.items():
            text = statement.format(chunk=house["chunk"], superuser=house["superuser"], me=me)
            yield name, "allowed" if login in allowed else "denied", attempt(connection, text)


@pytest.mark.parametrize("login", LOGINS)
def test_every_login_may_do_what_it_is_for_and_nothing_else(house: dict[str, str], login: str) -> None:
    found = list(cells(house, login))
    wrong = [f"{name}: {found}, not {expected}" for name, expected, found in found if found != expected]
    assert not wrong
    assert len(found) * len(LOGINS) >= 150


def test_a_reader_sees_its_own_plant_only(house: dict[str, str]) -> None:
    for login, expected in {"minsk": {"minsk"}, "ural": {"ural"}, "everywhere": {"minsk", "ural"}}.items():
        with psycopg.connect(house[login]) as connection:
            sites = {row[0] for row in connection.execute("select site from board.machine_live")}
            unknown = connection.execute("select machines_unknown + gaps_lasting from board.platform_health").fetchone()
        assert sites == expected
        assert unknown == (0,)
    with connect(house[""]) as admin:
        assert {row[0] for row in admin.execute("select site from board.machine_live")} == {"minsk", "ural"}


def test_a_function_of_the_reader_sees_no_row_of_another_plant(house: dict[str, str]) -> None:
    """The reason for security barriers: a cheap condition must not run before the view's own."""
    with psycopg.connect(house["minsk"], autocommit=True) as connection:
        peek = "'' || site ~ '.' and (1 / (case when site = 'ural' then 0 else 1 end)) = 1"
        rows = connection.execute(f"select site from board.machine_live where {peek}".encode()).fetchall()
    assert {row[0] for row in rows} == {"minsk"}


def test_limits_of_a_login_hold_from_the_start(house: dict[str, str]) -> None:
    with psycopg.connect(house["minsk"], autocommit=True) as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("create table public.mine (x integer)")
        connection.execute("set statement_timeout = 50")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("select pg_sleep(60)")
        connection.execute("reset statement_timeout")
        found = [
            connection.execute(f"show {name}".encode()).fetchone()
            for name in ("statement_timeout", "transaction_read_only")
        ]
        assert found == [("30s",), ("on",)]
        rights = "rolconnlimit, rolsuper, rolcreaterole, rolcreatedb"
        query = f"select {rights} from pg_roles where rolname = current_user".encode()
        row = connection.execute(query).fetchone()
        assert row == (KINDS["reader"].connections, False, False, False)


def test_a_login_has_no_more_connections_than_it_should(house: dict[str, str]) -> None:
    held = [psycopg.connect(house["health"]) for _ in range(KINDS["health"].connections)]
    try:
        with pytest.raises(psycopg.OperationalError, match="too many connections"):
            psycopg.connect(house["health"])
    finally:
        for connection in held:
            connection.close()


def test_the_engines_login_commits_and_starts_on_a_database_that_is_up_to_date(house: dict[str, str]) -> None:
    with connect(house["engine"]) as connection:
        assert migrate(connection) == []
        load_plant(connection, PLANT, START_US)
        store = Store(connection, PLANT)
        store.take_ownership([SPOOL])
        day_later = SampleBatch.concat([speeds(3, START_US + 24 * HOUR_US)])
        store.commit(make_changes(2, raw=raw_of(day_later, 2), tick_us=START_US + 25 * HOUR_US))


def test_the_migrations_login_rebuilds_the_views_for_everybody(house: dict[str, str]) -> None:
    with connect(house[""]) as admin:
        admin.execute("delete from stanok.view_build")
    with connect(house["migration"]) as connection:
        assert migrate(connection) == ["views", "grants"]
        assert migrate(connection) == []
    with psycopg.connect(house["minsk"]) as reader:
        assert reader.execute("select count(*) from board.machine_live").fetchone() == (2,)


def test_every_table_is_decided_upon_and_belongs_to_the_owner(house: dict[str, str]) -> None:
    words = set(re.findall(r"\w+", ROLES.read_text(encoding="utf-8"))) | {"role_site"}
    query = (
        "select relname, relowner::regrole::text from pg_class where relkind in ('r', 'p', 'v')"
        " and relnamespace in ('stanok'::regnamespace, 'board'::regnamespace, 'stanok_formula'::regnamespace)"
    )
    tables = "select relname from pg_class where relkind in ('r', 'p') and relnamespace = 'stanok'::regnamespace"
    with connect(house[""]) as admin:
        assert {owner for _, owner in admin.execute(query)} == {"stanok_owner"}
        assert {name for (name,) in admin.execute(tables)} <= words, "decide in storage/roles.sql who may use it"


def test_every_view_of_the_boards_is_cut_to_the_sites_of_who_asks(house: dict[str, str]) -> None:
    """A barrier, and made from the view of sites, directly or through the view of machines."""
    query = """
        select v.relname, coalesce(v.reloptions::text, '') ~ 'security_barrier', exists (
            select from pg_rewrite r join pg_depend d on d.objid = r.oid and d.classid = 'pg_rewrite'::regclass
            where r.ev_class = v.oid
                and d.refobjid in ('stanok_formula.site'::regclass, 'stanok_formula.machine'::regclass))
        from pg_class v where v.relnamespace = 'board'::regnamespace and v.relkind = 'v'
    """
    with connect(house[""]) as admin:
        found = admin.execute(query).fetchall()
    assert len(found) > 4
    assert [name for name, barrier, cut in found if not (barrier and cut)] == []


def test_a_password_stands_in_no_statement(house: dict[str, str]) -> None:
    with connect(house[""]) as admin:
        name = conninfo_to_dict(house["minsk"])["user"]
        row = admin.execute("select rolpassword from pg_authid where rolname = %s", [name]).fetchone()
        assert row is not None
        assert row[0].startswith("SCRAM-SHA-256$")
        activity = admin.execute("select string_agg(query, ' ') from pg_stat_activity").fetchone()
        assert SECRET not in str(activity)


@pytest.mark.parametrize(
    ("name", "kind", "sites", "sentence"),
    [
        ("anna", "boss", [], "none of migration, engine"),
        ("anna", "reader", [], "--site says"),
        ("anna", "health", ["minsk"], "--site says"),
        ("anna", "reader", ["moscow"], "--site moscow: the database has"),
        ("Anna B", "reader", ["minsk"], "cannot be a login"),
        ("stanok_owner", "reader", ["minsk"], "cannot be a login"),
        ("{superuser}", "reader", ["minsk"], "administers this server"),
    ],
)
def test_a_wrong_wish_is_a_sentence(
    house: dict[str, str], name: str, kind: str, sites: list[str], sentence: str
) -> None:
    wanted = name.format(superuser=house["superuser"])
    with connect(house[""]) as admin, pytest.raises(InputError, match=sentence):
        set_login(admin, wanted, kind, sites, SECRET)


def test_a_login_that_becomes_another_kind_loses_what_it_had(house: dict[str, str]) -> None:
    name = f"moved_{conninfo_to_dict(house['']).get('dbname')}"
    dsn = make_conninfo(house[""], user=name, password="new")
    with connect(house[""]) as admin:
        try:
            set_login(admin, name, "maintenance", [], "old")
            set_login(admin, name, "reader", ["minsk"], "new")
            with unlimited(dsn) as moved:
                assert attempt(moved, "select * from stanok.fact_minute") == "denied"
                assert attempt(moved, "select * from board.gap") == "allowed"
                set_login(admin, name, "health", [], "new")
                assert attempt(moved, "select * from board.gap") == "denied"
        finally:
            admin.execute(f"drop owned by {name}; drop role {name}".encode())
