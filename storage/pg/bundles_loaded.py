"""At the ministry: whose keys are trusted, and bundles into tables, each wholly or not at all.

Invariants: nothing is loaded that a trusted key of the plant it names did not sign; bundles of a plant are loaded in
the order of their chain, so a missing one is noticed and not stepped over; the same bundle twice is one; a file that
is not taken is noted with the reason and stops no other file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.errors import InputError
from core.facts.schema import REPORTED
from core.units import natural_id
from storage.bundle import FIRST, Opened, named_plant, opened
from storage.pg.connect import Connection, database_errors

_LOCK = 0x42554E45  # "BUND" + 1
_AHEAD = timedelta(days=1)
"""What comes from the future would make all other plants late."""


class Taken(StrEnum):
    """What became of a file."""

    LOADED = "loaded"
    ALREADY = "was loaded before"
    REFUSED = "refused"


@dataclass(frozen=True)
class Answer:
    """What became of a file. `why` completes "FILE …" where it was refused, otherwise it is empty."""

    file: str
    taken: Taken
    plant: str = ""
    number: int = 0
    results: int = 0
    revised: int = 0
    why: str = ""


def trust(connection: Connection, site: str, key: bytes, now: datetime) -> None:
    """From now on this key may sign for the plant, too."""
    with database_errors("trust a key"), connection.transaction():
        ensure_site(connection, site)
        connection.execute(
            "insert into stanok.bundle_key values (%s, %s, %s, null)"
            " on conflict (site, key) do update set trusted_time = excluded.trusted_time, revoked_time = null",
            [site, key, now],
        )


def revoke(connection: Connection, site: str, key: bytes, now: datetime) -> None:
    """From now on nothing that this key signed is loaded; what was loaded stays."""
    with database_errors("revoke a key"):
        changed = connection.execute(
            "update stanok.bundle_key set revoked_time = %s where site = %s and key = %s and revoked_time is null",
            [now, site, key],
        )
    if not changed.rowcount:
        raise InputError(f"{site} has no trusted key {key.hex()}")


def load(connection: Connection, files: Sequence[tuple[str, bytes]], now: datetime) -> list[Answer]:
    """Take in files (name, content), those of one plant in the order of their numbers; one answer a file."""
    answers: dict[int, Answer] = {}
    ready: list[tuple[str, int, int, Opened]] = []
    for place, (name, content) in enumerate(files):
        try:
            found = opened(content)
        except InputError as error:
            answers[place] = _refuse(connection, name, named_plant(content), str(error), now)
        else:
            ready.append((found.bundle.plant, found.bundle.number, place, found))
    for plant, number, place, found in sorted(ready, key=lambda item: item[:3]):
        name = files[place][0]
        try:
            answers[place] = _take(connection, name, found, now)
        except InputError as error:
            answers[place] = _refuse(connection, name, plant, str(error), now, number)
    return [answers[place] for place in range(len(files))]


def _refuse(connection: Connection, file: str, plant: str, why: str, now: datetime, number: int = 0) -> Answer:
    with database_errors("note a refusal"):
        connection.execute(
            "insert into stanok.bundle_refused (file, site, why, refused_time) values (%s, %s, %s, %s)",
            [file, plant, why, now],
        )
    return Answer(file, Taken.REFUSED, plant, number, why=why)


def _take(connection: Connection, file: str, found: Opened, now: datetime) -> Answer:
    bundle = found.bundle
    revised = sum(result.revision > 1 for result in bundle.results)
    with database_errors("load a bundle"), connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
        known = _check(connection, found, now)
        if not known:
            _insert(connection, file, found, revised, now)
    taken = Taken.ALREADY if known else Taken.LOADED
    return Answer(file, taken, bundle.plant, bundle.number, len(bundle.results), revised)


def _check(connection: Connection, found: Opened, now: datetime) -> bool:
    """Whether it was loaded before; InputError if it cannot be loaded."""
    bundle = found.bundle
    if bundle.made > now + _AHEAD:
        raise InputError(
            f"was made at {bundle.made:%Y-%m-%d %H:%M} UTC, which is still to come; one of the clocks is wrong"
        )
    key = connection.execute(
        "select revoked_time from stanok.bundle_key where site = %s and key = %s", [bundle.plant, found.key]
    ).fetchone()
    if key is None:
        raise InputError(f"is signed by the key {found.key.hex()}, which nobody has said to be the plant's")
    if key[0] is not None:
        raise InputError(f"is signed by the key {found.key.hex()}, which was revoked")
    rows = connection.execute("select number, hash from stanok.bundle where site = %s", [bundle.plant])
    loaded = {number: bytes(digest) for number, digest in rows}
    if bundle.number in loaded:
        if loaded[bundle.number] != found.hash:
            raise InputError("is not the bundle with this number that was loaded before")
        return True
    last = max(loaded, default=0)
    if bundle.number != last + 1:
        raise InputError(
            f"follows bundle {bundle.number - 1}, which was not loaded; ask the plant for bundle {last + 1}"
        )
    if bytes.fromhex(bundle.previous) != loaded.get(last, FIRST):
        raise InputError("does not follow from the bundle before it, which was loaded")
    return False


def _insert(connection: Connection, file: str, found: Opened, revised: int, now: datetime) -> None:
    bundle, site, number = found.bundle, found.bundle.plant, found.bundle.number
    ensure_site(connection, site, bundle.title, bundle.zone)
    days = [result.day for result in bundle.results]
    connection.execute(
        b"insert into stanok.bundle values (" + b", ".join([b"%s"] * 15) + b")",
        [
            *(site, number, found.hash, bytes.fromhex(bundle.previous), found.key, bundle.made),
            *(min(days, default=None), max(days, default=None), len(days), revised, bundle.pseudonyms),
            *(bundle.definition, bundle.software, file, now),
        ],
    )
    cursor = connection.cursor()
    cursor.executemany(
        "insert into stanok.plant_machine values (%s, %s, %s, %s, %s) on conflict (site, machine) do update"
        " set title = excluded.title, area = excluded.area, bundle = excluded.bundle",
        [(site, machine.name, machine.title, machine.area, number) for machine in bundle.machines],
    )
    cursor.executemany(
        "insert into stanok.plant_standard values (%s, %s, %s, %s, %s, %s) on conflict do nothing",
        [(site, x.part, x.valid_from, x.pri_us, x.provenance, number) for x in bundle.standards],
    )
    _check_revisions(connection, found)
    keys = [(r, (site, r.machine, r.day, r.shift, r.revision)) for r in bundle.results]
    counts = "failures, repaired, repair_us, told, told_late, scrap_told"
    _copy(
        connection,
        f"plant_shift (site, machine, day, shift, revision, bundle, start_time, end_time, {counts})",
        (
            (*key, number, r.start, r.end, r.failures, r.repaired, r.repair_us, r.told, r.told_late, r.scrap_told)
            for r, key in keys
        ),
    )
    _copy(
        connection,
        f"plant_result (site, machine, day, shift, revision, part, {', '.join(REPORTED)})",
        ((*key, made.part, *made.sums) for r, key in keys for made in r.made),
    )
    _copy(
        connection,
        "plant_lost (site, machine, day, shift, revision, class, lost_us)",
        ((*key, lost.cause, lost.us) for r, key in keys for lost in r.lost),
    )


def _check_revisions(connection: Connection, found: Opened) -> None:
    """Revisions follow each other, or the plant has lost count of what it sent."""
    site, results = found.bundle.plant, found.bundle.results
    rows = connection.execute(
        "select machine, day, shift, max(revision) from stanok.plant_shift where site = %s and day = any (%s)"
        " group by machine, day, shift",
        [site, sorted({result.day for result in results})],
    )
    last = {(machine, day, shift): revision for machine, day, shift, revision in rows}
    for result in results:
        if result.revision != last.get(result.key, 0) + 1:
            raise InputError(
                f"has revision {result.revision} of {result.machine} {result.day} {result.shift},"
                f" after revision {last.get(result.key, 0)}; this does not follow"
            )


def _copy(connection: Connection, target: str, rows: Iterable[tuple[object, ...]]) -> None:
    with connection.cursor().copy(f"copy stanok.{target} from stdin".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def ensure_site(connection: Connection, site: str, title: str = "", zone: str = "") -> None:
    """The site that views cut by, made where it is not there; a plant's own file always has the last word."""
    connection.execute(
        "insert into stanok.site (id, name, title, zone) values (%s, %s, %s, %s)"
        " on conflict (name) do update set title = excluded.title, zone = excluded.zone where %s",
        [natural_id("site", site), site, title or site, zone or "UTC", bool(title and zone)],
    )
