"""Fixture `mqtt_broker`: a real broker to talk to; `own_broker`: one that a test may stop and start.

STANOK_TEST_BROKER=host:port gives another broker for `mqtt_broker`; otherwise it is the demo broker.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stanok.broker import DemoBroker


@dataclass(frozen=True)
class BrokerAddress:
    """Where a broker listens."""

    host: str
    port: int


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
def mqtt_broker() -> Iterator[BrokerAddress]:
    """A broker for all tests of the run; tests use topics and client ids of their own."""
    given = os.environ.get("STANOK_TEST_BROKER")
    if given:
        host, _, port = given.rpartition(":")
        yield BrokerAddress(host, int(port))
        return
    broker = DemoBroker(free_port())
    broker.start()
    yield BrokerAddress(broker.host, broker.port)
    broker.stop()


@pytest.fixture
def own_broker() -> Iterator[DemoBroker]:
    """A demo broker of one test, which the test may stop and start again on the same port."""
    broker = DemoBroker(free_port())
    broker.start()
    yield broker
    broker.stop()
