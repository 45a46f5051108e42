"""The MQTT collector of one source: keeps a connection, stores what comes, acknowledges afterwards.

Invariants: a message is acknowledged only after the sink's receipt, over the connection that it came by; one task
stores, so rows leave in order; while the sink refuses, nothing is acknowledged and the same rows are tried again;
`run` ends only when it is cancelled. Pauses and deadlines are real seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from collectors.backoff import Backoff
from collectors.mqtt.connection import Connection, Version, VersionError
from collectors.mqtt.inbox import Inbox, Opened, Raw
from collectors.mqtt.intake import Intake
from collectors.mqtt.settings import source_settings
from collectors.mqtt.topics import build_routes
from collectors.status import SourceStatus
from core.errors import SourceError, SpoolError
from core.plant.model import Plant, Source
from core.ports import BatchSink, Clock
from core.samples.records import SpoolRow

log = logging.getLogger(__name__)

MOST_A_BATCH = 2000
"""Messages of one append: a whole window of an MQTT 5 broker, so that one disk sync opens it again."""
BEAT_S = 0.8
"""A heartbeat at least once a second is promised; the rest is for a busy machine."""
BLOCKED_S = 60.0
"""With the spool refusing for longer, the connection is ended, so that the broker queues for our session."""
RETRY_FIRST_S = 0.2
RETRY_MOST_S = 5.0
"""A disk that has room again is used again within seconds."""
WATCH_S = 1.0


class MqttCollector:
    """See the module's invariants. The settings must have no complaints (collectors.mqtt.settings.complaints)."""

    def __init__(self, plant: Plant, source: Source, sink: BatchSink, clock: Clock, beat_s: float = BEAT_S) -> None:
        """`beat_s`: real time between two heartbeats; less where scenario time runs as fast as it is collected."""
        self._beat_s = beat_s
        self._inbox: Inbox | None = None
        self._source = source
        self._sink = sink
        self._clock = clock
        self._settings = source_settings(source)
        self._routes = build_routes(plant, source)
        state = sink.source_state(source.name)
        self._intake = Intake(plant, source, self._settings, self._routes, clock.scale(), state)
        self._connection: Connection | None = None
        self._version: Version = "3.1.1" if self._settings.mqtt_version == "3.1.1" else "5"
        self._version_works = False
        self._epoch = 0
        self._stored = 0
        self._trouble = ""
        self._storable = asyncio.Event()

    def status(self) -> SourceStatus:
        """The source now."""
        connection, intake = self._connection, self._intake
        return SourceStatus(
            source=self._source.name,
            connected=connection is not None and connection.proven(),
            ready=connection is not None and connection.ready(),
            received=intake.received,
            stored=self._stored,
            rejected=intake.rejected,
            note=self._trouble or intake.note(),
            unmapped=intake.unmapped,
        )

    @property
    def arrived(self) -> int:
        """Messages that have come since the start, each with its instant of arrival; most are not stored yet."""
        return 0 if self._inbox is None else self._inbox.arrived

    async def run(self) -> None:
        """Collect until cancelled."""
        self._inbox = inbox = Inbox(asyncio.get_running_loop())
        self._storable.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_connected(inbox))
            tasks.create_task(self._keep_storing(inbox))

    async def _keep_connected(self, inbox: Inbox) -> None:
        backoff = Backoff()
        while True:
            await self._storable.wait()
            connection = self._new_connection(inbox)
            try:
                await connection.open(self._routes.filters, probing=self._guessing() and self._version == "5")
                self._connection, self._trouble, self._version_works = connection, "", True
                log.info("%s: connected with MQTT %s", self._source.name, connection.version)
                backoff.reset()
                await self._watch(connection)
            except SourceError as wrong:
                if self._older_version(wrong):
                    continue
                self._tell(str(wrong))
            finally:
                self._connection = None
                await connection.close()
            await asyncio.sleep(backoff.next())

    def _new_connection(self, inbox: Inbox) -> Connection:
        self._epoch += 1
        return Connection(self._settings, self._version, self._epoch, inbox, self._clock.now_us)

    async def _watch(self, connection: Connection) -> None:
        """Wait until the connection is over; raises SourceError with the reason."""
        while not connection.lost.is_set():
            with contextlib.suppress(TimeoutError):  # the usual end of a wait: then we look again
                async with asyncio.timeout(WATCH_S):
                    await connection.lost.wait()
            if not connection.proven():
                connection.give_up("the broker does not answer any more")
        raise SourceError(connection.why_lost)

    def _guessing(self) -> bool:
        return self._settings.mqtt_version == "auto" and not self._version_works

    def _older_version(self, wrong: SourceError) -> bool:
        """True if it is worth trying at once with MQTT 3.1.1; after that fails too, the next attempt is with 5."""
        if not self._guessing() or not isinstance(wrong, VersionError):
            return False
        self._version = "3.1.1" if self._version == "5" else "5"
        return self._version == "3.1.1"

    async def _keep_storing(self, inbox: Inbox) -> None:
        beat_s = time.monotonic() + self._beat_s
        while True:
            with contextlib.suppress(TimeoutError):  # the usual end of a wait: then we look again
                async with asyncio.timeout(max(0.0, beat_s - time.monotonic())):
                    await inbox.filled.wait()
            items = inbox.take(MOST_A_BATCH)
            self._digest(items)
            if time.monotonic() >= beat_s and not len(inbox):
                beat_s = time.monotonic() + self._beat_s
                self._beat()
            rows, samples = self._intake.take_rows(self._clock.now_us())
            if rows:
                await self._store(rows)
            self._stored += samples
            _acknowledge(items)

    def _digest(self, items: Sequence[Raw | Opened]) -> None:
        for item in items:
            if isinstance(item, Raw):
                self._intake.message(item.message)
            else:
                self._intake.connected(item.at_us, session_present=item.session_present)

    def _beat(self) -> None:
        connection = self._connection
        if connection is not None and connection.complete():
            self._intake.beat(self._clock.now_us())

    async def _store(self, rows: Sequence[SpoolRow]) -> None:
        """Return when the rows are on disk, however long it takes."""
        state = {self._source.name: self._intake.state()}
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        since_s = time.monotonic()
        trouble = ""
        while True:
            try:
                await self._sink.append(rows, state)
                break
            except SpoolError as wrong:
                trouble = f"nothing is acknowledged to the broker, because the spool refuses: {wrong}"
                self._tell(trouble)
            if time.monotonic() - since_s > BLOCKED_S:
                self._block()
            await asyncio.sleep(backoff.next())
        self._storable.set()
        if trouble and self._trouble == trouble:
            self._trouble = ""

    def _block(self) -> None:
        self._storable.clear()
        if self._connection is not None:
            self._connection.give_up("the spool has refused for too long; the broker keeps what comes now")

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            log.warning("%s: %s", self._source.name, trouble)
        self._trouble = trouble


def _acknowledge(items: Sequence[Raw | Opened]) -> None:
    for item in items:
        if isinstance(item, Raw) and item.qos == 1:
            item.connection.ack(item.mid, item.qos)
