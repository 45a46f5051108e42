"""Gathering facts for the checks: disk, database, collector's status, servers, brokers, certificates.

Nothing is written anywhere, and no check stops the others: who cannot be asked becomes a finding of its own.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from collectors.mqtt.probe import greeted
from collectors.mqtt.settings import SourceSettings as MqttSettings
from collectors.opcua.probe import offered, wanted
from collectors.opcua.settings import SourceSettings as OpcUaSettings
from core.errors import InputError, SourceError, SpoolError, StanokError
from core.plant.model import Plant, Source
from core.ports import Clock
from core.units import datetime_from_us
from stanok.certificates import certificate_files, valid_until
from stanok.collect import STATUS, read_status
from stanok.doctor import checks
from stanok.doctor.checks import Finding, Level
from stanok.plantfile import calendar_notes
from storage.pg.condition import condition
from storage.pg.connect import connect
from storage.spool_file import spool_paths
from storage.spool_survey import Survey, survey


def examine(directory: Path, dsn: str | None, clock: Clock, plant: Plant | None) -> Iterator[Finding]:
    """Every finding, in the order of a person's questions; sources only if there is a plant file."""
    yield from _spools(directory, clock.scale())
    yield from _database(dsn, clock)
    yield from _collector(directory)
    for note in calendar_notes(plant, clock.now_us()) if plant else ():
        yield Finding(Level.WARNING, "calendar", note)
    for source in plant.sources if plant else ():
        yield from _source(source)


def _spools(directory: Path, scale: float) -> Iterator[Finding]:
    place = next(path for path in (directory / "spool", *(directory / "spool").parents) if path.exists())
    found: list[Survey] = []
    for path in spool_paths(directory / "spool"):
        try:
            found.append(survey(path))
        except SpoolError as error:
            yield Finding(Level.FAULT, "spool", f"{error}: see to the disk, or move it aside")
    yield checks.disk(shutil.disk_usage(place).free, found, str(place), scale)
    yield from checks.backlog(found)


def _database(dsn: str | None, clock: Clock) -> Iterator[Finding]:
    if dsn is None:
        yield Finding(Level.WARNING, "database", "none is given: use --database or a settings file to look at it")
        return
    try:
        with connect(dsn, "stanok doctor") as connection:
            before = datetime.now(UTC)
            found = condition(connection)
            yield checks.database_clock(max(before, min(found.clock, datetime.now(UTC))), found.clock)
    except StanokError as error:
        yield Finding(Level.FAULT, "database", f"{error}: is it running, are address and password right?")
        return
    now = datetime_from_us(clock.now_us())
    yield checks.server(found)
    yield checks.migrations(found)
    if found.pending:
        return
    yield checks.engine(found, now, clock.scale())
    yield from checks.gaps(found, now)
    yield from checks.quarantine(found)
    yield from checks.contradictions(found, now, clock.scale())
    yield checks.late(found)
    yield from checks.source_clocks(found.offsets, clock.scale())


def _collector(directory: Path) -> Iterator[Finding]:
    path = directory / STATUS
    age_s = time.time() - path.stat().st_mtime if path.exists() else None
    yield from checks.collector(read_status(directory), age_s)


def _source(source: Source) -> Iterator[Finding]:
    try:
        if source.protocol == "opcua":
            yield from _opcua(source)
        elif source.protocol == "mqtt":
            yield from _mqtt(source)
        yield from _certificates(source)
    except InputError as error:
        yield Finding(Level.FAULT, "source", f"{source.name}: {error}")


def _opcua(source: Source) -> Iterator[Finding]:
    settings = OpcUaSettings.model_validate(dict(source.settings))
    policies, trouble = None, ""
    try:
        policies = asyncio.run(offered(settings))
    except SourceError as error:
        trouble = str(error)
    yield checks.opcua(source.name, wanted(settings), policies, trouble)


def _mqtt(source: Source) -> Iterator[Finding]:
    settings = MqttSettings.model_validate(dict(source.settings))
    version, name, trouble = None, None, ""
    try:
        version, name = greeted(settings)
    except (SourceError, OSError) as error:
        trouble = str(error)
    yield checks.broker(source.name, version, name, trouble)


def _certificates(source: Source) -> Iterator[Finding]:
    for path in certificate_files(source):
        yield checks.certificate(source.name, str(path), valid_until(path), datetime.now(UTC))
