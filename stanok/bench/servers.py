"""The best servers found on this computer for a benchmark; what was found is named in its conditions."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from psycopg.conninfo import make_conninfo

from core.errors import InputError, OutsideError
from stanok.broker import DemoBroker
from stanok.embedded import EmbeddedPostgres, free_port
from storage.pg.connect import connect, database_errors

_MOSQUITTO = ("mosquitto", "/usr/sbin/mosquitto")
_READY_S = 10.0


def a_broker(url: str | None, directory: Path, house: ExitStack) -> tuple[str, str, int]:
    """(kind, host, port) of the given broker, else of a Mosquitto started here, else of the embedded amqtt."""
    if url is not None:
        address = urlsplit(url)
        if address.scheme != "mqtt" or not address.hostname:
            raise InputError(f"--broker: {url!r} is not an address like mqtt://127.0.0.1:1883")
        return "given", address.hostname, address.port or 1883
    port = free_port()
    program = next((found for name in _MOSQUITTO if (found := shutil.which(name))), None)
    if program is None:
        broker = DemoBroker(port)
        house.callback(broker.stop)
        broker.start()
        return "amqtt", broker.host, broker.port
    _start_mosquitto(program, port, directory, house)
    return "mosquitto", "127.0.0.1", port


def a_database(dsn: str | None, directory: Path, house: ExitStack) -> str:
    """Address of a new database on the given server, dropped in the end; else of an embedded server started here."""
    if dsn is None:
        server = EmbeddedPostgres(directory / "postgres")
        house.callback(server.stop)
        return server.start()
    name = f"stanok_bench_{uuid4().hex}"
    admin = house.enter_context(connect(dsn, "stanok bench"))
    with database_errors("make a database for the benchmark"):
        admin.execute(f"create database {name} template template0".encode())
    house.callback(lambda: admin.execute(f"drop database if exists {name} with (force)".encode()))
    return make_conninfo(dsn, dbname=name)


def _start_mosquitto(program: str, port: int, directory: Path, house: ExitStack) -> None:
    config = directory / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 2000\nmax_queued_messages 0\n"
    )
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    house.callback(process.wait, 10)
    house.callback(process.terminate)
    deadline = time.monotonic() + _READY_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise OutsideError(f"{program} did not listen on port {port}") from None
            time.sleep(0.05)
        else:
            return
