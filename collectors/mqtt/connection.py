"""One connection to a broker: a paho client with its network thread, used once and never reconnected.

Invariants: a new connection is a new object, so an acknowledgement can only reach the connection that its message came
by (a packet id means nothing on the next one); the network thread's callbacks only append and schedule; QoS 1 and
manual acknowledgement always.
Private names of paho used here: `_handle_pingresp` (an answered ping as proof of life) and `_thread` (is the network
thread alive); tests/collectors/test_mqtt_connection.py holds paho to them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from collectors.mqtt.decode import Message
from collectors.mqtt.inbox import Inbox, Opened, Raw
from collectors.mqtt.settings import SourceSettings
from core.errors import SourceError

Version = Literal["5", "3.1.1"]
VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
SESSION_EXPIRY_S = 7 * 24 * 3600
"""The broker keeps our session as long as the spool keeps rows: over a long week-end."""
ANSWER_S = 5.0
"""Time for TCP, CONNACK and SUBACK, each (real): a broker on the plant's network answers in milliseconds."""
PROBE_S = 1.0
"""The same for CONNACK while it is not known whether the broker speaks MQTT 5: amqtt misreads the properties of a
CONNECT and waits for more. Taking a slow broker for an old one costs little: 3.1.1 keeps the same session."""
FIRST_S = 0.5
"""Retained and queued messages follow SUBACK at once; a heartbeat before them would claim too much."""
NOT_THIS_VERSION = frozenset({"Unsupported protocol version", "Protocol error", "Malformed packet"})


class VersionError(SourceError):
    """The broker does not speak this version of MQTT: try the older one."""


class _Client(paho.Client):
    """paho's client, which also remembers when a ping was answered last."""

    pinged_s = 0.0

    def _handle_pingresp(self) -> MQTTErrorCode:
        self.pinged_s = time.monotonic()
        return super()._handle_pingresp()


