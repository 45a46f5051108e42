"""Every check at its limits: well, a warning, a fault, and a sentence with what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collectors.status import SourceStatus
from stanok.doctor import checks
from stanok.doctor.checks import Finding, Level
from storage.pg.capability import Capability, Timescale
from storage.pg.condition import Condition, Contradiction, OpenGap
from storage.spool_survey import Survey

NOW = datetime(2026, 3, 24, 12, tzinfo=UTC)
OK, WARNING, FAULT = Level
WELL = Condition(
    Capability(180_000, Timescale.NONE, False), "18.1", NOW, (), engines=1, tick=NOW - timedelta(seconds=1)
)
SPOOL = Survey(Path("collect.spool"), 10_000, 100, 100, 1e9)
SOURCE = SourceStatus("hall", connected=True, ready=True, received=10, stored=10, rejected=0, note="")


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


@pytest.mark.parametrize(("off_s", "level"), [(0, OK), (-1.9, OK), (2.1, WARNING), (-61, FAULT)])
def test_the_clock_of_the_database(off_s: float, level: Level) -> None:
    found = checks.database_clock(NOW, NOW + timedelta(seconds=off_s))
    assert found.level == level
    assert ("NTP" in found.sentence) == (level > OK)


def test_the_clocks_of_sources() -> None:
    found = checks.source_clocks([("a", 0.04), ("b", 3.0), ("c", -70.0)])
    assert levels(found) == [OK, WARNING, FAULT]
    assert "b is 3 s behind: set it" in found[1].sentence
    assert "c is 70 s ahead" in found[2].sentence


@pytest.mark.parametrize(
    ("free", "level", "words"),
    [(100e9, OK, "4 days"), (50e9, WARNING, "50 h"), (3e9, FAULT, "3 h"), (1e6, FAULT, "sources must wait")],
)
def test_room_for_an_outage_of_the_database(free: float, level: Level, words: str) -> None:
    found = checks.disk(int(free), [SPOOL], "/data")
    assert found.level == level
    assert words in found.sentence.replace("2 days", "50 h")


def test_a_spool_without_a_rate_and_one_that_nobody_reads() -> None:
    assert "too little" in checks.disk(10**11, [replace(SPOOL, bytes_per_hour=None)], "x").sentence
    assert levels(checks.backlog([SPOOL, replace(SPOOL, end=5000)])) == [OK, WARNING]


def test_the_edition_of_timescaledb_is_told_and_one_that_is_not_made_is_a_warning() -> None:
    for edition, words in (
        (Timescale.APACHE, "Apache"),
        (Timescale.COMMUNITY, "community"),
        (Timescale.NONE, "without"),
    ):
        found = checks.server(replace(WELL, capability=Capability(180_000, edition, False)))
        assert (found.level, words in found.sentence) == (OK, True)
    found = checks.server(replace(WELL, capability=Capability(180_000, Timescale.NONE, True)))
    assert (found.level, "stanok migrate" in found.sentence) == (WARNING, True)


def test_migrations_that_are_pending_are_named() -> None:
    assert checks.migrations(WELL).level == OK
    found = checks.migrations(replace(WELL, pending=["0005_position"]))
    assert (found.level, "0005_position" in found.sentence) == (FAULT, True)


@pytest.mark.parametrize(
    ("tick", "engines", "level", "words"),
    [
        (NOW, 1, OK, "0 s old"),
        (None, 0, FAULT, "start"),
        (NOW - timedelta(minutes=5), 0, FAULT, "5 min old; no engine is connected"),
        (NOW - timedelta(minutes=5), 1, FAULT, "see its log"),
        (NOW, 2, WARNING, "stop the others"),
    ],
)
def test_an_engine_lives_by_its_ticks(tick: datetime | None, engines: int, level: Level, words: str) -> None:
    found = checks.engine(replace(WELL, tick=tick, engines=engines), NOW)
    assert (found.level, words in found.sentence) == (level, True), found


def test_limits_are_real_seconds_also_where_time_runs_faster() -> None:
    sixty = replace(WELL, tick=NOW - timedelta(minutes=5), offsets=[("hall", 90.0)])
    assert checks.engine(sixty, NOW, 60.0).level == OK
    assert levels(checks.source_clocks(sixty.offsets, 60.0)) == [OK]


def test_a_reason_that_quotes_a_payload_is_cut() -> None:
    (found,) = checks.quarantine(replace(WELL, quarantine=[("hall", "x" * 5000, 1)]))
    assert len(found.sentence) < 250


def test_gaps_quarantine_and_late_data_are_warnings_with_their_source() -> None:
    sick = replace(
        WELL,
        gaps=[OpenGap("hall", "wait_other", 3, NOW - timedelta(hours=2))],
        quarantine=[("hall", "is not JSON", 7)],
        requests=2,
    )
    assert levels([*checks.gaps(WELL, NOW), *checks.quarantine(WELL), checks.late(WELL)]) == [OK, OK, OK]
    (gap,), (reject,), late = checks.gaps(sick, NOW), checks.quarantine(sick), checks.late(sick)
    assert levels([gap, reject, late]) == [WARNING] * 3
    assert "hall: no data of 3 machines for 2 h (wait other)" in gap.sentence
    assert "7 unreadable payloads" in reject.sentence
    assert "is not JSON" in reject.sentence


def test_witnesses_that_deny_each_other_for_long_are_named_and_a_lamp_that_is_late_is_not() -> None:
    long = Contradiction("minsk/lathe-1", "ctrl.execution", "light.red", NOW - timedelta(minutes=30))
    short = Contradiction("minsk/lathe-2", "ctrl.item_state", "light.green", NOW - timedelta(minutes=5))
    (told,) = checks.contradictions(replace(WELL, contradictions=[long, short]), NOW)
    assert told.level == WARNING
    assert "minsk/lathe-1: ctrl.execution and light.red have denied each other" in told.sentence
    assert checks.contradictions(replace(WELL, contradictions=[long]), NOW, scale=60.0) == []


def test_a_collector_speaks_for_its_sources_or_is_silent() -> None:
    assert levels(checks.collector([], None)) == [FAULT]
    assert levels(checks.collector([SOURCE], 600.0)) == [FAULT]
    broken, odd = replace(SOURCE, ready=False, note="refused"), replace(SOURCE, note="2 values have no word")
    stray = replace(SOURCE, unmapped=12)
    found = checks.collector([SOURCE, odd, broken, replace(SOURCE, ready=False), stray], 0.5)
    assert levels(found) == [OK, WARNING, FAULT, FAULT, WARNING]
    assert "12 messages" in found[4].sentence
    assert "refused" in found[2].sentence


def test_servers_and_brokers() -> None:
    assert checks.opcua("hall", "Basic256Sha256", ["Basic256Sha256"], "").level == OK
    assert checks.opcua("hall", "None", ["None"], "").level == WARNING
    assert checks.opcua("hall", "Basic256Sha256", ["None"], "").level == FAULT
    assert checks.opcua("hall", "None", None, "does not answer").level == FAULT
    assert checks.broker("ural", "5", "mosquitto 2", "").level == OK
    assert "3.1.1 only" in checks.broker("ural", "3.1.1", None, "").sentence
    assert checks.broker("ural", None, None, "refused").level == FAULT


@pytest.mark.parametrize(("days", "level"), [(31, OK), (29, WARNING), (6, FAULT), (-1, FAULT)])
def test_certificates_end(days: int, level: Level) -> None:
    assert checks.certificate("hall", "c.der", NOW + timedelta(days=days), NOW).level == level
    assert checks.certificate("hall", "c.der", None, NOW).level == FAULT
