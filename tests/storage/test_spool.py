"""The spool keeps its promises on real files: receipts, numbers, damage, locks, full disks, trimming."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.errors import SpoolError
from core.samples.records import RowKind, SpoolRow, StoredRow
from storage.spool import SpoolWriter, spool_paths
from storage.spool_file import FORMAT, beside, read_ack
from storage.spool_read import SpoolReader
from tests.storage.spool_rows import noise, present, row, stored, texts

EVERYTHING = 1 << 40


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
