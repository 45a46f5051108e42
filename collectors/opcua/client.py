"""The OPC UA collector: connects for ever, watches every wanted item, hands what is published to the intake.

Invariants:
- a notification is acknowledged only by a Publish request sent after the intake returned its number;
- what is wanted is kept here, not in the library, and compared with what is watched after every connect;
- at most `OUTSTANDING` notifications are in memory: while the spool is blocked, the server keeps the rest.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from asyncua import ua
from asyncua.ua.uaerrors import BadTimeout, BadTooManyPublishRequests, UaError, UaStatusCodeError

from collectors.backoff import Backoff
from collectors.clockwatch import ClockWatch
from collectors.opcua.addresses import Place, parse_address
from collectors.opcua.continuity import Continuity, Kept, read_kept
from collectors.opcua.decode import Item, reader
from collectors.opcua.intake import Intake, Link
from collectors.opcua.resolve import resolve
from collectors.opcua.session import Limits, Session
from collectors.opcua.settings import MachineSettings, address_of, source_settings
from collectors.status import SourceStatus
from core.errors import BrokenPromise, SourceError
from core.plant.model import Plant, Source
from core.ports import BatchSink, Clock
from core.vocabulary import Cause

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

OUTSTANDING = 2
"""Publish requests under way: with one, every notification would wait for a round trip."""
SHOWN = 3
"""Missing items named in the status note."""


class OpcUaCollector:
    """One OPC UA server of a plant. `run` until cancelled; `status` at any time."""

    def __init__(
        self,
        plant: Plant,
        source: Source,
        sink: BatchSink,
        clock: Clock,
        limits: Limits | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Raises pydantic's ValidationError for settings that `complaints` would have refused."""
        self._plant, self._source, self._sink, self._clock = plant, source, sink, clock
        self._settings = source_settings(source)
        self._limits = limits or Limits()
        self._rng = rng
        self._items, self._places = _wanted(plant, source)
        self._handles = {item: handle for handle, item in enumerate(self._items)}
        kept = _read_kept(sink, source.name)
        names = {index: plant.machines[index].name for index in plant.machines_of(source.name)}
        self._continuity = Continuity(kept, names)
        self._watch = ClockWatch(
            scale=clock.scale(),
            trusted=self._settings.clock == "trusted",
            offset_us=kept.last.offset_us if kept else None,
        )
        self._intake = Intake(
            source.name, plant.hash, self._items, sink, clock, self._watch, self._continuity, self._limits.settle_s
        )
        self._once_live: set[Item] = set()
        self._link: Link | None = None
        self._trouble = "not connected yet"

    def status(self) -> SourceStatus:
        """What is true now; `ready` means that nothing wanted is missing."""
        link = self._link
        missing = self._missed(link) if link else []
        return SourceStatus(
            source=self._source.name,
            connected=link is not None,
            ready=link is not None and not missing,
            received=self._intake.received,
            stored=self._intake.stored,
            rejected=self._intake.rejected,
            note=self._note(link, missing),
        )

    async def run(self) -> None:
        """Collect until cancelled; trouble outside is noted in `status` and tried again with growing pauses."""
        backoff = Backoff(self._limits.first_pause_s, self._limits.most_pause_s, self._rng)
        while True:
            try:
                await self._collect(backoff)
            except BrokenPromise:
                raise
            except (OSError, TimeoutError, SourceError, UaError) as error:
                self._failed(error)
            except Exception as error:
                # The library raises bare exceptions for answers that it cannot parse.
                log.exception("%s: the session ended with an unexpected error", self._source.name)
                self._failed(error)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # the library turned our cancellation into an error of its own
            await asyncio.sleep(backoff.next())

    def _failed(self, error: Exception) -> None:
        lost = isinstance(error, UaStatusCodeError)
        self._continuity.broke(Cause.SESSION_LOST if lost else Cause.DISCONNECTED)
        self._trouble = f"{self._settings.endpoint}: {error or type(error).__name__}"
        log.warning("%s: %s; trying again", self._source.name, self._trouble)

    async def _collect(self, backoff: Backoff) -> None:
        """One connection from its opening to its end, which is always an exception."""
        session = Session(self._settings, self._limits)
        asked: set[asyncio.Task[ua.PublishResult]] = set()
        polite = True
        try:
            await session.open()
            link = Link(session, await session.subscribe(), asyncio.get_running_loop().time())
            self._link = link
            await self._complete(link, self._items)
            await self._pump(link, backoff, asked)
        except (OSError, TimeoutError):
            polite = False
            raise
        finally:
            self._link = None
            await session.close(polite)
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _complete(self, link: Link, items: Sequence[Item]) -> None:
        """Look up and watch items that are not watched; what fails is missing until the next try."""
        link.retry_at = asyncio.get_running_loop().time() + self._limits.retry_s
        namespaces = await link.session.namespaces()
        nodes = await resolve((self._places[item] for item in items), namespaces, link.session.children)
        link.missing |= {item: node for item, node in zip(items, nodes, strict=True) if isinstance(node, str)}
        found = [(item, node) for item, node in zip(items, nodes, strict=True) if isinstance(node, ua.NodeId)]
        link.awaiting.update(item for item, _ in found)
        answers = await link.session.monitor(link.subscription, [(self._handles[item], node) for item, node in found])
        for (item, _), answer in zip(found, answers, strict=True):
            if answer:
                link.missing[item] = answer
            else:
                link.missing.pop(item, None)
                link.live.add(item)
        self._once_live |= link.live
        if missed := self._missed(link):
            log.warning("%s: %s", self._source.name, self._note(link, missed))

    async def _pump(self, link: Link, backoff: Backoff, asked: set[asyncio.Task[ua.PublishResult]]) -> None:
        """Keep `OUTSTANDING` Publish requests under way (`asked`) and store their answers in the order of arrival."""
        answers: asyncio.Queue[asyncio.Task[ua.PublishResult]] = asyncio.Queue()

        def ask(acknowledged: Sequence[int]) -> None:
            task = asyncio.create_task(link.session.publish(link.subscription, acknowledged))
            asked.add(task)
            task.add_done_callback(answers.put_nowait)

        for _ in range(OUTSTANDING):
            ask([])
        while True:
            task = await _within(answers.get(), link.subscription.silent_s)
            asked.discard(task)
            try:
                result = task.result()
            except BadTooManyPublishRequests:
                if not asked:
                    raise
                continue
            except BadTimeout:
                ask([])
                continue
            ask(await self._intake.take(link, result))
            backoff.reset()
            if link.missing and asyncio.get_running_loop().time() >= link.retry_at:
                await self._complete(link, list(link.missing))

    def _missed(self, link: Link) -> list[Item]:
        """Items that should be watched and are not; an optional one is missed only if it was there before."""
        return [item for item in link.missing if not item.address.optional or item in self._once_live]

    def _note(self, link: Link | None, missed: Sequence[Item]) -> str:
        if link is None:
            return self._trouble
        parts = [self._intake.blocked] if self._intake.blocked else []
        if missed:
            shown = ", ".join(f"{item.name} ({link.missing[item]})" for item in missed[:SHOWN])
            more = ", …" if len(missed) > SHOWN else ""
            parts.append(f"{len(missed)} of {len(self._items)} items are missing: {shown}{more}")
        if self._watch.suspect:
            parts.append("the server's clock is off and not used")
        if self._intake.unmapped:
            parts.append(f"{self._intake.unmapped} values have no word in the mapping")
        return "; ".join(parts)


def _wanted(plant: Plant, source: Source) -> tuple[list[Item], dict[Item, tuple[Place, Place]]]:
    """Every signal of every machine of the source, and where it is: (machine's object, path from there)."""
    places: dict[Item, tuple[Place, Place]] = {}
    for index, machine in plant.served(source.name).items():
        root = parse_address(MachineSettings.model_validate(dict(machine.mapping)).path)
        for name in machine.signals:
            position = plant.signal_index.get(name)
            if position is None:
                continue
            address = address_of(machine, name)
            read = reader(plant.signals[position].meaning, address)
            item = Item(index, position, f"{machine.name} {name}", address, read)
            places[item] = (root, parse_address(address.path))
    return list(places), places


def _read_kept(sink: BatchSink, source: str) -> Kept | None:
    try:
        return read_kept(sink.source_state(source))
    except ValueError as error:
        log.error("%s: its kept state is damaged, the last proof of life is lost (%s)", source, error)
        return None


async def _within(answer: Coroutine[Any, Any, Answer], limit_s: float) -> Answer:
    try:
        async with asyncio.timeout(limit_s):
            return await answer
    except TimeoutError as error:
        raise TimeoutError(f"no publish answer for {limit_s:g} s") from error
