"""Room for spools and the end of certificates, measured once a minute beside the engine and kept in the database.

Boards and alerts read the database only, so what they are to tell of disks and files is written there. A measure that
cannot be taken is left out, a database that is away is waited for: nothing here may stop the engine.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from core.errors import DatabaseError, InputError, SpoolError
from core.plant.model import Plant
from stanok.certificates import certificate_files, valid_until
from storage.pg.connect import connect
from storage.pg.measure import Measure, store_measures
from storage.spool_file import spool_paths
from storage.spool_survey import survey

EVERY_S = 60.0
"""A disk takes hours to fill and a certificate months to end; alerts wait for minutes."""
LONGEST_H = 10_000.0
"""More than a year of room is no figure but enough."""

_log = logging.getLogger("stanok.measures")


@contextmanager
def measuring(plant: Plant, directory: Path, dsn: str, scale: float, every_s: float = EVERY_S) -> Iterator[None]:
    """Measure in a thread of its own while the block runs. `scale`: scenario seconds in a real one."""
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(plant, directory, dsn, scale, every_s, stop), name="measures")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _work(plant: Plant, directory: Path, dsn: str, scale: float, every_s: float, stop: threading.Event) -> None:
    while not stop.wait(every_s):
        try:
            with connect(dsn, "stanok measures") as connection:
                store_measures(connection, [*spools(directory, scale), *certificates(plant, datetime.now(UTC))])
        except DatabaseError as error:
            _log.info("%s; measuring again in %.0f s", error, every_s)


def spools(directory: Path, scale: float = 1.0) -> Iterator[Measure]:
    """Of each spool: records that the database does not have, and hours until all of them fill the disk."""
    found = []
    for path in spool_paths(directory / "spool"):
        try:
            found.append(survey(path))
        except (SpoolError, OSError):
            continue  # `stanok doctor` names it; the others still count
    rate = sum(spool.bytes_per_hour or 0.0 for spool in found) * scale
    for spool in found:
        yield Measure("spool_waiting", spool.path.name, float(spool.end - spool.acknowledged))
        if rate:
            left_h = shutil.disk_usage(spool.path).free / rate
            yield Measure("spool_left_h", spool.path.name, min(left_h, LONGEST_H))


def certificates(plant: Plant, now: datetime) -> Iterator[Measure]:
    """Of each certificate that a source names and that can be read: days until it ends, below 0 since."""
    for source in plant.sources:
        try:
            paths = certificate_files(source)
        except InputError:
            continue  # the collector refuses the source and says why
        for path in paths:
            ends = valid_until(path)
            if ends is not None:
                yield Measure("certificate_left_d", f"{source.name}: {path.name}", (ends - now).total_seconds() / 86400)
