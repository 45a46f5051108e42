"""/healthz and /metrics of real processes: `stanok collect` and `stanok engine` as they are started in a plant."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from core.plant.model import Plant
from stanok.health import health
from stanok.meters import CollectorMeter, EngineMeter
from tests.stanok.house import ROOT, wait_for
from tests.stanok.test_meters import Standing

NOWHERE = "postgresql://nobody@127.0.0.1:9/none"


@contextmanager
def running(directory: Path, *arguments: str) -> Iterator[str]:
    """A process of ours; the address of its health, taken from its log."""
    log = directory / "out.log"
    ports = {"STANOK__HEALTH__COLLECTOR_PORT": "0", "STANOK__HEALTH__ENGINE_PORT": "0"}
    with log.open("wb") as out:
        command = [sys.executable, "-m", "stanok", *arguments, "--data", str(directory)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env={**os.environ, **ports})
    try:
        found: list[str] = []

        def told() -> bool:
            assert process.poll() is None, log.read_text()
            found[:] = re.findall(r"at (http://127\.0\.0\.1:\d+/)healthz", log.read_text())
            return bool(found)

        wait_for(told, "it says no address")
        yield found[0]
    finally:
        process.terminate()
        process.wait(30)


def healthz(url: str) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(f"{url}healthz", timeout=5) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def test_a_collector_whose_servers_are_away_does_its_job_and_says_so(plant_file: Path, tmp_path: Path) -> None:
    with running(tmp_path, "collect", str(plant_file), "--broker", "mqtt://127.0.0.1:9") as url:
        wait_for(lambda: healthz(url)[0] == 200, "it does not get well")
        found = healthz(url)[1]
        assert set(found["sources"]) == {"minsk-opcua", "ural-mqtt"}
        assert "ready" not in found["sources"].values()
        with urlopen(f"{url}metrics") as answer:
            text = answer.read().decode()
    assert 'stanok_source_ready{source="minsk-opcua"} 0.0' in text
    assert "# HELP stanok_spool_bytes Size of the spool with its log" in text
    assert "process_resident_memory_bytes" in text


def test_an_engine_is_well_with_its_database_and_503_without(plant_file: Path, database: str, tmp_path: Path) -> None:
    for part in ("good", "bad"):
        (tmp_path / part).mkdir()
    with running(tmp_path / "good", "engine", str(plant_file), "--database", database) as url:
        wait_for(lambda: (found := healthz(url))[0] == 200 and found[1]["tick_age_s"] is not None, "no tick", 60)
        with urlopen(f"{url}metrics") as answer:
            assert "stanok_commit_seconds_count" in answer.read().decode()
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{url}secrets")
    with running(tmp_path / "bad", "engine", str(plant_file), "--database", NOWHERE) as url:
        wait_for(lambda: "could not open a connection" in str(healthz(url)[1]["why"]), "it does not say why")
        assert healthz(url)[0] == 503


def test_off_listens_nowhere_and_a_port_that_is_taken_stops_nobody(
    plant: Plant, caplog: pytest.LogCaptureFixture
) -> None:
    with health("engine", "off", EngineMeter(plant, Standing(0))) as url:
        assert url is None
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with health("collector", port, CollectorMeter()) as url:
            assert url is None
    assert f"health.collector_port: 127.0.0.1:{port} cannot be listened on" in caplog.text
