"""Publish answers -> stored rows, in the order of their sequence numbers. What it returns may be acknowledged.

Invariants: `take` returns a sequence number only after `sink.append` returned for it; a notification that is missing is
asked for again before a later one is stored, and if it is gone there is a gap record; nothing is stored twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from asyncua import ua

from collectors.clockwatch import ClockWatch
from collectors.opcua.continuity import Continuity, Stored
from collectors.opcua.decode import Decoded, Item, decode, instant_us
from collectors.opcua.session import Session, Subscription
from core.errors import SourceError, SpoolError
from core.ports import BatchSink, Clock
from core.samples.records import (
    Heartbeat,
    RowKind,
    SpoolRow,
    pack_gap,
    pack_heartbeat,
    pack_quarantine,
    pack_samples,
)
from core.vocabulary import Cause

log = logging.getLogger(__name__)

MOST_MISSED = 100
"""Missing notifications that are asked for again; more are a gap."""
SPOOL_PAUSE_S = 1.0
"""Between two attempts to store while the spool cannot take rows."""
SEQUENCES = 2**32
"""Sequence numbers are UInt32 and leave out 0 (OPC 10000-4, 7.11)."""


@dataclass
class Link:
    """One connection. `live`: watched items; `missing`: the others, with a few words why; `next`: sequence number.

    `since` and `retry_at` are times of the event loop; `awaiting`: items whose first value is still to come.
    """

    session: Session
    subscription: Subscription
    since: float
    live: set[Item] = field(default_factory=set)
    missing: dict[Item, str] = field(default_factory=dict)
    awaiting: set[Item] = field(default_factory=set)
    next: int = 1
    retry_at: float = 0.0

    def machines(self) -> list[int]:
        """The machines of which something is watched: only these can prove to be alive."""
        return sorted({item.machine for item in self.live})

    def is_old(self, message: ua.NotificationMessage) -> bool:
        """True for a number before the expected one; numbers wrap around."""
        return bool((message.SequenceNumber - self.next) % SEQUENCES >= SEQUENCES // 2)

    def passed(self, message: ua.NotificationMessage) -> None:
        """Expect what follows `message`; a keep-alive carries the number that the next notification will have."""
        if not self.is_old(message):
            number = message.SequenceNumber
            self.next = number % (SEQUENCES - 1) + 1 if message.NotificationData else number


class Intake:
    """Stores what a server publishes. Counts are since the process started; `blocked`: why the spool takes nothing."""

    def __init__(
        self,
        source: str,
        plant_hash: bytes,
        items: Sequence[Item],
        sink: BatchSink,
        clock: Clock,
        watch: ClockWatch,
        continuity: Continuity,
        settle_s: float,
    ) -> None:
        """`items` by client handle; `settle_s`: how long after a connect delays say nothing about clocks."""
        self._source, self._plant_hash, self._items = source, plant_hash, items
        self._sink, self._clock, self._watch, self._continuity = sink, clock, watch, continuity
        self._settle_s = settle_s
        self.received = self.stored = self.rejected = self.unmapped = 0
        self.blocked = ""

    async def take(self, link: Link, result: ua.PublishResult) -> list[int]:
        """Store what a publish answer says; returns the sequence numbers that may be acknowledged now."""
        message = result.NotificationMessage
        messages = [*await self._missing_before(link, message), message]
        carrying = [found for found in messages if found.NotificationData]
        fresh = [found for found in carrying if not link.is_old(found)]
        link.passed(message)
        decoded = self._decode(link, fresh)
        await self._store(link, decoded, self._believed_us(message), complete=not result.MoreNotifications)
        for item in decoded.lost:
            link.live.discard(item)
            link.missing[item] = "the server does not know its node any more"
        for found in carrying:
            _raise_status_change(found)
        return [found.SequenceNumber for found in carrying]

    async def _missing_before(self, link: Link, message: ua.NotificationMessage) -> list[ua.NotificationMessage]:
        """The notifications between the last one and this one, republished; what is gone breaks the continuity."""
        ahead = (message.SequenceNumber - link.next) % SEQUENCES
        if ahead == 0 or link.is_old(message):
            return []
        found: list[ua.NotificationMessage] = []
        for number in range(link.next, link.next + min(ahead, MOST_MISSED)):
            again = await link.session.republish(link.subscription, number)
            if again is None:
                break
            found.append(again)
        if len(found) < ahead:
            log.warning("%s: %d notifications are lost", self._source, ahead - len(found))
            self._continuity.broke(Cause.SESSION_LOST)
        return found

    def _decode(self, link: Link, messages: Iterable[ua.NotificationMessage]) -> Decoded:
        changes = [
            (self._items[change.ClientHandle], change.Value)
            for message in messages
            for part in message.NotificationData
            if isinstance(part, ua.DataChangeNotification)
            for change in part.MonitoredItems
        ]
        decoded = decode(
            changes,
            arrival_us=self._clock.now_us(),
            clock=self._clock,
            watch=self._watch,
            initial=link.awaiting,
            settled=asyncio.get_running_loop().time() - link.since > self._settle_s,
        )
        link.awaiting.difference_update(item for item, _ in changes)
        self.received += len(changes)
        self.unmapped += decoded.unmapped
        return decoded

    def _believed_us(self, message: ua.NotificationMessage) -> int:
        """When the server published, in the believed clock of the source: what a heartbeat proves."""
        published_us = instant_us(message.PublishTime, self._clock)
        return self._watch.choose(published_us, None, self._clock.now_us(), fresh=False)[0]

    async def _store(self, link: Link, decoded: Decoded, at_us: int, *, complete: bool) -> None:
        """One append: gaps, samples, rejects, heartbeat. `complete`: the server holds nothing older than `at_us`."""
        machines = link.machines()
        gaps = self._continuity.gaps(machines, at_us)
        proven = machines if complete or gaps else []
        batch = decoded.samples.build()
        rows = [self._row(RowKind.GAP, pack_gap(gap)) for gap in gaps]
        if len(batch):
            rows.append(self._row(RowKind.SAMPLES, pack_samples(batch)))
        rows += [self._row(RowKind.QUARANTINE, pack_quarantine(reject)) for reject in decoded.rejects]
        if complete and machines:
            beat = Heartbeat(np.array(machines, "<i4"), np.full(len(machines), at_us, "<i8"))
            rows.append(self._row(RowKind.HEARTBEAT, pack_heartbeat(beat)))
        if not rows:
            return
        last = Stored(link.subscription.id, link.next, self._watch.offset_us)
        await self._append(rows, self._continuity.kept(proven, at_us, last))
        self._continuity.stored(proven, at_us)
        self.stored += len(batch)
        self.rejected += len(decoded.rejects)

    def _row(self, kind: RowKind, payload: bytes) -> SpoolRow:
        return SpoolRow(kind, self._source, self._plant_hash, self._clock.now_us(), payload)

    async def _append(self, rows: Sequence[SpoolRow], state: bytes) -> None:
        """Store, however long it takes: until then nothing is acknowledged and nothing new is asked for."""
        while True:
            try:
                await self._sink.append(rows, {self._source: state})
                break
            except SpoolError as error:
                self.blocked = f"the spool takes no rows ({error})"
                log.error("%s: %s; trying again", self._source, self.blocked)
                await asyncio.sleep(SPOOL_PAUSE_S)
        self.blocked = ""


def _raise_status_change(message: ua.NotificationMessage) -> None:
    """A status change is the last thing a subscription says."""
    for part in message.NotificationData:
        if isinstance(part, ua.StatusChangeNotification):
            part.Status.check()
            raise SourceError(f"the server ended the subscription ({part.Status.name})")
