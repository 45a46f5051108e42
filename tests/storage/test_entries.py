"""The spool that people write: two at once, killed in the middle, read by the engine's reader."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import SpoolError
from core.samples.records import RowKind, SpoolRow
from storage import spool_file
from storage.entries import OPERATOR_SPOOL, payloads, writing
from storage.spool_read import SpoolReader

ROOT = Path(__file__).parents[2]

WRITER = """
import os, signal, sys
from pathlib import Path
from core.samples.records import RowKind, SpoolRow
from storage.entries import payloads, writing
path, count, die = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "die"
for number in range(count):
    with writing(path) as spool:
        seen = len(payloads(path))
        spool.add(SpoolRow(RowKind.OPERATOR, "operator", b"plant", 7, f"{os.getpid()} saw {seen}".encode()))
        if die:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool" / OPERATOR_SPOOL


def row(text: str) -> SpoolRow:
    return SpoolRow(RowKind.OPERATOR, "operator", b"plant", 7, text.encode())


def told(path: Path) -> list[str]:
    return [payload.decode() for _, payload in payloads(path)]


def start(path: Path, count: int, die: str = "") -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(count), die], cwd=ROOT)


def test_an_entry_is_read_like_a_row_of_any_spool(path: Path) -> None:
    with writing(path) as spool:
        assert spool.add(row("first")) == 1
    with writing(path) as spool:
        assert [spool.add(row("second")), spool.add(row("third"))] == [2, 3]
    with SpoolReader(path) as reader:
        rows = reader.read(0, 1 << 20)
        assert [(found.record, found.payload.decode(), found.source) for found in rows] == [
            (1, "first", "operator"),
            (2, "second", "operator"),
            (3, "third", "operator"),
        ]
        assert reader.numbered() == 3
    assert path.stat().st_mode & 0o777 == spool_file.PRIVATE


def test_two_processes_at_once_come_one_after_the_other(path: Path) -> None:
    writers = [start(path, 15), start(path, 15)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    # Each saw, inside its own transaction, all that had been told before and nothing half.
    assert [int(text.split()[-1]) for text in told(path)] == list(range(30))


def test_who_is_killed_before_the_end_has_told_nothing_and_stops_nobody(path: Path) -> None:
    with writing(path) as spool:
        spool.add(row("before"))
    assert start(path, 1, "die").wait(60) == -signal.SIGKILL
    assert told(path) == ["before"]
    with writing(path) as spool:
        assert spool.add(row("after")) == 2
    assert told(path) == ["before", "after"]


def test_an_error_inside_leaves_nothing(path: Path) -> None:
    def half() -> None:
        with writing(path) as spool:
            spool.add(row("half"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert told(path) == []


def test_a_reader_that_stands_still_holds_nobody_up(path: Path) -> None:
    with writing(path) as spool:
        spool.add(row("first"))
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as standing:
        standing.execute("begin")
        standing.execute("select * from spool_row").fetchall()
        with writing(path) as spool:
            spool.add(row("second"))
    assert told(path) == ["first", "second"]


def test_who_does_not_let_go_is_named_after_a_while(path: Path) -> None:
    path.parent.mkdir()
    lock = spool_file.take_lock(path)
    with pytest.raises(SpoolError, match="already being written"), writing(path, wait_s=0.1):
        pass
    os.close(lock)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_what_root_tells_can_be_read_by_whom_the_directory_belongs_to(path: Path) -> None:
    path.parent.mkdir()
    os.chown(path.parent, 65534, 65534)
    with writing(path) as spool:
        spool.add(row("first"))
    assert {found.stat().st_uid for found in path.parent.iterdir()} == {65534}


def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match="nothing was stored"), writing(tmp_path / "file" / "spool" / OPERATOR_SPOOL):
        pass


def test_a_full_disk_is_one_sentence_and_stores_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(path) as spool:
        spool.add(row("first"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool_file, "sync_log", full)
    with pytest.raises(SpoolError, match="nothing was stored"), writing(path) as spool:
        spool.add(row("second"))
    monkeypatch.undo()
    assert told(path) == ["first"]
