"""Does a broker let us in, by which version of MQTT, and what does it call itself?

Publishes nothing and leaves no session behind.
"""

from __future__ import annotations

import secrets
import ssl
import threading
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from collectors.mqtt.connection import ANSWER_S, NOT_THIS_VERSION, PROBE_S, VERSIONS, Version
from collectors.mqtt.settings import SourceSettings
from core.errors import SourceError

VERSION_TOPIC = "$SYS/broker/version"
"""Where Mosquitto, EMQX and others keep their name as a retained message; many tell it to administrators only."""
TOLD_S = 0.5


def greeted(settings: SourceSettings) -> tuple[Version, str | None]:
    """The version of MQTT that the broker takes, and its name if it tells one; SourceError if it does not let us in."""
    versions: list[Version] = ["5", "3.1.1"] if settings.mqtt_version == "auto" else [settings.mqtt_version]
    for version in versions[:-1]:
        try:
            return version, _greet(settings, version, PROBE_S)
        except _OtherVersionError:
            continue  # it says so; the next version is asked
    return versions[-1], _greet(settings, versions[-1], ANSWER_S)


class _OtherVersionError(SourceError):
    """The broker may speak another version."""


def _greet(settings: SourceSettings, version: Version, answer_s: float) -> str | None:
    where = f"{settings.host}:{settings.port}"
    answered, told = threading.Event(), threading.Event()
    reasons: list[Any] = []
    names: list[str] = []

    def on_connect(_client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any = None) -> None:
        reasons.append(reason)
        answered.set()

    def on_message(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if message.topic == VERSION_TOPIC:  # amqtt was seen to send other retained messages too
            names.append(message.payload.decode(errors="replace"))
            told.set()

    client = _client(settings, version)
    client.on_connect, client.on_message = on_connect, on_message
    try:
        client.connect(settings.host, settings.port, keepalive=10)
        client.loop_start()
        if not answered.wait(answer_s):
            raise _OtherVersionError(f"the broker {where} does not answer a greeting")
        if reasons[0].is_failure:
            refused = f"the broker {where} refuses us: {reasons[0]}"
            raise _OtherVersionError(refused) if str(reasons[0]) in NOT_THIS_VERSION else SourceError(refused)
        client.subscribe(VERSION_TOPIC)
        told.wait(TOLD_S)
        client.disconnect()
    except (OSError, ValueError) as error:
        raise SourceError(f"the broker {where} cannot be reached: {error}") from error
    finally:
        client.loop_stop()
    return names[0] if names else None


def _client(settings: SourceSettings, version: Version) -> paho.Client:
    """A client of its own name: the collector's would take its session away."""
    name = f"stanok-doctor-{secrets.token_hex(4)}"
    clean = None if version == "5" else True
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean, protocol=VERSIONS[version])
    client.connect_timeout = ANSWER_S
    if settings.user is not None:
        client.username_pw_set(settings.user, settings.password())
    if settings.tls is not None:
        client.tls_set(settings.tls.ca, settings.tls.cert, settings.tls.key, tls_version=ssl.PROTOCOL_TLS_CLIENT)
    return client
