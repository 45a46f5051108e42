"""How full a spool is and how fast it fills, while its writer writes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from core.errors import SpoolError
from core.samples.records import RowKind, SpoolRow
from core.units import HOUR_US
from storage.spool import SpoolWriter
from storage.spool_survey import survey


def test_the_rate_of_a_spool_is_that_of_its_last_rows(tmp_path: Path) -> None:
    path = tmp_path / "spool" / "collect.spool"
    path.parent.mkdir()
    now_us = time.time_ns() // 1000
    with SpoolWriter(path) as writer:
        writer.append_now([SpoolRow(RowKind.SAMPLES, "hall", b"hash", now_us - HOUR_US, b"\0" * 1000)])
        assert survey(path).bytes_per_hour is None
        writer.append_now([SpoolRow(RowKind.SAMPLES, "hall", b"hash", now_us, bytes(range(256)) * 4)])
        told = survey(path)
    assert (told.end, told.acknowledged) == (2, 0)
    assert told.bytes_per_hour is not None
    assert 500 < told.bytes_per_hour < 3000
    assert told.size_bytes > 1000


def test_what_is_no_spool_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.spool"
    path.write_bytes(b"no spool at all" * 100)
    with pytest.raises(SpoolError, match=r"other\.spool cannot be read"):
        survey(path)
