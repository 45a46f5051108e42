"""What an intake promises by heartbeats, without a broker."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from collectors.mqtt.decode import Message
from collectors.mqtt.intake import Intake
from collectors.mqtt.settings import source_settings
from collectors.mqtt.topics import build_routes
from core.samples.records import Gap, RowKind, SpoolRow, unpack_gap, unpack_samples
from core.units import SECOND_US
from core.vocabulary import Flag
from tests.collectors.mqtt_bench import make_plant

NOW = 1_790_000_000_000_000
PLANT = make_plant(machines=1)
TOPIC = str(PLANT.machines[0].mapping["topic"])


@pytest.fixture
def intake() -> Intake:
    """A machine that lives and has sent its first sample."""
    source = PLANT.sources[0]
    made = Intake(PLANT, source, source_settings(source), build_routes(PLANT, source), 1.0, None)
    made.connected(NOW, session_present=False)
    made.message(Message(TOPIC + "/status", b'{"online": true}', True, NOW))
    assert kinds(say(made, 0, own(0))) == [RowKind.HEARTBEAT, RowKind.SAMPLES]
    return made


def own(seq: int, second: int = 0) -> bytes:
    return json.dumps({"seq": seq, "s": [[NOW + second * SECOND_US, "part.total", seq]]}).encode()


def say(intake: Intake, second: int, *payloads: bytes) -> list[SpoolRow]:
    """Messages of a moment and the heartbeat that follows them."""
    now_us = NOW + second * SECOND_US
    for payload in payloads:
        intake.message(Message(TOPIC, payload, False, now_us))
    intake.beat(now_us)
    return intake.take_rows(now_us)[0]


def kinds(rows: list[SpoolRow]) -> list[RowKind]:
    return [row.kind for row in rows]


@pytest.mark.parametrize("poison", [b"{", b'{"seq": 1, "s": [[1, "part.total", NaN]]}', b"\xff" * 300_000])
def test_after_an_unreadable_message_no_heartbeat_promises_that_nothing_is_missing(
    intake: Intake, poison: bytes
) -> None:
    assert kinds(say(intake, 1, poison)) == [RowKind.QUARANTINE]
    assert "unreadable" in intake.note()
    assert kinds(say(intake, 2)) == []
    rows = say(intake, 20, own(2, 20))
    assert kinds(rows) == [RowKind.GAP, RowKind.GAP, RowKind.HEARTBEAT, RowKind.SAMPLES]
    opened, closed = (unpack_gap(row.payload) for row in rows[:2])
    assert (opened.opened, opened.at_us, closed.at_us) == (True, NOW, NOW + 20 * SECOND_US)
    assert isinstance(opened, Gap)
    assert intake.note() == ""


def test_an_unreadable_message_that_cost_no_number_leaves_no_gap(intake: Intake) -> None:
    assert kinds(say(intake, 1, b"{", own(1, 1))) == [RowKind.QUARANTINE, RowKind.HEARTBEAT, RowKind.SAMPLES]
    assert kinds(say(intake, 2)) == [RowKind.HEARTBEAT]


def test_a_bad_state_or_status_message_costs_no_number_and_no_heartbeat(intake: Intake) -> None:
    for suffix, payload in (("/state", b'{"s": [[1, "part.total", "x"]]}'), ("/status", b"?")):
        intake.message(Message(TOPIC + suffix, payload, False, NOW + SECOND_US))
        assert RowKind.HEARTBEAT in kinds(say(intake, 1))


def test_a_gap_lasts_until_a_publisher_that_renews_has_told_its_values_live() -> None:
    source = replace(PLANT.sources[0], settings={**PLANT.sources[0].settings, "renews_state": True})
    intake = Intake(PLANT, source, source_settings(source), build_routes(PLANT, source), 1.0, None)
    for now_us, seq in ((NOW, 0), (NOW + 10 * SECOND_US, 5)):
        intake.connected(now_us, session_present=False)
        intake.message(Message(TOPIC + "/status", b'{"online": true}', True, now_us))
        intake.message(Message(TOPIC + "/state", present(seq), True, now_us))
        rows = say(intake, (now_us - NOW) // SECOND_US, own(seq, (now_us - NOW) // SECOND_US))
    assert kinds(rows) == [RowKind.SAMPLES]
    assert (unpack_samples(rows[0].payload).flags & Flag.IN_DOUBT != 0).all()
    assert "present values" in intake.note()
    intake.message(Message(TOPIC + "/state", present(6, 12), False, NOW + 12 * SECOND_US))
    rows = say(intake, 12, own(6, 12))
    assert kinds(rows) == [RowKind.GAP, RowKind.GAP, RowKind.HEARTBEAT, RowKind.SAMPLES]
    opened, closed = (unpack_gap(row.payload) for row in rows[:2])
    assert (opened.at_us, closed.at_us) == (NOW, NOW + 12 * SECOND_US)
    assert (unpack_samples(rows[3].payload).flags & Flag.IN_DOUBT == 0).all()


def present(value: int, second: int = 0) -> bytes:
    return json.dumps({"s": [[NOW + second * SECOND_US, "part.total", value]]}).encode()
