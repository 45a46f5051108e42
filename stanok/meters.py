"""What collector and engine measure of themselves: figures for /metrics, and the sentences of /healthz.

A meter is written by the working loop and read by the health server's thread; each value is replaced as a whole, so no
lock is needed. Whether something is wrong is judged from values and an instant alone. Ages are real seconds since the
value was written; lags are scenario time, like everything boards show.
"""

from __future__ import annotations

import shutil
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from prometheus_client import Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from collectors.status import SourceStatus
from core.facts.schema import Changes
from core.plant.model import Plant
from core.ports import Clock
from storage.spool import SpoolWriter
from storage.spool_file import beside, read_ack

STUCK_S = 30.0
"""Commits come every second; the commit watchdog gives a server as long (stanok/pipeline.py)."""
LOOP_S = 10.0
"""The collector's loop writes its status twice a second."""
LEAST_FREE_BYTES = 64_000_000
"""Room in which a busy plant fills its spool for some minutes: time to react before sources have to wait."""

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Meter(Collector):
    """What the health server asks."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.registry = CollectorRegistry()

    @abstractmethod
    def complaints(self) -> list[str]:
        """One sentence for each thing that keeps the process from its job; empty when it does its job."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What /healthz tells besides."""


class EngineMeter(Meter):
    """The engine tells `connected`, `committed`, `idle` and `failed`."""

    def __init__(self, plant: Plant, clock: Clock, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now)
        self._clock = clock
        self._names = [machine.name for machine in plant.machines]
        self._turned = now()
        self._trouble: str | None = "not connected to the database yet"
        self._tick_us: int | None = None
        self._as_of: dict[int, int] = {}
        self._open_gaps: dict[tuple[int, int], bool] = {}
        make: dict[str, Any] = {"registry": self.registry, "namespace": "stanok"}
        self._seconds = Histogram(
            "commit_seconds", "Time to fold what is due and to commit it", buckets=_BUCKETS, **make
        )
        self._samples = Counter("committed_samples", "Samples written to the database", **make)
        self._quarantine = Counter("quarantine", "Payloads that could not be decoded, written to quarantine", **make)
        self._late = Counter("late_stretches", "Stretches of the past for which late data arrived", **make)
        self._failures = Counter("commit_failures", "Times that database or spool failed the engine", **make)
        self.registry.register(self)

    def connected(self) -> None:
        """The database answers and what it holds is read."""
        self._trouble, self._turned = None, self._now()

    def idle(self) -> None:
        """A commit was due and there was nothing to write."""
        self._turned = self._now()

    def committed(self, changes: Changes, seconds: float) -> None:
        """A commit that took `seconds` is in the database."""
        self._turned, self._tick_us = self._now(), changes.tick_us
        self._as_of |= {live.machine: live.as_of_us for live in changes.live}
        self._open_gaps |= {(f.machine, f.source_id): f.gap_from_us >= 0 for f in changes.frontiers}
        self._seconds.observe(seconds)
        self._samples.inc(len(changes.raw.batch))
        self._quarantine.inc(len(changes.quarantine))
        self._late.inc(len(changes.late))

    def failed(self, error: Exception) -> None:
        """Database or spool failed; the engine tries again."""
        self._trouble = str(error)
        self._failures.inc()

    def complaints(self) -> list[str]:
        age = self._now() - self._turned
        if self._trouble:
            return [f"the engine waits: {self._trouble}"]
        return [f"no commit was possible for {age:.0f} s; see the engine's log"] if age > STUCK_S else []

    def facts(self) -> dict[str, Any]:
        open_gaps = [self._names[machine] for machine in sorted(self._machines_in_gap())]
        return {
            "last_commit_age_s": round(self._now() - self._turned, 1),
            "tick_age_s": self._tick_age(),
            "gaps": open_gaps,
        }

    def collect(self) -> Iterator[Metric]:
        yield build_info()
        yield gauge("database_connected", "1 while the database answers", float(self._trouble is None))
        yield gauge(
            "commit_age_seconds", "Since the last commit, or since one was due without news", self._now() - self._turned
        )
        if (age := self._tick_age()) is not None:
            yield gauge("tick_age_seconds", "Scenario time since the last tick in the database", age)
        lag = GaugeMetricFamily(
            "stanok_lag_seconds", "How far a machine's figures are behind the tick", labels=["machine"]
        )
        gap = GaugeMetricFamily("stanok_gap_open", "1 while data of a machine is missing", labels=["machine"])
        in_gap = self._machines_in_gap()
        for machine, as_of_us in self._as_of.items():
            lag.add_metric([self._names[machine]], max(0, (self._tick_us or 0) - as_of_us) / 1e6)
        for machine in {machine for machine, _ in self._open_gaps}:
            gap.add_metric([self._names[machine]], float(machine in in_gap))
        yield lag
        yield gap

    def _machines_in_gap(self) -> set[int]:
        return {machine for (machine, _), lasting in self._open_gaps.items() if lasting}

    def _tick_age(self) -> float | None:
        return (
            None if not self._tick_us or self._tick_us < 0 else round((self._clock.now_us() - self._tick_us) / 1e6, 3)
        )


