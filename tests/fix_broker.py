"""Fixture `mqtt_broker`: a real broker to talk to, every test once with the demo broker and once with Mosquitto;
`own_broker`: a demo broker that a test may stop and start.

STANOK_TEST_BROKER=host:port gives another broker in the place of Mosquitto.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stanok.broker import DemoBroker
from tests.servers import Missing, Mosquitto, free_port


@dataclass(frozen=True)
class BrokerAddress:
    """Where a broker listens."""

    host: str
    port: int


@pytest.fixture(scope="session")
def demo_broker() -> Iterator[BrokerAddress]:
    """amqtt, as the demonstration uses it."""
    broker = DemoBroker(free_port())
    broker.start()
    yield BrokerAddress(broker.host, broker.port)
    broker.stop()


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[BrokerAddress]:
    """What a plant uses."""
    given = os.environ.get("STANOK_TEST_BROKER")
    if given:
        host, _, port = given.rpartition(":")
        yield BrokerAddress(host, int(port))
        return
    try:
        broker = Mosquitto()
    except Missing as missing:
        pytest.skip(str(missing))  # in CI that is a failure (tests/fix_honest.py)
    try:
        broker.start()
        yield BrokerAddress(broker.host, broker.port)
    finally:
        broker.remove()


@pytest.fixture(scope="session", params=["demo_broker", "mosquitto"])
def mqtt_broker(request: pytest.FixtureRequest) -> BrokerAddress:
    """A broker for all tests of the run; tests use topics and client ids of their own."""
    found: BrokerAddress = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def own_broker() -> Iterator[DemoBroker]:
    """A demo broker of one test, which the test may stop and start again on the same port."""
    broker = DemoBroker(free_port())
    broker.start()
    yield broker
    broker.stop()
