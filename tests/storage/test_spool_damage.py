"""The spool under damage: flipped bits, vanished rows, kill -9, failing and full disks; nothing promised is lost."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import SpoolError
from core.samples.records import RowKind, SpoolRow, unpack_quarantine
from storage.spool import SpoolWriter
from storage.spool_file import beside
from storage.spool_read import SpoolReader
from tests.storage.spool_rows import noise, row, stored, texts

ROOT = Path(__file__).parents[2]
EVERYTHING = 1 << 40


def test_a_flipped_bit_in_a_payload_makes_a_quarantine_row_and_spares_the_others(path: Path) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    draw = random.Random(seed)
    rows = [SpoolRow(RowKind.SAMPLES, "s", b"plant", number, draw.randbytes(9000)) for number in range(12)]
    with SpoolWriter(path) as spool:
        spool.append_now(rows)
        identity = spool.spool_id
    clean = path.read_bytes()
    for _ in range(40):
        victim = draw.randrange(len(rows))
        at = clean.index(rows[victim].payload[4500:4550]) + draw.randrange(50)
        path.write_bytes(clean[:at] + bytes([clean[at] ^ 1 << draw.randrange(8)]) + clean[at + 1 :])
        found = stored(path)
        assert [item.record for item in found] == list(range(1, len(rows) + 1))
        assert [n for n, item in enumerate(found) if item.payload != rows[n].payload] == [victim]
        assert found[victim].kind is RowKind.QUARANTINE
        item = unpack_quarantine(found[victim].payload)
        assert f"spool record {victim + 1} is damaged" in item.reason
        assert (item.origin, item.machine) == (identity, -1)
        assert len(item.raw) >= 9000


def test_any_flipped_bit_in_the_file_is_harmless_or_reported(path: Path) -> None:
    """Never a wrong value, never a silent hole: rows are right, quarantined, or reading says that it cannot go on."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    draw = random.Random(seed)
    with SpoolWriter(path) as spool:
        spool.append_now([noise(number) for number in range(100, 160)])
    clean, good = path.read_bytes(), {found.record: found for found in stored(path)}
    reported = 0
    for _ in range(200):
        at = draw.randrange(4096, len(clean))  # the first page is SQLite's header and the schema
        path.write_bytes(clean[:at] + bytes([clean[at] ^ 1 << draw.randrange(8)]) + clean[at + 1 :])
        try:
            found = stored(path)
            while found and (more := stored(path, found[-1].record)):
                found += more
                assert len(found) < 1000, at
        except SpoolError:
            reported += 1
            continue
        assert all(item == good.get(item.record) or item.kind is RowKind.QUARANTINE for item in found), at
        damaged = [item for item in found if item.kind is RowKind.QUARANTINE]
        reported += bool(damaged)
        assert damaged or found == list(good.values()), at
    assert reported > 20


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("received_us", 8),
        ("kind", int(RowKind.GAP)),
        ("source", "other"),
        ("source", b"\xff\xfe"),
        ("plant_hash", b"other"),
        ("format", 0),
        ("crc32", 1),
        ("received_us", "text"),
        ("payload", 5),
        ("record", 20),
    ],
)
def test_the_checksum_covers_every_column(path: Path, column: str, value: object) -> None:
    with SpoolWriter(path) as spool:
        spool.append_now([row("1", 7), row("2", 7)])
    with sqlite3.connect(path) as raw:
        raw.execute(f"UPDATE spool_row SET {column} = ? WHERE record = 2", (value,))
    raw.close()
    first, second = stored(path)
    assert first.payload == b"1"
    assert (second.record, second.kind) == (2, RowKind.QUARANTINE)


def test_a_row_that_vanished_is_reported_with_its_number(path: Path) -> None:
    with SpoolWriter(path) as spool:
        spool.append_now([row(str(number)) for number in range(1, 8)])
    with sqlite3.connect(path) as raw:
        raw.execute("DELETE FROM spool_row WHERE record IN (1, 4, 5)")
    raw.close()
    found = stored(path)
    assert [(item.record, item.kind is RowKind.QUARANTINE) for item in found] == [
        (1, True),
        (2, False),
        (3, False),
        (5, True),
        (6, False),
        (7, False),
    ]
    assert "records 4 to 5 are no longer in the file" in unpack_quarantine(found[3].payload).reason
    assert [item.record for item in stored(path, 3)] == [5, 6, 7]


def test_a_damaged_source_state_counts_as_none(path: Path) -> None:
    with SpoolWriter(path) as spool:
        spool.append_now([row("1")], {"a": b"right", "b": b"right"})
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE source_state SET blob = x'00' WHERE source = 'a'")
    raw.close()
    with SpoolWriter(path) as spool:
        assert (spool.source_state("a"), spool.source_state("b")) == (None, b"right")


# --- crashes --------------------------------------------------------------------------------------------------------


def _run_and_kill(path: Path, receipts: int) -> list[tuple[bytes, int, int]]:
    """Start a writer, kill it after it printed `receipts` lines; every whole line it got out."""
    command = [sys.executable, str(Path(__file__).with_name("spool_child.py")), str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(receipts)]
    child.kill()
    lines += child.stdout.readlines()
    child.stdout.close()
    assert child.wait() == -9
    whole = [line.split() for line in lines if line.endswith(b"\n")]
    return [(source, int(number), int(record)) for source, number, record in whole]


