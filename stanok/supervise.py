"""`stanok run`: collector and engine as processes, with an embedded database where no other is given."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from stanok.embedded import EmbeddedPostgres
from stanok.processes import Child, stop_on_signals
from stanok.settings import Settings
from storage.pg.connect import connect
from storage.pg.migrate import migrate

_LOOK_S = 0.5


def supervise(plant: Path, settings: Settings) -> None:
    """Run until a signal; a process that dies is started again."""
    stop = stop_on_signals()
    directory = settings.data_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as house:
        dsn = settings.dsn() or _embedded(directory, house)
        with connect(dsn, "stanok migrate") as connection:
            migrate(connection)
        data = ["--data", str(directory)]
        broker = ["--broker", settings.broker.url] if settings.broker.url else []
        given = settings.for_children()
        secret = {**given, "STANOK__DATABASE__DSN": dsn}
        log = directory / "log"
        children = [
            Child("the engine", ["engine", str(plant), *data, *broker], log / "engine.log", secret, restart=True),
            Child("the collector", ["collect", str(plant), *data, *broker], log / "collect.log", given, restart=True),
        ]
        for child in children:
            child.start()
            house.callback(child.stop)
        print(f"stanok: collecting and computing; data and logs in {directory}", flush=True)
        while not stop.wait(_LOOK_S):
            for child in children:
                child.check()


def _embedded(directory: Path, house: ExitStack) -> str:
    server = EmbeddedPostgres(directory / "postgres")
    house.callback(server.stop)
    return server.start()
