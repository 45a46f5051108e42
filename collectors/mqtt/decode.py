"""A message -> samples in a BatchBuilder and what it says of its machines. No I/O, no clock.

Invariants: any bytes give samples, refusals with a reason, or both, never an exception; good values of a message are
kept beside bad ones; a value that is refused ends the one before it, as of its time, for it is not known what it
should have been; a retained message never proves life, and its samples are INITIAL unless their number shows that
they are simply the next ones (some brokers mark what they queued as retained).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collectors.clockwatch import ClockWatch
from collectors.mqtt import mtconnect
from collectors.mqtt.payload import RefusedError, document, numbered
from collectors.mqtt.topics import Carries, Field, Route
from collectors.mqtt.values import Converted, convert, instant_us
from core.samples.batch import BatchBuilder
from core.vocabulary import Flag, Quality

INITIAL = int(Flag.INITIAL)
RETAINED = int(Flag.RETAINED)
RESET = int(Flag.RESET)
GREATEST_SEQ = 2**62


@dataclass(frozen=True, slots=True)
class Message:
    """What came from the broker; `arrival_us` is scenario time, `dup`: the broker may have sent it before."""

    topic: str
    payload: bytes
    retain: bool
    arrival_us: int
    dup: bool = False


@dataclass(slots=True)
class Reading:
    """What one message said of one machine.

    `seq` and `next_seq` are -1 if it is not numbered. `event_us` holds least and greatest event time of its samples.
    `samples` were added, `ended` of them only to say that a refused value ended the one before it.
    `online` is what a birth or will says. `live`: it came now, from a publisher that lives.
    """

    machine: int
    live: bool
    seq: int = -1
    next_seq: int = -1
    event_us: tuple[int, int] | None = None
    online: bool | None = None
    samples: int = 0
    ended: int = 0
    unknown_words: int = 0
    refused: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Decoder:
    """Decodes the messages of one machine. `expected`: number of its next sample, -1 if not known.

    `known` holds the newest time of each signal, by the publisher's own clock, so that a repeated state message adds
    nothing.
    """

    watch: ClockWatch
    expected: int = -1
    known: dict[int, int] = field(default_factory=dict)
    standing: dict[str, int] = field(default_factory=dict)
    """Alarms that stand, by code: their class. A condition that returns to normal does not say which ones."""

    def read(self, route: Route, message: Message, builder: BatchBuilder, *, settled: bool) -> Reading:
        """What the message says; its samples are added to `builder`.

        `settled`: the connection and the publisher are up for long enough that delays tell about the clock.
        """
        reading = Reading(route.machine, live=not message.retain and route.carries in _PROVE_LIFE)
        task = _Task(self, route, message, builder, reading, settled and not message.retain)
        try:
            _READERS[route.carries](task)
        except RefusedError as wrong:
            reading.refused.append(str(wrong))
        return reading


_PROVE_LIFE = (Carries.SAMPLES, Carries.FREE, Carries.OBSERVATION)


@dataclass(slots=True)
class _Task:
    """One message on its way through one route."""

    decoder: Decoder
    route: Route
    message: Message
    builder: BatchBuilder
    reading: Reading
    fresh: bool

    def add(self, found: Field, source_us: int | None, value: Any, seq: int, flags: int) -> None:
        """One sample. A value of no use is refused and ends the one before it: it is not known what it should be."""
        try:
            converted = convert(found, value)
        except RefusedError as wrong:
            self.refuse(found, source_us, seq, flags, wrong)
        else:
            self.put(found, source_us, converted, seq, flags)

    def refuse(self, found: Field, source_us: int | None, seq: int, flags: int, wrong: RefusedError) -> None:
        """What came for a signal is of no use, so nothing is known of it from then on."""
        self.reading.refused.append(str(wrong))
        self.reading.ended += 1
        self.put(found, source_us, Converted(quality=int(Quality.BAD)), seq, flags)

    def put(self, found: Field, source_us: int | None, converted: Converted, seq: int, flags: int) -> None:
        """One sample with a value that has been converted."""
        arrival_us = self.message.arrival_us
        event_us, clock = self.instant(source_us, flags)
        self.builder.add(
            machine=self.route.machine,
            signal=found.signal,
            event_us=event_us,
            received_us=arrival_us,
            value=converted.value,
            text=converted.text,
            raw=converted.raw,
            quality=converted.quality,
            flags=clock | flags,
            seq=seq,
        )
        known, told_us = self.decoder.known, event_us if source_us is None else source_us
        known[found.signal] = max(told_us, known.get(found.signal, told_us))
        self.spoke(event_us)
        self.reading.samples += 1
        self.reading.unknown_words += converted.unknown

    def instant(self, source_us: int | None, flags: int) -> tuple[int, int]:
        """The believed event time and the choice of clock."""
        fresh = self.fresh and not flags & INITIAL
        return self.decoder.watch.choose(source_us, None, self.message.arrival_us, fresh=fresh)

    def spoke(self, event_us: int) -> None:
        """The machine said something at this instant."""
        least, most = self.reading.event_us or (event_us, event_us)
        self.reading.event_us = min(least, event_us), max(most, event_us)

    def flags(self, seq: int) -> int:
        """Flags of the message's samples, whose first number is `seq`."""
        if not self.message.retain or (seq >= 0 and seq == self.decoder.expected):
            return 0
        return RETAINED | INITIAL

    def entries(self, samples: list[Any]) -> Iterator[tuple[int, int, Field, Any, int]]:
        """Position, time, field, value and flags of each well-formed sample of Stanok's shape; others are refused."""
        for at, entry in enumerate(samples):
            try:
                if not isinstance(entry, list) or not 3 <= len(entry) <= 4 or not isinstance(entry[1], str):
                    raise RefusedError(f'sample {at} is not [time, "signal", value]')
                if entry[3:] not in ([], ["reset"]):
                    raise RefusedError(f'sample {at}: the fourth word can only be "reset"')
                found = self.route.fields.get(entry[1])
                if found is None:
                    raise RefusedError(f"{entry[1][:40]!r} is no signal of this machine")
                yield at, instant_us(entry[0], "us"), found, entry[2], RESET if len(entry) == 4 else 0
            except RefusedError as wrong:
                self.reading.refused.append(str(wrong))


