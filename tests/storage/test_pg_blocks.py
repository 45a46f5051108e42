"""Samples go into blocks and come out of them the same, and every block keeps what blocks.py promises of it."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.errors import BrokenPromise
from core.units import HOUR_US
from storage.pg import blocks
from storage.pg.copying import HEADER, TRAILER

Columns = dict[str, NDArray[Any]]
KINDS = {
    **dict.fromkeys(("event_time", "machine_id", "signal_id", "source_id", "seq", "record", "received_time"), "i8"),
    **dict.fromkeys(("raw", "flags", "spool_id", "row"), "i4"),
    "value": "f8",
    "quality": "i2",
}
BIG = 2**63 - 1


def choose(*values: float) -> st.SearchStrategy[float]:
    return st.sampled_from(values)


SAMPLE = st.fixed_dictionaries(
    {
        "event_time": choose(-BIG, -1, 0, 1, HOUR_US - 1, HOUR_US, 5 * HOUR_US, BIG),
        "received_time": choose(0, 1, HOUR_US, -HOUR_US, BIG),
        "machine_id": choose(1, 2, BIG),
        "signal_id": choose(-BIG, 7, BIG),
        "source_id": choose(1, 2),
        "spool_id": choose(1, 2),
        "raw": choose(-1, 2**31 - 1, -(2**31)),
        "quality": choose(0, 3),
        "flags": choose(0, 65535),
        "seq": choose(-1, 0, BIG),
        "value": st.floats(),
    }
)


def columns_of(samples: list[dict[str, float]]) -> Columns:
    """In the order of arrival: record and row count up."""
    found = {
        name: np.array([sample[name] for sample in samples], kind)
        for name, kind in KINDS.items()
        if name in SAMPLE_NAMES
    }
    found["record"], found["row"] = np.arange(len(samples)) // 7, (np.arange(len(samples)) % 7).astype("i4")
    return found


SAMPLE_NAMES = set(KINDS) - {"record", "row"}


def sent(columns: Columns) -> bytes:
    machine = np.searchsorted(np.unique(columns["machine_id"]), columns["machine_id"]).astype("i4")
    return b"".join(bytes(piece) for piece in blocks.encode(columns, machine))


def rows_of(data: bytes) -> list[bytes]:
    """The rows of a binary COPY, by the lengths of their fields."""
    assert data.startswith(HEADER)
    assert data.endswith(TRAILER)
    at, found = len(HEADER), []
    while (fields := struct.unpack_from(">h", data, at)[0]) >= 0:
        begin = at
        at += 2
        for _ in range(fields):
            at += 4 + struct.unpack_from(">i", data, at)[0]
        found.append(data[begin:at])
    assert at == len(data) - len(TRAILER)
    return found


def received(rows: list[bytes]) -> Columns:
    """What is shared once for each sample, too."""
    ends = np.cumsum([len(row) for row in rows], dtype="i8")
    shared, counts, held = blocks.decode(np.frombuffer(bytearray(b"".join(rows)), "u1"), ends)
    return {name: np.repeat(values, counts) for name, values in shared.items()} | held


def bits(columns: Columns) -> set[tuple[int, ...]]:
    whole = [columns[name].astype("f8").view("i8") if name == "value" else columns[name] for name in sorted(KINDS)]
    return set(zip(*(column.tolist() for column in whole), strict=True))


@given(st.lists(SAMPLE, min_size=1, max_size=120))
@settings(deadline=None)
def test_samples_come_out_of_blocks_as_they_went_in(samples: list[dict[str, float]]) -> None:
    columns = columns_of(samples)
    back = received(rows_of(sent(columns)))
    assert len(back["value"]) == len(samples)
    assert bits(back) == bits(columns)


@given(st.lists(SAMPLE, min_size=1, max_size=120))
@settings(deadline=None)
def test_every_block_keeps_its_promises(samples: list[dict[str, float]]) -> None:
    columns = columns_of(samples)
    for row in rows_of(sent(columns)):
        block = received([row])
        least = np.array([struct.unpack_from(">q", row, at)[0] for at in (6, len_before("received_time"))])
        place = block["record"] * 7 + block["row"]
        assert 1 <= len(place) <= blocks.SIZE
        assert (np.diff(place) > 0).all()  # in the order of arrival
        for name in ("machine_id", "source_id", "spool_id", "raw", "quality", "flags"):
            assert len(set(block[name].tolist())) == 1
        own = [columns[name][place] for name in ("event_time", "received_time")]
        for values, first in zip(own, least.tolist(), strict=True):
            assert first == values.min()
            assert len(set((values // HOUR_US).tolist())) == 1


def len_before(name: str) -> int:
    """Where the value of a shared column stands in a row."""
    at = 2
    for column, width in blocks.SHARED.items():
        if column == name:
            return at + 4
        at += 4 + width
    raise AssertionError(name)


def many(count: int) -> Columns:
    sample = dict.fromkeys(SAMPLE_NAMES, 1.0)
    return columns_of([sample | {"value": float(number)} for number in range(count)])


@pytest.mark.parametrize(
    ("count", "sizes"), [(1, [1]), (32, [32]), (33, [16, 17]), (100, [25] * 4), (64 * 33, [32] * 66)]
)
def test_many_samples_are_cut_into_blocks_of_nearly_one_size(count: int, sizes: list[int]) -> None:
    rows = rows_of(sent(many(count)))
    assert [len(received([row])["value"]) for row in rows] == sizes


def test_what_is_the_same_for_all_stands_in_a_block_once() -> None:
    (row,) = rows_of(sent(many(10)))
    lengths = []
    at = 2
    for _ in range(len(blocks.COLUMNS)):
        (length,) = struct.unpack_from(">i", row, at)
        lengths.append(length)
        at += 4 + length
    counts = dict(zip(blocks.HELD, ((length - 20) for length in lengths[len(blocks.SHARED) :]), strict=True))
    once = dict.fromkeys(("signal_ids", "seqs", "received_times"), 12)
    assert counts == {**once, "event_times": 120, "values": 120, "records": 120, "rows": 80}


def test_no_samples_are_no_copy() -> None:
    assert sent(many(0)) == b""
    assert len(received([])["value"]) == 0


def test_what_is_no_block_is_a_broken_promise() -> None:
    (row,) = rows_of(sent(many(5)))
    assert len(received([row])["value"]) == 5
    for at in range(len(row)):
        try:
            received([row[:at]])
        except BrokenPromise:
            continue
        raise AssertionError(f"{at} bytes of a block were taken for one")
    null = row[:2] + struct.pack(">i", -1) + row[14:]
    with pytest.raises(BrokenPromise, match="NULL"):
        received([null])
    hole = row.replace(struct.pack(">iii", 1, 0, 701), struct.pack(">iii", 1, 1, 701))
    with pytest.raises(BrokenPromise, match="NULL"):
        received([hole])
