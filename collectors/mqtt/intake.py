"""Messages and passing time -> spool rows of one source. No I/O: the client stores what this returns.

Invariants: rows of one step belong into one append together with `state()`, before anything is acknowledged; gap
pairs come before the heartbeats and samples that end the doubt, samples before that are marked as being in doubt; a
heartbeat is written only after every message that arrived before it, not while a machine still delivers what it had
queued, and not after an unreadable message of a machine that numbers its samples, until the next number shows what is
missing.
"""

from __future__ import annotations

import logging

import numpy as np

from collectors.clockwatch import ClockWatch
from collectors.mqtt import continuity
from collectors.mqtt.continuity import Pair, Track
from collectors.mqtt.decode import Decoder, Message, Reading
from collectors.mqtt.payload import kept
from collectors.mqtt.settings import SourceSettings
from collectors.mqtt.topics import Carries, Route, Routes
from core.plant.model import Plant, Source
from core.samples.batch import BatchBuilder
from core.samples.records import (
    Heartbeat,
    Quarantine,
    RowKind,
    SpoolRow,
    pack_gap,
    pack_heartbeat,
    pack_quarantine,
    pack_samples,
)
from core.units import SECOND_US
from core.vocabulary import ClockChoice, Flag

log = logging.getLogger(__name__)

SETTLE_S = 60
"""Delays say nothing about a clock before this much real time after a connect (design: 60 s)."""
QUIET_S = 2
"""A machine that was behind and sent nothing for this much real time has delivered all that it had queued."""
MOST_NAMED = 1000
"""Topics without a signal that are named: a publisher may make up new ones for ever."""
MOST_REASONS = 5
"""Reasons told of one message; the first ones say what is wrong with it."""


class _Publisher:
    """One machine's publisher, as far as it is known."""

    def __init__(self, track: Track, watch: ClockWatch) -> None:
        self.track = track
        self.watch = watch
        self.decoder = Decoder(watch, track.next_seq, standing=track.standing)
        self.online: bool | None = None
        self.told: bool | None = None
        self.told_us = -1
        self.restated = False
        self.born_us = -1
        self.heard_us = -1
        self.behind = False
        self.unread = False
        self.fresh_message = False


