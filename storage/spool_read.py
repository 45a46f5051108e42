"""The spool's reader: rows in order for the engine, and the position it has reached.

Invariants: numbers rise by one, so every number above the caller's is accounted for: by its row as it was written, by
a QUARANTINE row in place of a damaged one, or by a QUARANTINE row for a hole, which carries the last missing number.
A number is believed only under a right checksum, so damage cannot carry the caller's position past good rows.
Everything returned is synced. The file is opened read-only; a read transaction never outlives a call.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from core.errors import SpoolError
from core.samples.records import Quarantine, RowKind, StoredRow, pack_quarantine
from storage import spool_file as layout

_READ = (
    "SELECT record, format, plant_hash, source, kind, received_us, crc32, payload"
    " FROM spool_row WHERE record > ? ORDER BY record"
)


class SpoolMissingError(SpoolError):
    """There is no spool at this path yet; its collector has not started."""


class SpoolReader:
    """Reads one spool; implements `core.ports.SpoolReader`. Belongs to one thread."""

    def __init__(self, path: Path) -> None:
        """Raises SpoolMissingError if there is no spool yet, SpoolError if it has a newer format or cannot be read."""
        if not path.exists():
            raise SpoolMissingError(f"{path} does not exist yet: start its collector")
        self._path = path
        try:
            self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        try:
            self._spool_id = self._identify()
        except (sqlite3.Error, OSError) as error:
            self._connection.close()
            raise self._unreadable(error) from error
        except SpoolError:
            self._connection.close()
            raise
        self._acked = layout.read_ack(path, self._spool_id)
        # A damaged name must come out as a damaged row, not as a decoding error in the middle of a read.
        self._connection.text_factory = bytes

    @classmethod
    def open_if_exists(cls, path: Path) -> Self | None:
        """A reader, or None while the collector has not created the spool; other troubles raise SpoolError."""
        try:
            return cls(path)
        except SpoolMissingError:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def spool_id(self) -> str:
        """Random name of the file, made at its creation."""
        return self._spool_id

    def read(self, after: int, limit_bytes: int) -> list[StoredRow]:
        """Rows with a record number above `after`, in order, at least one if there is one.

        Ends before the row with which the payloads would exceed `limit_bytes`. Raises SpoolError if the file can be
        read no further or a newer program wrote into it.
        """
        rows: list[StoredRow] = []
        try:
            self._scan(after, limit_bytes, rows)
        except (sqlite3.Error, SpoolError) as error:
            if rows:
                return rows  # the next call meets the trouble first
            if isinstance(error, SpoolError):
                raise
            rows.append(self._step_over(after, error))
        return rows

    def first(self) -> int:
        """The first record number that is still there; 0 for an empty spool."""
        return self._first_of("SELECT min(record) FROM spool_row") or 0

    def end(self) -> int:
        """The last record number that can be read; 0 for an empty spool."""
        # Kept twice in the file: a flipped bit in one of them must not announce rows that will never come.
        return self._first_of("SELECT min(max(record), (SELECT seq FROM sqlite_sequence)) FROM spool_row") or 0

    def numbered(self) -> int:
        """The highest record number that was ever given out, also if its row has been trimmed."""
        return self._first_of("SELECT max(seq) FROM sqlite_sequence") or 0

    def acknowledge(self, record: int) -> None:
        """Publish that everything up to `record` is in the database; raises SpoolError if that cannot be written."""
        if record == self._acked:
            return
        try:
            layout.write_ack(self._path, self._spool_id, record)
        except OSError as error:
            raise SpoolError(f"the position of {self._path} cannot be written ({error}): see to its disk") from error
        self._acked = record

    def close(self) -> None:
        """Closing again does nothing."""
        self._connection.close()

    def _identify(self) -> str:
        if layout.is_empty(self._connection):
            raise SpoolMissingError(f"{self._path} is just being created: try again")
        spool_id = layout.identify(self._connection, self._path)
        layout.sync_log(self._path)
        return spool_id

    def _scan(self, after: int, limit_bytes: int, rows: list[StoredRow]) -> None:
        last, taken = after, 0
        with closing(self._connection.execute(_READ, (after,))) as cursor:
            for found in cursor:
                row = self._checked(found, last + 1)
                taken += len(row.payload)
                if rows and taken > limit_bytes:
                    return
                if row.record <= last:
                    raise SpoolError(f"{self._path} is damaged: record {row.record} comes after record {last}")
                if row.record > last + 1:
                    rows.append(self._hole(last + 1, row.record - 1))
                rows.append(row)
                last = row.record

    def _checked(self, found: tuple[Any, ...], due: int) -> StoredRow:
        """The row if its checksum is right, otherwise its quarantine under the number that is due."""
        record, row_format, plant_hash, source, kind, received_us, crc, blob = found
        try:
            if layout.row_crc(record, row_format, kind, received_us, plant_hash, source, blob) != crc:
                return self._damaged(found, due)
        except (struct.error, TypeError):
            return self._damaged(found, due)
        layout.check_format(row_format, self._path)
        return StoredRow(record, RowKind(kind), source.decode(), plant_hash, received_us, zlib.decompress(blob))

    def _damaged(self, found: tuple[Any, ...], due: int) -> StoredRow:
        """What is left of a row whose checksum is wrong; source, plant and time are the best guess."""
        _, _, plant_hash, source, _, received_us, _, blob = found
        return self._quarantine(
            due,
            f"spool record {due} is damaged: its checksum is wrong",
            raw=blob if isinstance(blob, bytes) else b"",
            source=source.decode(errors="replace") if isinstance(source, bytes) else "",
            plant_hash=plant_hash if isinstance(plant_hash, bytes) else b"",
            received_us=received_us if isinstance(received_us, int) else 0,
        )

    def _hole(self, first: int, last: int) -> StoredRow:
        """Lost to damage; or trimmed, if the caller's database was put back to a time before the keep time."""
        return self._quarantine(last, f"spool records {first} to {last} are no longer in the file")

    def _step_over(self, after: int, error: sqlite3.Error) -> StoredRow:
        """The row behind `after` if only its own pages are broken; raises SpoolError if the file is."""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise self._unreadable(error) from error
        record = self._first_of("SELECT min(record) FROM spool_row WHERE record > ?", after)
        if record != after + 1:
            raise self._unreadable(error) from error
        return self._quarantine(record, f"spool record {record} is damaged: {error}")

    def _quarantine(
        self,
        record: int,
        reason: str,
        *,
        raw: bytes = b"",
        source: str = "",
        plant_hash: bytes = b"",
        received_us: int = 0,
    ) -> StoredRow:
        payload = pack_quarantine(Quarantine(reason=reason, origin=self._spool_id, machine=-1, raw=raw))
        return StoredRow(record, RowKind.QUARANTINE, source, plant_hash, received_us, payload)

    def _first_of(self, sql: str, *values: int) -> int | None:
        try:
            found: int | None = self._connection.execute(sql, values).fetchone()[0]
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        return found

    def _unreadable(self, error: Exception) -> SpoolError:
        return SpoolError(f"{self._path} cannot be read ({error}): see to its disk, or restore the file from a copy")
