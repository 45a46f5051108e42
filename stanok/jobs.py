"""Work on what is stored, asked for by a person."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich.console import Console

from core.errors import InputError
from core.plant.model import Plant
from core.units import us_from_datetime
from stanok.database import address
from stanok.settings import Settings
from storage.pg.connect import connect
from storage.pg.requests import ask_again, waiting
from storage.pg.retention import add_chunks, compress_chunks, forget, index_chunks
from storage.pg.revision import Verdict, seal
from storage.pg.revision import verify as verify_seals
from storage.pg.rollup import differences

_LOOK_S = 1.0


def recompute(plant: Plant, dsn: str, since: str, until: str, names: Sequence[str], wait: bool) -> None:
    """Ask the engine to fold [since, until) of the named machines again, or of all; with `wait` until it is done.

    Times without a zone are those of each machine's site. Raises InputError for what cannot be read.
    """
    strangers = sorted(set(names) - set(plant.machine_index))
    if strangers:
        raise InputError(f"--machine {strangers[0]}: the plant file has no such machine")
    machines = [plant.machine_index[name] for name in names] or list(range(len(plant.machines)))
    asked = 0
    with connect(dsn, "stanok recompute") as connection:
        for site in sorted({plant.machines[machine].site for machine in machines}):
            zone = ZoneInfo(plant.sites[site].zone)
            first, last = instant(since, zone, "--from"), instant(until, zone, "--to")
            if first >= last:
                raise InputError(f"--from {since} is not before --to {until}")
            there = [machine for machine in machines if plant.machines[machine].site == site]
            asked += ask_again(connection, plant, first, last, there)
        print(f"{asked} machines are to be folded again; the engine does it beside its work")
        if not wait or not asked:
            return
        with Console(stderr=True).status("waiting for the engine") as shown:
            while (left := waiting(connection, plant, machines)) > 0:
                shown.update(f"{left} machines to go")
                time.sleep(_LOOK_S)
    print("done")


def maintain(settings: Settings) -> bool:
    """Seal, compare the sums, remove what is old, make chunks ahead, index what has closed; False if a sum is wrong.

    In this order: a day is sealed and compared before its minutes go.
    """
    keep = settings.keep
    with address(settings) as dsn, connect(dsn, "stanok maintain") as connection:
        print(f"{seal(connection)} seals were added")
        wrong = differences(connection)
        for found in wrong:
            print(
                f"{found.table}: {found.machine}, {found.period}: {found.column} is {found.stored},"
                f" its minutes make {found.minutes}"
            )
        print("sums of hours, shifts and days are NOT those of their minutes" if wrong else "all sums are right")
        gone = forget(connection, timedelta(days=keep.past_days), timedelta(days=keep.events_days))
        print(
            f"removed: {gone.minutes} rows of minutes, {gone.snapshots} snapshots,"
            f" {gone.gauges} and {gone.events} chunks or rows of gauges and events"
        )
        made = len(list(add_chunks(connection)))
        if made:
            print(f"{made} chunks were made for what comes")
        for name in index_chunks(connection):
            print(f"indexed {name}")
        for name in compress_chunks(connection):
            print(f"compressed {name}")
    return not wrong


def verify(settings: Settings, seal_first: bool, root: str | None) -> bool:
    """Say what became of the sealed days; False if something is not the engine's own work."""
    try:
        noted = None if root is None else bytes.fromhex(root)
    except ValueError:
        raise InputError(f"--root: {root!r} is not a hash that this command printed") from None
    with address(settings) as dsn, connect(dsn, "stanok verify") as connection:
        if seal_first:
            print(f"{seal(connection)} seals were added")
        report = verify_seals(connection, noted)
    old = sum(found.verdict is Verdict.FORGOTTEN for found in report.findings)
    for found in report.findings:
        if found.verdict is not Verdict.FORGOTTEN:
            print(f"{found.machine} {found.day}: {found.verdict}: {found.why}")
    if old:
        print(f"{old} sealed days are older than the minutes that are kept, and cannot be compared any more")
    for sentence in report.broken:
        print(sentence)
    verdict = "as the engine left them" if report.honest else "NOT as the engine left them"
    print(f"{report.days} sealed days, {report.seals} seals, results {verdict}; note elsewhere: {report.root.hex()}")
    return report.honest


def instant(text: str, zone: ZoneInfo, option: str) -> int:
    """UTC µs of an ISO 8601 time; one without a zone is in `zone`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{option}: {text!r} is not a time like 2026-03-02T06:00") from None
    return us_from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=zone))
