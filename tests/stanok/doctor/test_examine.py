"""`stanok doctor` on real servers: what is there is well, what is away is a fault with its culprit."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stanok.certificates import valid_until
from stanok.clock import RealClock
from stanok.collect import STATUS
from stanok.doctor.checks import Finding, Level
from stanok.doctor.examine import examine
from stanok.doctor.say import say
from stanok.plantfile import load_plant
from tests.collectors.test_opcua_security import make_certificate, make_key
from tests.dashboards.history import END_US
from tests.fix_broker import free_port
from tests.stanok.test_meters import Standing

NOWHERE = "postgresql://nobody@127.0.0.1:9/none"


def found(findings: Iterator[Finding], what: str) -> list[Finding]:
    return [finding for finding in findings if finding.what == what]


def test_an_installation_that_never_ran_is_told_what_to_start(tmp_path: Path, database: str) -> None:
    (tmp_path / "plant.toml").write_text(
        (Path(__file__).parents[3] / "simulators/plants/demo.toml").read_text().replace(":0/", f":{free_port()}/")
    )
    plant = load_plant(tmp_path / "plant.toml", f"mqtt://127.0.0.1:{free_port()}")
    findings = list(examine(tmp_path / "none", database, RealClock(), plant))
    by_what = {finding.what: finding for finding in findings}
    assert by_what["disk"].level == by_what["database"].level == by_what["clock"].level == Level.OK
    for what, words in {
        "engine": "no engine has ever ticked",
        "collector": "no collector has worked here",
        "OPC UA": "does not answer",
        "broker": "cannot be reached",
    }.items():
        assert (by_what[what].level, words in by_what[what].sentence) == (Level.FAULT, True), by_what[what]


def test_a_database_that_is_away_or_not_migrated_is_a_fault(
    tmp_path: Path, empty_database: Callable[[str], str]
) -> None:
    (away,) = found(examine(tmp_path, NOWHERE, RealClock(), None), "database")
    assert (away.level, "is it running" in away.sentence) == (Level.FAULT, True)
    (bare,) = found(examine(tmp_path, empty_database("template0"), RealClock(), None), "migrations")
    assert (bare.level, "0001_plant" in bare.sentence) == (Level.FAULT, True)
    (none,) = found(examine(tmp_path, None, RealClock(), None), "database")
    assert none.level == Level.WARNING


def test_a_history_is_well_at_its_own_time_and_its_engine_dead_at_ours(tmp_path: Path, history: str) -> None:
    well = list(examine(tmp_path, history, Standing(END_US), None))
    assert {finding.level for finding in well if finding.what in ("engine", "gaps", "quarantine")} == {Level.OK}
    assert len([finding for finding in well if finding.what == "source clock"]) == 2
    (dead,) = found(examine(tmp_path, history, RealClock(), None), "engine")
    assert (dead.level, "no engine is connected" in dead.sentence) == (Level.FAULT, True)


def test_a_file_that_is_no_spool_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    damaged = tmp_path / "spool" / "other.spool"
    damaged.write_bytes(b"no spool at all" * 100)
    (fault,) = [finding for finding in found(examine(tmp_path, None, RealClock(), None), "spool") if finding.level]
    assert "other.spool cannot be read" in fault.sentence


def test_an_old_status_is_a_collector_that_died(tmp_path: Path) -> None:
    (tmp_path / STATUS).write_text("[]")
    assert found(examine(tmp_path, None, RealClock(), None), "collector") == []
    old = time.time() - 600
    os.utime(tmp_path / STATUS, (old, old))
    (dead,) = found(examine(tmp_path, None, RealClock(), None), "collector")
    assert (dead.level, "nothing for 10 min" in dead.sentence) == (Level.FAULT, True)


def test_certificates_are_read_in_both_forms_and_others_are_none(tmp_path: Path) -> None:
    make_certificate(tmp_path, "old", "urn:x", make_key(), days=-1)
    ends = valid_until(tmp_path / "old.der")
    assert ends is not None
    assert abs(ends - datetime.now(UTC) + timedelta(days=1)) < timedelta(minutes=5)
    assert valid_until(tmp_path / "old.pem") is None
    assert valid_until(tmp_path / "nothing.der") is None


def test_the_worst_finding_is_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    findings = [Finding(Level.OK, "disk", "fine"), Finding(Level.WARNING, "gaps", "a [red] hall")]
    assert say(findings, as_json=False) == 1
    assert capsys.readouterr().out == "ok      disk          fine\nwarning gaps          a [red] hall\n"
    assert say([*findings, Finding(Level.FAULT, "engine", "none")], as_json=True) == 2
    said = json.loads(capsys.readouterr().out)
    assert (said["level"], said["findings"][1]["sentence"]) == ("fault", "a [red] hall")
    assert say([], as_json=False) == 0
