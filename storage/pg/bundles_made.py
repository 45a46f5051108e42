"""In a plant: the bundles that it has signed, and the next one, with what is new or differs from what was sent.

Invariants: numbers rise by one and each bundle carries the hash of the one before; a bundle and what it says to have
sent are stored in one transaction, so that a file that was lost can be written again; names are pseudonyms in all
bundles of a site or in none, because a machine must not have two names at the ministry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from core.errors import InputError
from core.facts.schema import REPORTED
from storage.bundle import FIRST, Bundle, Machine, Made, Result, Standard, renamer, signed
from storage.pg.connect import Connection, database_errors
from storage.pg.results import machines, results, standards

_LOCK = 0x42554E44  # "BUND"
DEFINITION = "stanok-iso22400-1"
"""What board.kpi_shift names as the definition of its sums."""


@dataclass(frozen=True)
class Sent:
    """A bundle of this plant. `names`: real name by pseudonym, where there are any."""

    number: int
    content: bytes
    hash: bytes
    results: int
    names: Mapping[str, str]


def site_of(connection: Connection, site: str | None) -> str:
    """The site that is meant: the named one, or the only one there is."""
    with database_errors("look for sites"):
        known = [row[0] for row in connection.execute("select name from stanok.site order by name")]
    if site is None and len(known) == 1:
        return str(known[0])
    if site is None or site not in known:
        wanted = f"{site} is not here" if site else "must be named"
        raise InputError(f"--site {wanted}: the database has {', '.join(known) or 'none'}")
    return site


def again(connection: Connection, site: str, number: int) -> bytes:
    """The file of a bundle that was made before."""
    with database_errors("read a bundle"):
        row = connection.execute(
            "select content from stanok.bundle_made where site = %s and number = %s", [site, number]
        ).fetchone()
    if row is None:
        raise InputError(f"--number {number}: {site} has made no such bundle")
    return bytes(row[0])


def make(
    connection: Connection, site: str, key: Ed25519PrivateKey, software: str, *, pseudonyms: bool = False
) -> Sent | None:
    """Sign the next bundle and note it; None where nothing is new."""
    with database_errors("make a bundle"):
        connection.execute("select pg_advisory_lock(%s)", [_LOCK])  # before the transaction sees what there is
        try:
            with connection.transaction():
                connection.execute("set transaction isolation level repeatable read")
                return _make(connection, site, key, software, pseudonyms)
        finally:
            if not connection.broken:
                connection.execute("select pg_advisory_unlock(%s)", [_LOCK])


def _make(connection: Connection, site: str, key: Ed25519PrivateKey, software: str, pseudonyms: bool) -> Sent | None:
    number, previous = _last(connection, site, pseudonyms)
    made = connection.execute("select tick_time from stanok.engine_state").fetchone()
    names = machines(connection, site)
    fresh = _fresh(connection, site, names)
    if made is None or not fresh:
        return None
    head = connection.execute("select title, zone from stanok.site where name = %s", [site]).fetchone()
    assert head is not None
    bundle = Bundle(
        plant=site,
        title=head[0],
        zone=head[1],
        number=number + 1,
        previous=previous.hex(),
        made=made[0],
        pseudonyms=pseudonyms,
        definition=DEFINITION,
        software=software,
        columns=list(REPORTED),
        machines=list(names.values()),
        standards=standards(connection),
        results=[result for _, result in fresh],
    )
    real: Mapping[str, str] = {}
    if pseudonyms:
        bundle, real = renamed(bundle, key)
    content, digest = signed(bundle, key)
    connection.execute(
        "insert into stanok.bundle_made values (%s, %s, %s, %s, %s, %s)",
        [site, bundle.number, made[0], pseudonyms, digest, content],
    )
    connection.cursor().executemany(
        "insert into stanok.bundle_sent values (%s, %s, %s, %s, %s, %s)",
        [(machine, r.day, r.shift, r.revision, r.hash, bundle.number) for machine, r in fresh],
    )
    return Sent(bundle.number, content, digest, len(fresh), real)


def _last(connection: Connection, site: str, pseudonyms: bool) -> tuple[int, bytes]:
    row = connection.execute(
        "select number, hash, pseudonyms from stanok.bundle_made where site = %s order by number desc limit 1", [site]
    ).fetchone()
    if row is None:
        return 0, FIRST
    if row[2] != pseudonyms:
        with_them = "with" if row[2] else "without"
        raise InputError(f"the bundles of {site} are made {with_them} pseudonyms; that cannot change on the way")
    return int(row[0]), bytes(row[1])


def _fresh(connection: Connection, site: str, names: Mapping[int, Machine]) -> list[tuple[int, Result]]:
    """Results that were not sent, or otherwise, each with its revision."""
    rows = connection.execute(
        "select distinct on (machine_id, day, shift) machine_id, day, shift, revision, rows_hash"
        " from stanok.bundle_sent order by machine_id, day, shift, revision desc"
    ).fetchall()
    sent: dict[tuple[int, date, str], tuple[int, bytes]] = {
        (machine, day, shift): (revision, bytes(digest)) for machine, day, shift, revision, digest in rows
    }
    fresh = []
    for machine, result in results(connection, site, names):
        revision, digest = sent.get((machine, result.day, result.shift), (0, b""))
        if result.hash != digest:
            fresh.append((machine, replace(result, revision=revision + 1)))
    return fresh


def renamed(bundle: Bundle, key: Ed25519PrivateKey) -> tuple[Bundle, Mapping[str, str]]:
    """The bundle with pseudonyms for machines and parts, without titles and areas; and the real names by pseudonym."""
    rename = renamer(key)
    real: dict[str, str] = {}

    def other(name: str) -> str:
        if not name:
            return name
        real[rename(name)] = name
        return rename(name)

    found = replace(
        bundle,
        machines=[Machine(other(machine.name), other(machine.name), "") for machine in bundle.machines],
        standards=[Standard(other(x.part), x.valid_from, x.pri_us, x.provenance) for x in bundle.standards],
        results=[
            replace(
                result,
                machine=other(result.machine),
                made=[Made(other(made.part), made.sums) for made in result.made],
            )
            for result in bundle.results
        ],
    )
    return found, real
