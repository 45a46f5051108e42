"""Greeting a broker: by which version it lets us in, what it calls itself, whom it refuses."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from collectors.mqtt.probe import greeted
from collectors.mqtt.settings import SourceSettings as MqttSettings
from core.errors import SourceError
from stanok.broker import DemoBroker
from tests.fix_broker import free_port
from tests.stanok.house import wait_for


def test_a_demo_broker_lets_us_in_by_its_version(own_broker: DemoBroker) -> None:
    settings = MqttSettings(host="127.0.0.1", port=own_broker.port, client_id="x")
    assert greeted(settings) == ("3.1.1", None)
    own_broker.stop()
    with pytest.raises(SourceError, match="cannot be reached"):
        greeted(settings)


def test_mosquitto_tells_its_name_and_refuses_a_stranger(tmp_path: Path) -> None:
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")  # in CI that is a failure (tests/fix_honest.py)
    ports = free_port(), free_port()
    (tmp_path / "m.conf").write_text(
        f"per_listener_settings true\nlistener {ports[0]} 127.0.0.1\nallow_anonymous true\n"
        f"listener {ports[1]} 127.0.0.1\nallow_anonymous false\n"
    )
    process = subprocess.Popen([program, "-c", str(tmp_path / "m.conf")], stderr=subprocess.DEVNULL)
    try:
        settings = MqttSettings(host="127.0.0.1", port=ports[0], client_id="x")

        def let_in() -> bool:
            try:
                return greeted(settings)[0] == "5"
            except SourceError:
                return False

        wait_for(let_in, "mosquitto does not start", 10)
        assert "mosquitto" in (greeted(settings)[1] or "")
        with pytest.raises(SourceError, match="refuses us: Not authorized"):
            greeted(settings.model_copy(update={"port": ports[1]}))
    finally:
        process.terminate()
        process.wait(10)
