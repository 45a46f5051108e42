"""Meters: what is wrong is said from values and an instant alone; figures have the names and units of the field."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from collectors.status import SourceStatus
from core.engine.stream import Stream
from core.errors import DatabaseError
from core.facts.schema import Frontier
from core.plant.model import Plant
from core.units import SECOND_US
from stanok import meters
from stanok.meters import CollectorMeter, EngineMeter, Meter, Spool
from storage.spool import SpoolWriter
from tests.stanok.conftest import TUESDAY_US

READY = SourceStatus("hall", connected=True, ready=True, received=10, stored=9, rejected=1, note="")


class Standing:
    """A clock that stands."""

    def __init__(self, now_us: int) -> None:
        self._now_us = now_us

    def now_us(self) -> int:
        return self._now_us

    def from_real_us(self, _real_us: int) -> int:
        return self._now_us

    def scale(self) -> float:
        return 1.0


class Seconds:
    """Real time that the test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def engine(plant: Plant, seconds: Seconds) -> EngineMeter:
    return EngineMeter(plant, Standing(TUESDAY_US + 5 * SECOND_US), seconds)


@pytest.fixture
def spool(tmp_path: Path) -> Any:
    path = tmp_path / "collect.spool"
    with SpoolWriter(path) as writer:
        yield Spool(writer, path)


def figures(meter: Meter) -> dict[str, float]:
    """Name with labels -> value, as Prometheus reads it."""
    text = generate_latest(meter.registry).decode()
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation, family.name
        for sample in family.samples:
            found[sample.name + "".join(f"/{value}" for value in sample.labels.values())] = sample.value
    return found


def test_an_engine_is_well_only_once_the_database_has_answered(engine: EngineMeter) -> None:
    assert engine.complaints() == ["the engine waits: not connected to the database yet"]
    engine.connected()
    assert engine.complaints() == []
    engine.failed(DatabaseError("PostgreSQL could not commit: no"))
    assert engine.complaints() == ["the engine waits: PostgreSQL could not commit: no"]
    assert figures(engine)["stanok_commit_failures_total"] == 1


def test_an_engine_that_cannot_commit_is_sick_after_half_a_minute(engine: EngineMeter, seconds: Seconds) -> None:
    engine.connected()
    seconds.now += meters.STUCK_S
    assert engine.complaints() == []
    seconds.now += 1
    assert "no commit was possible for 31 s" in engine.complaints()[0]
    engine.idle()
    assert engine.complaints() == []


def test_an_engine_measures_its_commits_its_lag_and_its_gaps(engine: EngineMeter, plant: Plant) -> None:
    lathe = plant.machines[0].name
    changes = replace(
        Stream(plant).collect(1.0),
        tick_us=TUESDAY_US,
        live=[SimpleNamespace(machine=0, as_of_us=TUESDAY_US - 3 * SECOND_US)],
        frontiers=[Frontier(0, 1, -1, -1, -1, TUESDAY_US), Frontier(1, 1, -1, -1, -1, -1)],
    )
    engine.connected()
    engine.committed(changes, 0.2)
    found = figures(engine)
    assert found["stanok_commit_seconds_count"] == 1
    assert found["stanok_commit_seconds_sum"] == pytest.approx(0.2)
    assert found["stanok_tick_age_seconds"] == 5
    assert found[f"stanok_lag_seconds/{lathe}"] == 3
    assert found[f"stanok_gap_open/{lathe}"] == 1
    assert found[f"stanok_gap_open/{plant.machines[1].name}"] == 0
    assert found["stanok_quarantine_total"] == 0
    assert engine.facts()["gaps"] == [lathe]
    engine.committed(replace(changes, frontiers=[Frontier(0, 1, -1, -1, -1, -1)]), 0.2)
    assert engine.facts()["gaps"] == []


def test_a_collector_is_well_if_its_sources_are_ready_or_explained(seconds: Seconds, spool: Spool) -> None:
    meter = CollectorMeter(seconds)
    assert "has not looked" in meter.complaints()[0]
    meter.looked([READY, replace(READY, source="b", ready=False, note="the server refuses us")], spool)
    assert meter.complaints() == []
    assert meter.facts() == {"sources": {"hall": "ready", "b": "the server refuses us"}}
    meter.looked([replace(READY, ready=False)], spool)
    assert meter.complaints() == ["hall is not ready and nobody says why"]
    seconds.now += 11
    assert "has said nothing for 11 s" in meter.complaints()[0]


def test_a_collector_measures_its_sources_and_its_spool(seconds: Seconds, spool: Spool) -> None:
    meter = CollectorMeter(seconds)
    meter.looked([READY], spool)
    found = figures(meter)
    assert [found[f"stanok_{name}/hall"] for name in ("samples_total", "samples_stored_total")] == [10, 9]
    assert found["stanok_source_ready/hall"] == 1
    assert found["stanok_spool_bytes"] > 0
    assert found["stanok_spool_free_bytes"] > 0
    assert found["stanok_spool_pending_records"] == 0


def test_a_disk_that_is_nearly_full_is_said(seconds: Seconds, spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    # Typed, which a def of one line is not here.
    usage: Callable[..., Any] = lambda _path: SimpleNamespace(free=5_000_000)  # noqa: E731  # one line beside its use
    monkeypatch.setattr(meters.shutil, "disk_usage", usage)
    meter = CollectorMeter(seconds)
    meter.looked([READY], spool)
    assert "has 5 MB left" in meter.complaints()[0]
