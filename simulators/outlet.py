"""Where simulated samples leave the simulator: the border between a machine's truth and a protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

Value = float | int | bool | str


class Damage(Enum):
    """How a sample is spoilt on its way; the outlet does it, because it depends on the protocol.

    LOST: it does not leave at all; the machine knows it all the same, and shows it when somebody asks.
    """

    NONE = "none"
    NAN = "nan"
    TYPE = "type"
    BROKEN = "broken"
    LOST = "lost"


ONLINE = "conn.online"
"""A sample of this signal is the line itself, cut (False) or mended (True). It has no number."""


LEFTOVER = "line.leftover"
"""A sample of this signal is what a machine showed long ago, retained and told again; `value` is the message's text."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One change of one signal, as the ledger says it.

    `machine` is the position in the plant, `signal` a name of the vocabulary. `value`: canonical words and texts as
    str (`"active"`), switches as bool, counters as int, gauges as float. `seq` counts the samples of one machine from 0
    since the scenario began, so that a second run over the same scenario sends the same numbers.
    `reset`: the counter says that it began again before this reading.
    """

    machine: int
    signal: str
    event_us: int
    value: Value
    seq: int
    damage: Damage = Damage.NONE
    reset: bool = False


class Outlet(Protocol):
    """A protocol server or publisher that serves some machines."""

    async def start(self, present: Mapping[int, Mapping[str, tuple[int, Value]]]) -> None:
        """Go on line, every machine showing its present values (signal -> (event_us, value))."""
        ...

    async def send(self, samples: Sequence[Sample]) -> None:
        """Send changes in order; returns when the protocol has taken them. Called often, also with nothing to send:
        what a protocol repeats at rest, it repeats here."""
        ...

    async def stop(self) -> None:
        """Go off line cleanly."""
        ...