class Connection:
    """See the module's invariants. `epoch` numbers the connections of a collector, for its log."""

    def __init__(
        self, settings: SourceSettings, version: Version, epoch: int, inbox: Inbox, now_us: Callable[[], int]
    ) -> None:
        self.epoch = epoch
        self.version = version
        self.ready_s: float | None = None
        self.lost = asyncio.Event()
        self.why_lost = ""
        self._settings = settings
        self._inbox = inbox
        self._now_us = now_us
        self._loop = asyncio.get_running_loop()
        self._connack: asyncio.Future[ReasonCode] = self._loop.create_future()
        self._suback: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self._heard_s = time.monotonic()
        self._client = self._build()

    async def open(self, topics: Iterable[str], *, probing: bool = False) -> None:
        """Connect and subscribe; raises VersionError, or SourceError with what to look at.

        `probing`: the version is a guess, so do not wait long for the broker's answer to it.
        """
        settings = self._settings
        where = f"{settings.host}:{settings.port}"
        try:
            await asyncio.to_thread(self._dial)
        except (OSError, ValueError) as wrong:
            raise SourceError(f"the broker {where} cannot be reached: {wrong}") from wrong
        self._client.loop_start()
        reason = await self._answer(self._connack, where, PROBE_S if probing else ANSWER_S)
        if reason.is_failure:
            refused = f"the broker {where} refused the connection: {reason}"
            raise VersionError(refused) if str(reason) in NOT_THIS_VERSION else SourceError(refused)
        await self._subscribe(sorted(topics), where)
        self.ready_s = time.monotonic()

    def ack(self, mid: int, qos: int) -> None:
        """Acknowledge a message of this connection; nothing happens if the connection is over."""
        if not self.lost.is_set():
            self._client.ack(mid, qos)

    def proven(self) -> bool:
        """True while the network thread runs and the broker has been heard within the limit."""
        thread = self._client._thread
        heard_s = max(self._heard_s, self._client.pinged_s)
        limit_s = self._settings.keepalive_s + ANSWER_S
        alive = thread is not None and thread.is_alive()
        return alive and not self.lost.is_set() and time.monotonic() - heard_s <= limit_s

    def ready(self) -> bool:
        """True while everything wanted is subscribed."""
        return self.ready_s is not None and not self.lost.is_set()

    def complete(self) -> bool:
        """True when life is proven and what the broker had for us has had time to come first."""
        return self.ready_s is not None and time.monotonic() - self.ready_s >= FIRST_S and self.proven()

    def give_up(self, why: str) -> None:
        """Call the connection lost for a reason of ours."""
        if not self.lost.is_set():
            self.why_lost = why
            self.lost.set()

    async def close(self) -> None:
        """End the connection and its thread. The broker keeps the session."""
        self.ready_s = None
        self.give_up("closed")
        await asyncio.to_thread(self._hang_up)

    def _hang_up(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _build(self) -> _Client:
        settings = self._settings
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=False if self.version == "3.1.1" else None,
            protocol=VERSIONS[self.version],
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = ANSWER_S
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def _dial(self) -> None:
        settings, client = self._settings, self._client
        if settings.user is not None:
            client.username_pw_set(settings.user, settings.password())
        if settings.tls is not None:
            client.tls_set(settings.tls.ca, settings.tls.cert, settings.tls.key)
        if self.version == "3.1.1":
            client.connect(settings.host, settings.port, settings.keepalive_s)
            return
        wishes = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        wishes.SessionExpiryInterval = SESSION_EXPIRY_S
        wishes.ReceiveMaximum = settings.receive_maximum
        client.connect(settings.host, settings.port, settings.keepalive_s, clean_start=False, properties=wishes)

    async def _subscribe(self, topics: list[str], where: str) -> None:
        if not topics:
            return
        if self.version == "5":
            self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])
        else:
            self._client.subscribe([(topic, 1) for topic in topics])
        granted = await self._answer(self._suback, where, ANSWER_S)
        refused = [topic for topic, reason in zip(topics, granted, strict=False) if reason.is_failure]
        if refused:
            raise SourceError(
                f"the broker {where} refused the subscription of {', '.join(refused)}; look at its rights"
            )

    async def _answer(self, wanted: asyncio.Future[Any], where: str, limit_s: float) -> Any:
        """The broker's answer; a broker that hangs up or says nothing may just not know our version of MQTT."""
        over = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({wanted, over}, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        if wanted.done():
            return wanted.result()
        what = "closed the connection" if self.lost.is_set() else f"did not answer within {limit_s:.0f} s"
        kind = SourceError if self._connack.done() else VersionError
        raise kind(f"the broker {where} {what}")

    # The callbacks below run in paho's network thread; an exception would end it (reliability M5).

    def _on_connect(self, _client: Any, _data: Any, flags: paho.ConnectFlags, reason: ReasonCode, *_: Any) -> None:
        self._heard_s = time.monotonic()
        if not reason.is_failure:
            self._inbox.put(Opened(flags.session_present, self._now_us()))
        self._from_thread(_settle, self._connack, reason)

    def _on_subscribe(self, _client: Any, _data: Any, _mid: int, reasons: list[ReasonCode], *_: Any) -> None:
        self._from_thread(_settle, self._suback, reasons)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: ReasonCode, *_: Any) -> None:
        self._from_thread(self.give_up, f"the connection ended: {reason}")

    def _on_message(self, _client: Any, _data: Any, found: paho.MQTTMessage) -> None:
        self._heard_s = time.monotonic()
        message = Message(_topic(found), bytes(found.payload), found.retain, self._now_us(), found.dup)
        if not self._inbox.put(Raw(self, found.mid, found.qos, message)):
            self._from_thread(self.give_up, "more messages came than could be stored")

    def _from_thread(self, call: Callable[..., object], *arguments: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)


def _topic(found: paho.MQTTMessage) -> str:
    try:
        return found.topic
    except UnicodeDecodeError:
        return ""


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if not future.done():
        future.set_result(answer)
