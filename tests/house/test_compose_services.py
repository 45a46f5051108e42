"""Stanok's services of docker-compose.yml, run outside containers exactly as the file starts them.

Command, environment, files and health check are the compose file's own, on a real PostgreSQL with the shipped script of
roles and a real Mosquitto with the shipped configuration. Only places differ: names of hosts, ports, and folders.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fix_postgres import temporary_postgres
from tests.house.test_compose import (
    FILE,
    ROOT,
    free_port,
    read_yaml,
    rename_superuser,
    run_roles,
    script,
    wait_for_port,
)
from tests.stanok.house import wait_for

SERVICES: dict[str, Any] = read_yaml(FILE)["services"]
STANOK = Path(sys.executable).with_name("stanok")
DEADLINE_S = 100.0


class House:
    """The folders and addresses that stand for volumes and hosts of the compose file."""

    def __init__(self, place: Path) -> None:
        self.secrets, self.etc = place / "secrets", place / "etc"
        for folder in (self.secrets, self.etc):
            folder.mkdir()
        self.place = place
        self.broker = free_port()
        self.opcua = free_port()
        self.database = ""

    def put(self, text: str, service: str) -> str:
        """A text of the compose file or of a file that it mounts, with places of this computer."""
        known = {
            "/run/stanok": str(self.secrets),
            "/etc/stanok": str(self.etc),
            "/var/lib/stanok": str(self.place / service),
            'host = "mosquitto"\nport = 1883': f'host = "127.0.0.1"\nport = {self.broker}',
            "timescaledb:5432": self.database,
            "127.0.0.1:4840": f"127.0.0.1:{self.opcua}",
        }
        return re.sub("|".join(map(re.escape, known)), lambda found: known[found[0]], text)

    def mount(self, service: str) -> None:
        """The files that a service mounts from the repository."""
        for volume in SERVICES[service]["volumes"]:
            source, target = volume.split(":")[:2]
            if source.startswith("./"):
                text = (ROOT / source).read_text(encoding="utf-8")
                Path(self.put(target, service)).write_text(self.put(text, service), encoding="utf-8")

    def start(self, service: str) -> subprocess.Popen[bytes]:
        """The service, in the folder of its volume, with nothing in its environment but what the file gives."""
        (self.place / service).mkdir(exist_ok=True)
        self.mount(service)
        found = SERVICES[service]
        given = {name: self.put(str(value), service) for name, value in found["environment"].items()}
        environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **given}
        command = [str(STANOK), *(self.put(word, service) for word in found["command"])]
        log = (self.place / f"{service}.log").open("wb")
        with log:
            return subprocess.Popen(
                command, cwd=self.place / service, env=environment, stdout=log, stderr=subprocess.STDOUT
            )

    def said(self, service: str) -> str:
        return (self.place / f"{service}.log").read_text(encoding="utf-8")[-3000:]


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """As `docker compose stop`: SIGTERM, and time to finish."""
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def broker_of(house: House) -> subprocess.Popen[bytes]:
    found = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        pytest.skip("mosquitto is not installed; apt-get install mosquitto")  # in CI a failure (tests/fix_honest.py)
    shipped = house.put((ROOT / "docker/mosquitto/mosquitto.conf").read_text(), "mosquitto")
    text = shipped.replace("listener 1883", f"listener {house.broker} 127.0.0.1\nuser root")
    file = house.etc / "mosquitto.conf"
    file.write_text(text.replace("/mosquitto/data/", f"{house.place}/"))
    return subprocess.Popen([found, "-c", str(file)], stdout=subprocess.DEVNULL)


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """Secrets, database with its logins, broker: what the services depend on."""
    place = Path(tmp_path_factory.mktemp("compose"))
    found = House(place)
    with monkeypatch.context() as here:
        here.setattr(os, "chown", lambda *_: None)
        script("make_secrets").write(found.secrets)
    with temporary_postgres() as server, ExitStack() as open_things:
        given = psycopg.conninfo.conninfo_to_dict(server.dsn)
        found.database = f"{given['host']}:{given['port']}"
        run_roles(rename_superuser(server.dsn), found.secrets)
        for name in ("stanok-dsn", "engine-dsn"):
            file = found.secrets / name
            text = found.put(file.read_text(), "secrets")
            file.chmod(0o600)
            file.write_text(text)
        open_things.enter_context(ended(broker_of(found)))
        wait_for_port(found.broker)
        yield found


@pytest.mark.timeout(200)
def test_the_services_run_as_the_file_starts_them_and_boards_show_all_machines(house: House) -> None:
    migrate = house.start("migrate")
    assert migrate.wait(DEADLINE_S) == 0, house.said("migrate")
    password = (house.secrets / "postgres-boards").read_text()
    boards = f"postgresql://boards:{password}@{house.database}/stanok"
    health = house.put(SERVICES["stanok"]["healthcheck"]["test"][1], "stanok")
    with ended(house.start("stanok")), ended(house.start("simulators")):
        with psycopg.connect(boards, autocommit=True) as connection:

            def seen() -> bool:
                row = connection.execute("select count(*) from board.machine_live where state <> 'unknown'").fetchone()
                return row == (6,)

            wait_for(seen, f"not all machines are seen; see {house.place}", DEADLINE_S)
        assert subprocess.run(["sh", "-c", health], check=False).returncode == 0, "the health check of the file"
    assert "Traceback" not in house.said("stanok") + house.said("simulators")
