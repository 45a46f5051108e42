"""Copies of spools for a backup, and spools put back: consistent while their collectors write.

Invariants: a copy is what one moment of the file was (SQLite's backup), one synced file, mode 0600; a spool that is
there is never overwritten; acknowledgements are put back to what a restored database has, so that nothing it needs is
trimmed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import SpoolError
from storage import spool_file as layout
from storage.spool_read import SpoolReader


@dataclass(frozen=True)
class Contents:
    """What a spool file holds: its random name, and its first and last record, 0 for none."""

    spool_id: str
    first: int
    last: int


def copy_spool(source: Path, target: Path) -> Contents:
    """Copy a spool that may be in use; raises SpoolError if it cannot be read or the copy not be written."""
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, layout.PRIVATE))
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing)
            writing.execute("PRAGMA journal_mode=DELETE")  # one file, whoever looks into it; its next writer logs again
        _sync(target)
    except (sqlite3.Error, OSError) as error:
        raise SpoolError(f"{source} cannot be copied to {target} ({error}): see to both disks") from error
    return contents(target)


@contextmanager
def nobody_writes(places: Iterable[Path]) -> Iterator[None]:
    """Hold the writers' locks of these spools, whether they exist or not; raises SpoolError if one is taken."""
    with ExitStack() as held:
        for place in places:
            held.callback(os.close, layout.take_lock(place))
        yield


def put_back(copy: Path, place: Path, acknowledged: int) -> Contents:
    """Copy a spool to its place unless one is there; then say that the database has it up to `acknowledged`.

    Returns what is there then. The caller sees to it that nobody writes.
    """
    try:
        if not place.exists():
            draft = layout.beside(place, ".restored")
            shutil.copyfile(copy, draft)
            draft.chmod(layout.PRIVATE)
            _sync(draft)
            draft.replace(place)
        found = contents(place)
        layout.write_ack(place, found.spool_id, acknowledged)
    except OSError as error:
        raise SpoolError(f"{place} cannot be put back ({error}): see to its disk") from error
    return found


def contents(path: Path) -> Contents:
    """What a spool holds; raises SpoolError if it cannot be read."""
    with SpoolReader(path) as reader:
        return Contents(reader.spool_id, reader.first(), reader.end())


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