class Intake:
    """See the module's invariants. `received`, `rejected`, `strangers` and `unknown_words` count since the start.

    `unmapped` counts messages that came for a machine under topics that no signal maps.
    """

    def __init__(
        self, plant: Plant, source: Source, settings: SourceSettings, routes: Routes, scale: float, state: bytes | None
    ) -> None:
        self.received = 0
        self.rejected = 0
        self.strangers = 0
        self.unknown_words = 0
        self.unmapped = 0
        self._named: set[str] = set()
        self._new_names: list[str] = []
        self._plant = plant
        self._source = source
        self._routes = routes
        self._liveness = settings.liveness
        self._replayed = settings.oldest_us() is None
        self._real_second_us = int(SECOND_US * scale)
        self._lateness_us = int(source.lateness_us * scale)
        self._restarted = True
        self._connected_us = -1
        self._rows: list[SpoolRow] = []
        self._builder = BatchBuilder()
        self._publishers = self._restore(settings, scale, state)

    def connected(self, now_us: int, *, session_present: bool) -> None:
        """A connection stands: from here on its messages come."""
        self._connected_us = now_us
        for machine, publisher in self._publishers.items():
            publisher.track.connected(
                session_present=session_present,
                sequenced=machine in self._routes.sequenced,
                restarted=self._restarted,
            )
            publisher.fresh_message = False
            publisher.online = None
            publisher.restated = False
        self._restarted = False

    def message(self, message: Message) -> None:
        """Decode the next message in the order of their arrival."""
        routes = self._routes.of(message.topic)
        self.strangers += not routes
        for route in routes:
            if not route.mapped:
                self._note_unmapped(message.topic)
            self._message(route, message)

    def beat(self, now_us: int) -> None:
        """Heartbeats of all machines that are known to live at `now_us`."""
        alive = [machine for machine in self._routes.machines if self._lives(self._publishers[machine], now_us)]
        if not alive:
            return
        at_us = []
        for machine in alive:
            publisher = self._publishers[machine]
            instant_us = self._alive_us(publisher, now_us)
            self._pair(publisher.track.alive(machine, instant_us), now_us)
            at_us.append(instant_us)
            publisher.fresh_message = False
        beat = Heartbeat(np.array(alive, "<i4"), np.array(at_us, "<i8"))
        self._row(RowKind.HEARTBEAT, pack_heartbeat(beat), now_us)

    def take_rows(self, now_us: int) -> tuple[list[SpoolRow], int]:
        """The rows since the last call, in order, and the number of samples in them."""
        self._tell_unmapped()
        samples = len(self._builder)
        if samples:
            self._row(RowKind.SAMPLES, pack_samples(self._builder.build()), now_us)
        rows, self._rows = self._rows, []
        return rows, samples

    def state(self) -> bytes:
        """What must be stored together with the rows."""
        for publisher in self._publishers.values():
            publisher.track.offset_us = publisher.watch.offset_us
        return continuity.encode([publisher.track for publisher in self._publishers.values()])

    def note(self) -> str:
        """What a person should know, or nothing."""
        parts = [
            f"clock of {publisher.track.machine} is {publisher.watch.offset_us / SECOND_US:.0f} s off: not believed"
            for publisher in self._publishers.values()
            if publisher.watch.suspect and publisher.watch.offset_us is not None
        ]
        parts += [
            f"{publisher.track.machine} is off line"
            for publisher in self._publishers.values()
            if publisher.online is False
        ]
        parts += [
            f"the last message of {publisher.track.machine} was unreadable: no heartbeat until its next one"
            for publisher in self._publishers.values()
            if publisher.unread
        ]
        parts += [
            f"{publisher.track.machine} has not told its present values since something of it was missed"
            for publisher in self._publishers.values()
            if publisher.track.waits
        ]
        parts += [f"{self.unknown_words} unknown words became other"] if self.unknown_words else []
        parts += [f"{self.strangers} messages of topics not subscribed to"] if self.strangers else []
        return "; ".join(parts)

    def _restore(self, settings: SourceSettings, scale: float, state: bytes | None) -> dict[int, _Publisher]:
        tracks = continuity.decode(state)
        if state is not None and not tracks:
            log.warning(
                "%s: the stored state cannot be read; missing data before now will not be noticed", self._source.name
            )
        found = {}
        for machine in self._routes.machines:
            name = self._plant.machines[machine].name
            track = tracks.get(name, Track(name))
            track.renews = settings.renews_state and machine in self._routes.stated
            watch = ClockWatch(
                scale=scale,
                trusted=settings.clock == "trusted",
                oldest_us=settings.oldest_us(),
                offset_us=track.offset_us,
            )
            found[machine] = _Publisher(track, watch)
        return found

    def _message(self, route: Route, message: Message) -> None:
        publisher = self._publishers[route.machine]
        publisher.decoder.expected = publisher.track.next_seq
        settled_us = max(self._connected_us, publisher.born_us) + SETTLE_S * self._real_second_us
        suspect = publisher.watch.suspect
        before = len(self._builder)
        # The first retained values of a connection may be old; others are sent now.
        ends = route.carries is Carries.STATE and publisher.track.waits and (not message.retain or publisher.restated)
        if ends:
            publisher.decoder.known.clear()  # that a value still stands is news after a gap
        reading = publisher.decoder.read(route, message, self._builder, settled=message.arrival_us >= settled_us)
        if publisher.watch.suspect != suspect:
            self._tell_clock(publisher)
        if reading.refused:
            self._quarantine(route.machine, message, reading)
        self.received += reading.samples + len(reading.refused) - reading.ended
        self.unknown_words += reading.unknown_words
        self._prove(publisher, message, reading)
        if ends and not reading.refused:
            now_us = publisher.watch.believed_us(message.arrival_us)
            self._pair(publisher.track.told(reading.machine, now_us), message.arrival_us)
        publisher.restated = publisher.restated or route.carries is Carries.STATE
        if publisher.track.waits:
            self._builder.mark(before, int(Flag.IN_DOUBT))
        if route.carries in (Carries.STATUS, Carries.AVAILABILITY) and reading.online is not None:
            self._status(publisher, message, reading)

    def _prove(self, publisher: _Publisher, message: Message, reading: Reading) -> None:
        track = publisher.track
        repeat = message.dup or message.retain
        if reading.refused and reading.live:
            publisher.unread = reading.machine in self._routes.sequenced
        if reading.next_seq >= 0:
            publisher.unread = False
            numbers = (reading.seq, reading.next_seq)
            shared = reading.machine in self._routes.shared
            pair = track.numbered(reading.machine, numbers, reading.event_us, repeat=repeat, shared=shared)
            self._pair(pair, message.arrival_us)
        if not reading.live or reading.event_us is None:
            return
        first_us, last_us = reading.event_us
        self._pair(track.alive(reading.machine, first_us), message.arrival_us)
        if not track.waits:
            track.life_us = max(track.life_us, last_us)
        publisher.heard_us = message.arrival_us
        publisher.fresh_message = True
        publisher.behind = publisher.watch.believed_us(message.arrival_us) - last_us > self._lateness_us

    def _status(self, publisher: _Publisher, message: Message, reading: Reading) -> None:
        online = bool(reading.online)
        if online and not message.retain:
            publisher.born_us = message.arrival_us
            # A birth proves life: the gap before it has to stand before the first values that come with it.
            born_us = publisher.watch.believed_us(message.arrival_us)
            self._pair(publisher.track.alive(reading.machine, born_us), message.arrival_us)
        publisher.online = online
        if online == publisher.told:
            return
        publisher.told = online
        signal = self._routes.online.get(reading.machine)
        if signal is None:
            return
        source_us = reading.event_us[0] if reading.event_us else None
        event_us, clock = publisher.watch.choose(source_us, None, message.arrival_us, fresh=False)
        if source_us is None or event_us <= publisher.told_us:
            event_us = max(publisher.watch.believed_us(message.arrival_us), publisher.told_us + 1)
        publisher.told_us = event_us
        self.received += 1
        seeds = int(Flag.RETAINED | Flag.INITIAL) if message.retain else 0
        self._builder.add(
            machine=reading.machine,
            signal=signal,
            event_us=event_us,
            received_us=message.arrival_us,
            value=float(online),
            flags=clock | seeds | (int(Flag.IN_DOUBT) if publisher.track.waits else 0),
        )

    def _lives(self, publisher: _Publisher, now_us: int) -> bool:
        if publisher.track.waits or publisher.unread or (self._liveness == "interval" and not publisher.fresh_message):
            return False
        if self._liveness == "birth" and not publisher.online:
            return False
        return not publisher.behind or now_us - publisher.heard_us > QUIET_S * self._real_second_us

    def _note_unmapped(self, topic: str) -> None:
        self.unmapped += 1
        if topic not in self._named and len(self._named) < MOST_NAMED:
            self._named.add(topic)
            self._new_names.append(topic)

    def _tell_unmapped(self) -> None:
        """Name each topic once."""
        if self._new_names:
            log.info("%s: no signal maps %s; ignored", self._source.name, ", ".join(sorted(self._new_names)))
            self._new_names = []

    def _alive_us(self, publisher: _Publisher, now_us: int) -> int:
        """Up to when a machine that lives has delivered everything, in its believed clock."""
        at_us = publisher.watch.believed_us(publisher.heard_us if self._liveness == "interval" else now_us)
        # A recording proves nothing of the time after its events, whenever it is played.
        return min(at_us, publisher.track.life_us) if self._replayed and publisher.track.life_us >= 0 else at_us

    def _quarantine(self, machine: int, message: Message, reading: Reading) -> None:
        raw, cut = kept(message.payload)
        self.rejected += len(reading.refused)
        more = len(reading.refused) - MOST_REASONS
        reasons = "; ".join(reading.refused[:MOST_REASONS]) + (f"; and {more} more" if more > 0 else "") + cut
        item = Quarantine(reasons, message.topic, machine, raw)
        self._row(RowKind.QUARANTINE, pack_quarantine(item), message.arrival_us)

    def _pair(self, pair: Pair | None, now_us: int) -> None:
        for gap in pair or ():
            self._row(RowKind.GAP, pack_gap(gap), now_us)

    def _row(self, kind: RowKind, payload: bytes, now_us: int) -> None:
        self._rows.append(SpoolRow(kind, self._source.name, self._plant.hash, now_us, payload))

    def _tell_clock(self, publisher: _Publisher) -> None:
        choice = ClockChoice.ARRIVAL if publisher.watch.suspect else ClockChoice.SOURCE
        offset_s = (publisher.watch.offset_us or 0) / SECOND_US
        log.warning(
            "%s: clock is %.1f s off, %s time is used now", publisher.track.machine, offset_s, choice.name.lower()
        )
