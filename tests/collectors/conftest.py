"""Fixtures of this folder."""

from tests.fix_broker import mqtt_broker, own_broker
from tests.fix_opcua import bench

__all__ = ["bench", "mqtt_broker", "own_broker"]