class CollectorMeter(Meter):
    """The collector tells `looked` with every status it writes."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now)
        self._looked = now()
        self._statuses: Sequence[SourceStatus] = ()
        self._spool: Spool | None = None
        self.registry.register(self)

    def looked(self, statuses: Sequence[SourceStatus], spool: Spool) -> None:
        """The sources and the spool now."""
        self._statuses, self._spool, self._looked = statuses, spool, self._now()

    def complaints(self) -> list[str]:
        found = []
        age = self._now() - self._looked
        if age > LOOP_S:
            found.append(f"the collector's loop has said nothing for {age:.0f} s; restart it and report it")
        elif self._spool is None:
            found.append("the collector has not looked at its sources yet")
        found += [f"{s.source} is not ready and nobody says why" for s in self._statuses if not s.ready and not s.note]
        if self._spool is not None and (free := self._spool.free_bytes()) < LEAST_FREE_BYTES:
            found.append(
                f"the disk of {self._spool.path} has {free / 1e6:.0f} MB left: make room before sources must wait"
            )
        return found

    def facts(self) -> dict[str, Any]:
        return {"sources": {s.source: "ready" if s.ready else s.note for s in self._statuses}}

    def collect(self) -> Iterator[Metric]:
        yield build_info()
        yield gauge("status_age_seconds", "Since the collector last looked at its sources", self._now() - self._looked)
        for name, about, value in _OF_A_SOURCE:
            family = GaugeMetricFamily if name.startswith("source_") else CounterMetricFamily
            made = family(f"stanok_{name}", about, labels=["source"])
            for status in self._statuses:
                made.add_metric([status.source], float(value(status)))
            yield made
        if self._spool is not None:
            yield gauge("spool_bytes", "Size of the spool with its log", self._spool.size_bytes())
            yield gauge("spool_free_bytes", "Free space of the spool's disk", self._spool.free_bytes())
            yield gauge("spool_pending_records", "Spool rows that no database has yet", self._spool.pending())
            yield CounterMetricFamily("stanok_spool_commits", "Synced commits to the spool", self._spool.commits())


_OF_A_SOURCE: tuple[tuple[str, str, Callable[[SourceStatus], float]], ...] = (
    ("source_connected", "1 while the transport stands", lambda status: status.connected),
    ("source_ready", "1 while everything wanted is subscribed", lambda status: status.ready),
    ("samples", "Samples received since the start", lambda status: status.received),
    ("samples_stored", "Samples stored in the spool since the start", lambda status: status.stored),
    ("unmapped", "Messages for a machine that no signal maps, since the start", lambda status: status.unmapped),
    ("samples_rejected", "Payloads put into quarantine since the start", lambda status: status.rejected),
)


class Spool:
    """Figures of a spool that is being written."""

    def __init__(self, writer: SpoolWriter, path: Path) -> None:
        self._writer, self.path = writer, path

    def size_bytes(self) -> int:
        return spool_bytes(self.path)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.path.parent).free

    def pending(self) -> int:
        return max(0, self._writer.end() - read_ack(self.path, self._writer.spool_id))

    def commits(self) -> int:
        return self._writer.commits


def spool_bytes(path: Path) -> int:
    """Size of a spool's file and of its write-ahead log."""
    return sum(part.stat().st_size for part in (path, beside(path, "-wal")) if part.exists())


def gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"stanok_{name}", about, value)


def build_info() -> Metric:
    """The version of the program as a label, in the customary way."""
    try:
        found = version("stanok")
    except PackageNotFoundError:
        found = "unknown"
    return InfoMetricFamily("stanok_build", "Version of Stanok", {"version": found})
