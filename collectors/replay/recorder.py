"""Writes what collectors store into a recording as well: a sink in front of the spool.

Invariants: only what the spool has taken is recorded, in its order; a recording that cannot be written ends with one
sentence in the log and never holds up collecting; a file is only appended to, and a last line that a crash has cut is
ended, so that it costs itself only. The format of a line is core/samples/recording.py.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from core.errors import InputError
from core.plant.model import Plant
from core.ports import BatchSink
from core.samples.recording import HEAD, line_of
from core.samples.records import SpoolRow

log = logging.getLogger(__name__)


class Recorder:
    """See the module's invariants. Raises InputError if the file is something else or cannot be written."""

    def __init__(self, sink: BatchSink, plant: Plant, path: Path) -> None:
        self._sink = sink
        self._plant = plant
        self._path = path
        self._file: TextIO | None = _opened(path)

    async def append(self, rows: Sequence[SpoolRow], state: Mapping[str, bytes] | None = None) -> int:
        """Store the rows, then record them; what the spool refuses is not recorded."""
        record = await self._sink.append(rows, state)
        self._write(rows)
        return record

    def source_state(self, source: str) -> bytes | None:
        """What the source stored with its last rows, or None."""
        return self._sink.source_state(source)

    def close(self) -> None:
        """Close the file; the sink stays open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, rows: Sequence[SpoolRow]) -> None:
        if self._file is None:
            return
        try:
            self._file.write("".join(f"{line_of(row, self._plant)}\n" for row in rows))
            self._file.flush()
        except OSError as error:
            log.error("%s: the recording has ended: %s; collecting goes on", self._path, error.strerror)
            with contextlib.suppress(OSError):  # the disk's trouble is told already; closing cannot mend it
                self._file.close()
            self._file = None


def _opened(path: Path) -> TextIO:
    try:
        if path.exists() and path.stat().st_size:
            return _continued(path)
        file = path.open("w", encoding="utf-8")
        file.write(f"{HEAD}\n")
        file.flush()
        return file
    except OSError as error:
        raise InputError(f"--record: {path} cannot be written: {error.strerror}") from error


def _continued(path: Path) -> TextIO:
    with path.open("rb") as found:
        if found.readline().rstrip() != HEAD.encode():
            raise InputError(f"--record: {path} is there and is no recording of this version; name another file")
        found.seek(-1, 2)
        cut = found.read() != b"\n"
    file = path.open("a", encoding="utf-8")
    file.write("\n" if cut else "")
    return file
