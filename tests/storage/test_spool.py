"""The spool keeps its promises on real files: receipts, numbers, damage, locks, full disks, trimming."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.errors import SpoolError
from core.samples.records import RowKind, SpoolRow, StoredRow, unpack_quarantine
from storage.spool import SpoolWriter, spool_paths
from storage.spool_file import FORMAT, beside, read_ack
from storage.spool_read import SpoolReader

ROOT = Path(__file__).parents[2]
EVERYTHING = 1 << 40


def row(text: str, received_us: int = 0, kind: RowKind = RowKind.SAMPLES, source: str = "s") -> SpoolRow:
    return SpoolRow(kind, source, b"plant", received_us, text.encode())


def noise(size: int, kind: RowKind = RowKind.SAMPLES) -> SpoolRow:
    """A row that does not get smaller by compression."""
    return SpoolRow(kind, "s", b"plant", 0, random.Random(size).randbytes(size))


def stored(path: Path, after: int = 0) -> list[StoredRow]:
    """All rows behind `after`, through a read-only connection of its own."""
    with SpoolReader(path) as reader:
        return reader.read(after, EVERYTHING)


def present(rows: list[StoredRow]) -> list[StoredRow]:
    """Without what stands for a hole or for damage."""
    return [found for found in rows if found.kind is not RowKind.QUARANTINE]


def texts(path: Path) -> list[str]:
    return [found.payload.decode() for found in stored(path)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plant.spool"


def test_what_was_appended_is_read_back_with_every_column(path: Path) -> None:
    rows = [SpoolRow(kind, f"source {kind}", b"\x00\xff" * 16, -int(kind), b"\x00" * kind) for kind in RowKind]
    with SpoolWriter(path) as spool:
        assert spool.append_now(rows) == len(rows)
    found = stored(path)
    assert [item.record for item in found] == list(range(1, len(rows) + 1))
    assert [SpoolRow(f.kind, f.source, f.plant_hash, f.received_us, f.payload) for f in found] == rows


async def test_a_receipt_comes_only_when_another_connection_sees_the_rows(path: Path) -> None:
    spool = SpoolWriter(path, group_ms=1)
    with SpoolReader(path) as reader:
        for number in range(20):
            last = await spool.append([row(f"{number} first"), row(f"{number} second")])
            assert reader.end() == last
            assert [found.payload.decode() for found in reader.read(last - 2, EVERYTHING)] == [
                f"{number} first",
                f"{number} second",
            ]
    await spool.aclose()


async def test_many_appends_share_few_commits_and_each_gets_its_own_last_number(path: Path) -> None:
    spool = SpoolWriter(path)
    receipts = await asyncio.gather(*(spool.append([row(f"{number}"), row("+")]) for number in range(500)))
    await spool.aclose()
    assert sorted(receipts) == list(range(2, 1001, 2))
    found = texts(path)
    assert [found[receipt - 2] for receipt in receipts] == [str(number) for number in range(500)]
    assert spool.commits <= 5


async def test_the_first_append_after_a_pause_does_not_wait_for_others(path: Path) -> None:
    spool = SpoolWriter(path, group_ms=60_000)
    await asyncio.wait_for(spool.append([row("first")]), 10)
    gathering = asyncio.ensure_future(spool.append([row("second")]))
    done, _ = await asyncio.wait([gathering], timeout=0.2)
    assert not done
    spool.append_now([row("third")])  # a caller that stands still ends the gathering
    assert await asyncio.wait_for(gathering, 10) == 2
    assert spool.commits == 2
    await spool.aclose()


async def test_a_full_group_does_not_wait_for_the_time(path: Path) -> None:
    spool = SpoolWriter(path, group_ms=60_000, group_bytes=1000)
    await spool.append([row("first")])
    await asyncio.wait_for(asyncio.gather(spool.append([noise(600)]), spool.append([noise(600)])), 10)
    await spool.aclose()


async def test_closing_stores_what_waits_and_refuses_what_comes_later(path: Path) -> None:
    spool = SpoolWriter(path, group_ms=60_000)
    await spool.append([row("first")])
    waiting = asyncio.ensure_future(spool.append([row("second")]))
    await asyncio.sleep(0)
    await spool.aclose()
    assert await waiting == 2
    with pytest.raises(SpoolError, match="closed"):
        await spool.append([row("third")])
    assert texts(path) == ["first", "second"]


async def test_a_cancelled_append_that_still_waited_is_not_stored_and_harms_nobody(path: Path) -> None:
    spool = SpoolWriter(path, group_ms=60_000)
    await spool.append([row("first")])
    cancelled = asyncio.ensure_future(spool.append([row("cancelled")]))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    assert spool.append_now([row("second")]) == 2
    await spool.aclose()
    assert texts(path) == ["first", "second"]


def test_source_states_are_stored_with_the_rows_and_survive_reopening(path: Path) -> None:
    with SpoolWriter(path) as spool:
        assert spool.source_state("a") is None
        spool.append_now([row("1")], {"a": b"one", "b": b"two"})
        spool.append_now([row("2")], {"a": b"three"})
        identity = spool.spool_id
    with SpoolWriter(path) as spool:
        assert (spool.source_state("a"), spool.source_state("b")) == (b"three", b"two")
        assert spool.spool_id == identity


def test_numbers_are_not_used_twice_after_everything_was_trimmed(path: Path) -> None:
    with SpoolWriter(path, keep_us=0) as spool, SpoolReader(path) as reader:
        reader.acknowledge(spool.append_now([row("1"), row("2"), row("3")]))
        assert spool.trim(1) == 3
        assert reader.end() == 0
    with SpoolWriter(path) as spool:
        assert spool.append_now([row("4")]) == 4


def test_reading_stops_at_the_limit_but_gives_at_least_one_row(path: Path) -> None:
    with SpoolWriter(path) as spool:
        spool.append_now([noise(1000), noise(1001), noise(1002)])
    with SpoolReader(path) as reader:
        assert [found.record for found in reader.read(0, 2001)] == [1, 2]
        assert [found.record for found in reader.read(0, 10)] == [1]
        assert [found.record for found in reader.read(2, 10)] == [3]
        assert reader.read(3, 10) == []


def test_the_files_are_private_and_listed_in_order(tmp_path: Path) -> None:
    for name in ("b.spool", "a.spool"):
        with SpoolWriter(tmp_path / name) as spool, SpoolReader(tmp_path / name) as reader:
            reader.acknowledge(spool.append_now([row("1")]))
            assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert spool_paths(tmp_path) == [tmp_path / "a.spool", tmp_path / "b.spool"]


def test_a_second_writer_is_refused_until_the_first_ends(path: Path) -> None:
    with SpoolWriter(path) as spool:
        with pytest.raises(SpoolError, match="already being written"):
            SpoolWriter(path)
        spool.append_now([row("still works")])
    SpoolWriter(path).close()


def test_a_newer_format_is_refused_by_both_sides_and_left_as_it_is(path: Path) -> None:
    with SpoolWriter(path) as spool:
        spool.append_now([row("kept")])
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = ? WHERE key = 'format'", (FORMAT + 1,))
    raw.close()
    before = path.read_bytes()
    for opener in (SpoolWriter, SpoolReader):
        with pytest.raises(SpoolError, match="newer Stanok"):
            opener(path)
    assert path.read_bytes() == before
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE meta SET value = ? WHERE key = 'format'", (FORMAT,))
    raw.close()
    assert texts(path) == ["kept"]


def test_a_file_that_is_no_spool_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"something else" * 1000)
    for opener in (SpoolWriter, SpoolReader):
        with pytest.raises(SpoolError):
            opener(path)
    assert path.read_bytes() == b"something else" * 1000


def test_a_reader_that_comes_before_the_collector_is_told_so(path: Path) -> None:
    assert SpoolReader.open_if_exists(path) is None
    path.touch()  # the instant between creation and the first table
    assert SpoolReader.open_if_exists(path) is None
    with SpoolWriter(path) as spool:
        spool.append_now([row("1")])
        reader = SpoolReader.open_if_exists(path)
        assert reader is not None
        with reader:
            assert (reader.spool_id, reader.end()) == (spool.spool_id, 1)


def test_the_acknowledged_position_of_another_spool_or_a_broken_file_counts_as_none(path: Path) -> None:
    with SpoolWriter(path, keep_us=0) as spool, SpoolReader(path) as reader:
        reader.acknowledge(spool.append_now([row("1")]))
        assert read_ack(path, spool.spool_id) == 1
        for broken in (b"", b"{", b"[]", b'{"record": 1}', b'{"spool_id": "other", "record": 1}'):
            beside(path, ".ack").write_bytes(broken)
            assert spool.trim(EVERYTHING) == 0
    assert texts(path) == ["1"]


# --- damage ---------------------------------------------------------------------------------------------------------


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
    pytest.skip(why)


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


def test_over_the_size_limit_acknowledged_rows_go_first_and_others_block_the_source(path: Path) -> None:
    with SpoolWriter(path, size_limit_bytes=300_000, reserve_bytes=50_000) as spool, SpoolReader(path) as reader:
        receipts: list[int] = []
        with pytest.raises(SpoolError, match="limit"):
            receipts.extend(spool.append_now([noise(10_000)]) for _ in range(100))
        assert receipts == list(range(1, spool.end() + 1))
        last = spool.end()
        assert 20 <= last < 30
        assert spool.append_now([noise(10_000, RowKind.GAP)]) == last + 1
        with pytest.raises(SpoolError, match="start the engine"):
            spool.append_now([noise(10_000)])
        reader.acknowledge(last - 5)
        for _ in range(10):
            spool.append_now([noise(10_000)])
        hole, *kept = reader.read(0, EVERYTHING)
        remaining = [item.record for item in kept]
        assert (hole.kind, hole.record) == (RowKind.QUARANTINE, remaining[0] - 1)
        assert remaining == list(range(remaining[0], last + 12))
        assert remaining[0] <= last - 4
    assert path.stat().st_size < 400_000


def test_the_writer_trims_and_reuses_space_by_itself(path: Path) -> None:
    with SpoolWriter(path, keep_us=100, group_ms=0) as spool, SpoolReader(path) as reader:
        for number in range(60):
            rows = [row("x" * 20, number * 20 + n) for n in range(20)]
            reader.acknowledge(spool.append_now(rows))
        assert 0 < len(present(reader.read(0, EVERYTHING))) < 600
    assert path.stat().st_size < 200_000


def test_threads_and_tasks_may_append_at_the_same_time(path: Path) -> None:
    with SpoolWriter(path, group_ms=1) as spool:
        threads = [
            threading.Thread(target=lambda n=n: [spool.append_now([row(f"{n}")]) for _ in range(20)]) for n in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(texts(path)) == sorted(f"{n}" for n in range(5) for _ in range(20))


# --- the model ------------------------------------------------------------------------------------------------------


class SpoolAgainstList(RuleBasedStateMachine):
    """A list that never forgets is the model; the file may lack only what was allowed to go, from the front."""

    KEEP_US = 50

    @initialize()
    def create(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "model.spool"
        self.model: list[SpoolRow] = []
        self.appended = False
        self.acked = 0
        self.now_us = 0
        self.open()

    def open(self) -> None:
        self.writer = SpoolWriter(self.path, keep_us=self.KEEP_US, group_ms=0)
        self.reader = SpoolReader(self.path)

    @rule(ages=st.lists(st.integers(0, 30), max_size=120), size=st.integers(0, 6000))
    def append(self, ages: list[int], size: int) -> None:
        rows = [SpoolRow(RowKind.SAMPLES, "s", b"p", self.now_us + age, b"%d" % age * size) for age in ages]
        self.now_us += max(ages, default=0)
        assert self.writer.append_now(rows, {"s": b"%d" % len(self.model + rows)}) == len(self.model + rows)
        self.model += rows
        self.appended = True

    @rule(share=st.floats(0, 1))
    def acknowledge(self, share: float) -> None:
        self.acked = max(self.acked, int(share * len(self.model)))
        self.reader.acknowledge(self.acked)

    @rule(later=st.integers(0, 100))
    def trim(self, later: int) -> None:
        self.now_us += later
        first = self.remaining()[0].record if self.remaining() else len(self.model) + 1
        removed = self.writer.trim(self.now_us)
        allowed = 0
        for old in self.model[first - 1 : self.acked][:200]:
            if old.received_us >= self.now_us - self.KEEP_US:
                break
            allowed += 1
        assert removed == allowed

    @rule()
    def reopen(self) -> None:
        self.reader.close()
        self.writer.close()
        self.open()
        if self.appended:
            assert self.writer.source_state("s") == b"%d" % len(self.model)

    @rule(share=st.floats(0, 1), limit=st.integers(0, 20_000))
    def read_in_pieces(self, share: float, limit: int) -> None:
        everything = self.remaining()
        after = int(share * len(self.model))
        pieces: list[StoredRow] = []
        while piece := self.reader.read(pieces[-1].record if pieces else after, limit):
            assert len(present(piece)) <= 1 or sum(len(item.payload) for item in present(piece)) <= limit
            pieces += piece
        assert present(pieces) == [item for item in everything if item.record > after]

    def remaining(self) -> list[StoredRow]:
        return present(self.reader.read(0, EVERYTHING))

    @invariant()
    def nothing_is_missing_that_had_to_stay(self) -> None:
        if not hasattr(self, "reader"):
            return
        found = self.remaining()
        gone = len(self.model) - len(found)
        assert gone <= self.acked
        assert [item.record for item in found] == list(range(gone + 1, len(self.model) + 1))
        assert [SpoolRow(i.kind, i.source, i.plant_hash, i.received_us, i.payload) for i in found] == self.model[gone:]
        assert all(old.received_us < self.now_us - self.KEEP_US for old in self.model[:gone])

    def teardown(self) -> None:
        if hasattr(self, "reader"):
            self.reader.close()
            self.writer.close()
            shutil.rmtree(self.folder)


TestSpoolAgainstList = SpoolAgainstList.TestCase
TestSpoolAgainstList.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
