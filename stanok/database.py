"""The database of an installation, for commands that look at it or look after it: the given one or the embedded one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from core.errors import InputError
from stanok.embedded import EmbeddedPostgres, running_dsn
from stanok.settings import Settings


@contextmanager
def address(settings: Settings, *, make: bool = False) -> Iterator[str]:
    """Address of the given database, or of the embedded one, which is started for as long as it is needed.

    `make`: an embedded one that does not exist yet is made. Raises InputError if there is no database.
    """
    given = settings.dsn()
    if given is not None:
        yield given
        return
    place = settings.data_directory() / "postgres"
    if not make and not place.exists():
        raise InputError(
            f"no database is given and there is none in {place}: use --database, --data or a settings file"
        )
    running = running_dsn(place)
    if running is not None:
        yield running
        return
    with EmbeddedPostgres(place) as server:
        yield server.dsn