def test_no_receipt_is_broken_when_the_writer_is_killed_at_any_moment(path: Path) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    draw = random.Random(seed)
    before: dict[int, bytes] = {}
    for _ in range(15):
        promised = _run_and_kill(path, draw.randrange(1, 60))
        with SpoolReader(path) as reader:
            found = reader.read(0, EVERYTHING)
        after = {item.record: item.payload for item in found}
        assert list(after) == list(range(1, len(after) + 1))
        assert before.items() <= after.items(), "a number was used twice or a row was lost"
        for name, number, record in promised:
            assert record > max(before, default=0)
            assert after[record] == b"%s:%d" % (name, number)
        with SpoolWriter(path) as spool:
            for source in "abc":
                last = max((item.payload for item in found if item.source == source), key=_number, default=b"")
                assert (spool.source_state(source) or b"") == last.partition(b":")[2]
        before = after


def _number(payload: bytes) -> int:
    return int(payload.partition(b":")[2])


_FAILING_DISK = """
import resource, sys
from pathlib import Path
from core.errors import SpoolError
from core.samples.records import RowKind, SpoolRow
from storage.spool import SpoolWriter

spool = SpoolWriter(Path(sys.argv[1]), reserve_bytes=4096)
row = SpoolRow(RowKind.GAP, "s", b"", 0, b"x" * 100)
print(spool.append_now([row]))
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
# SQLite takes any failed write but "no space" for a broken disk.
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
for attempt in range(3):
    try:
        print("stored", spool.append_now([row]))
    except SpoolError as error:
        print("refused:", error)
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)  # the disk works again: too late for this process
spool.close()
"""


def test_after_a_failed_write_nothing_is_ever_acknowledged_again(path: Path) -> None:
    command = [sys.executable, "-c", _FAILING_DISK, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    first, *refusals = done.stdout.splitlines()
    assert first == "1", done.stderr
    assert len(refusals) == 3
    assert all(line.startswith("refused:") and "restart" in line for line in refusals), done.stdout
    with SpoolWriter(path) as spool:
        assert spool.append_now([row("after the restart")]) == 2
    assert texts(path) == ["x" * 100, "after the restart"]


_FAILING_SYNC = """
import sys
from pathlib import Path
from core.errors import SpoolError
from core.samples.records import RowKind, SpoolRow
from storage.spool import SpoolWriter

try:
    spool = SpoolWriter(Path(sys.argv[1]), reserve_bytes=4096)
except SpoolError:
    sys.exit()
for number in range(8):
    try:
        print(number, spool.append_now([SpoolRow(RowKind.SAMPLES, "s", b"", 0, b"%d" % number)]))
    except SpoolError:
        print("refused")
"""


def _needs(tool: str) -> None:
    if shutil.which(tool) is None:
        _unavailable(f"{tool} is not installed")


def _unavailable(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)  # in CI that is a failure (tests/fix_honest.py)


def test_a_failed_sync_ends_the_writer_whichever_sync_it_is(tmp_path: Path) -> None:
    _needs("strace")
    ended_early = 0
    for nth in range(1, 13):
        path = tmp_path / f"{nth}.spool"
        inject = f"inject=fsync,fdatasync:error=EIO:when={nth}"
        strace = ["strace", "-f", "-o", os.devnull, "-e", "trace=fsync,fdatasync", "-e", inject]
        done = subprocess.run(
            [*strace, sys.executable, "-c", _FAILING_SYNC, str(path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        said = done.stdout.split("\n")[:-1]
        promised = [line.split() for line in said if line != "refused"]
        assert said == [" ".join(receipt) for receipt in promised] + ["refused"] * (len(said) - len(promised))
        ended_early += "refused" in said or not said
        if promised:
            found = {item.record: item.payload.decode() for item in stored(path)}
            assert all(found[int(record)] == number for number, record in promised)
        SpoolWriter(path).close()
    assert ended_early >= 8


# --- full -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "none", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        _unavailable("a small file system needs root and the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_refuses_samples_still_takes_gaps_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    path, other = small_disk / "plant.spool", small_disk / "somebody-elses-file"
    promised = []
    with SpoolWriter(path, reserve_bytes=200_000, group_ms=1) as spool:
        promised.append(spool.append_now([row("first")], {"s": b"first"}))
        other.write_bytes(b"x" * 1_000_000)
        with pytest.raises(SpoolError, match="and its sources wait: make room"):
            promised.extend(spool.append_now([noise(20_000)]) for _ in range(1000))
        assert len(promised) > 10
        with pytest.raises(SpoolError, match="full"):
            spool.append_now([row("too late")], {"s": b"never stored"})
        gaps = [spool.append_now([row("gap", kind=RowKind.GAP)]) for _ in range(10)]
        assert spool.source_state("s") == b"first"
        other.unlink()
        promised.append(spool.append_now([row("again")], {"s": b"again"}))
        assert beside(path, ".reserve").stat().st_size == 200_000
    found = {item.record: item for item in stored(path)}
    assert list(found) == list(range(1, len(found) + 1))
    assert set(found) == {*promised, *gaps}
    with SpoolWriter(path) as spool:
        assert spool.source_state("s") == b"again"


def test_a_spool_on_a_full_disk_can_be_opened_again_and_takes_gaps(small_disk: Path) -> None:
    path = small_disk / "plant.spool"
    with SpoolWriter(path, reserve_bytes=200_000) as spool:
        spool.append_now([row("first")])
    with pytest.raises(OSError, match="No space"):
        (small_disk / "somebody-elses-file").write_bytes(b"x" * 10_000_000)
    with SpoolWriter(path, reserve_bytes=200_000) as spool:
        assert spool.append_now([row("gap", kind=RowKind.GAP)]) == 2
    assert texts(path) == ["first", "gap"]
