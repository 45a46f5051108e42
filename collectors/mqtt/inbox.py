"""From paho's network thread to the event loop: raw messages in arrival order, bounded by count and bytes.

Invariants: `put` may be called from any thread and never waits; one wake-up is scheduled for any number of messages;
a message that does not fit is not taken and must not be acknowledged, so that the broker keeps it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from collectors.mqtt.decode import Message

MOST_MESSAGES = 20_000
"""Ten windows of the default receive maximum: reached only with a broker that keeps no window (QoS 0 floods)."""
MOST_BYTES = 64 * 1024 * 1024


class Acknowledger(Protocol):
    """The connection that a message came by. A packet id means nothing on any other connection."""

    def ack(self, mid: int, qos: int) -> None:
        """Tell the broker that the message is on our disk."""
        ...


@dataclass(frozen=True, slots=True)
class Raw:
    """A message with the way to acknowledge it."""

    connection: Acknowledger
    mid: int
    qos: int
    message: Message


@dataclass(frozen=True, slots=True)
class Opened:
    """The broker accepted a connection; what follows came by it. It stands in the queue so that its place is exact."""

    session_present: bool
    at_us: int


class Inbox:
    """See the module's invariants."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, most_messages: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES
    ) -> None:
        self.filled = asyncio.Event()
        self.arrived = 0
        self._loop = loop
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._waiting: deque[Raw | Opened] = deque()
        self._bytes = 0
        self._woken = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: Raw | Opened) -> bool:
        """Append and wake the loop; False if there is no room."""
        size = _size(item)
        with self._lock:
            if len(self._waiting) >= self._most_messages or self._bytes + size > self._most_bytes:
                return False
            self._waiting.append(item)
            self._bytes += size
            self.arrived += isinstance(item, Raw)
            wake, self._woken = not self._woken, True
        if wake:
            self._loop.call_soon_threadsafe(self.filled.set)
        return True

    def take(self, most: int) -> list[Raw | Opened]:
        """Up to `most` of the oldest items; `filled` stays set while others wait."""
        with self._lock:
            taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            self._bytes -= sum(map(_size, taken))
            if not self._waiting:
                self._woken = False
                self.filled.clear()
        return taken


def _size(item: Raw | Opened) -> int:
    return len(item.message.payload) if isinstance(item, Raw) else 0