def _samples(task: _Task) -> None:
    content = numbered(task.message.payload)
    task.reading.seq = seq = _number(content.seq)
    task.reading.next_seq = seq + len(content.s)
    flags = task.flags(seq)
    for at, us, found, value, reset in task.entries(content.s):
        task.add(found, us, value, seq + at, flags | reset)


def _state(task: _Task) -> None:
    flags = INITIAL | (RETAINED if task.message.retain else 0)
    for _, us, found, value, _ in task.entries(numbered(task.message.payload).s):
        if us > task.decoder.known.get(found.signal, -1):
            task.add(found, us, value, -1, flags)


def _free(task: _Task) -> None:
    content, route = document(task.message.payload), task.route
    source_us = seq = None
    if route.seq_path is not None and (found := _at(content, route.seq_path)) is not _MISSING:
        seq = _number(found)
        task.reading.seq, task.reading.next_seq = seq, seq + 1
    if route.time_path is not None and (found := _at(content, route.time_path)) is not _MISSING:
        source_us = instant_us(found, route.time_unit)
    number = -1 if seq is None else seq
    flags = task.flags(number)
    for field_ in route.fields.values():
        value = _at(content, field_.path)
        if value is not _MISSING:
            task.add(field_, source_us, value, number, flags)


def _observation(task: _Task) -> None:
    content = mtconnect.observation(task.message.payload)
    seq = -1
    if content.sequence is not None:
        task.reading.seq = seq = _number(content.sequence)
        task.reading.next_seq = seq + 1
    source_us = instant_us(content.timestamp, "iso")
    flags = task.flags(seq)
    # What no signal maps still shows that the machine lives, and up to when everything has come.
    task.spoke(task.instant(source_us, flags)[0])
    for found in task.route.fields.values():
        try:
            for converted in mtconnect.values_of(found, content, task.decoder.standing):
                task.put(found, source_us, converted, seq, flags)
        except RefusedError as wrong:
            task.refuse(found, source_us, seq, flags, wrong)


def _availability(task: _Task) -> None:
    task.reading.online = mtconnect.available(task.message.payload)


def _unmapped(_task: _Task) -> None:
    """Nobody asked for it: the intake names it once."""


def _status(task: _Task) -> None:
    content = document(task.message.payload)
    online = content.get("online") if isinstance(content, dict) else None
    if not isinstance(online, bool):
        raise RefusedError('a status is {"online": true or false, "t": µs since 1970}')
    task.reading.online = online
    if "t" in content:
        us = instant_us(content["t"], "us")
        task.reading.event_us = us, us


_READERS = {
    Carries.SAMPLES: _samples,
    Carries.STATE: _state,
    Carries.FREE: _free,
    Carries.STATUS: _status,
    Carries.AVAILABILITY: _availability,
    Carries.OBSERVATION: _observation,
    Carries.UNMAPPED: _unmapped,
}


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < GREATEST_SEQ:
        raise RefusedError(f"the seq {str(value)[:40]!r} is not a counter")
    return value


_MISSING = object()


def _at(content: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(content, dict) or key not in content:
            return _MISSING
        content = content[key]
    return content
