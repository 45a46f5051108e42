"""The checks: facts in, findings out. Pure; no check asks anybody, and every sentence says what to do.

Limits are those of docs/en/engineer.md: what plants are warned of, and what costs data or belief in the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from collectors.status import SourceStatus
from storage.pg.capability import Timescale
from storage.pg.condition import Condition
from storage.spool_survey import Survey


class Level(IntEnum):
    """How bad it is; the worst is the exit code."""

    OK = 0
    WARNING = 1
    FAULT = 2


@dataclass(frozen=True)
class Finding:
    """One line."""

    level: Level
    what: str
    sentence: str


CLOCK_WARNING_S, CLOCK_FAULT_S = 2.0, 60.0
"""An offset beyond these is shown, and makes Stanok leave a source's clock (docs/en/truth.md, Clock)."""
HOURS_WARNING, HOURS_FAULT = 72.0, 4.0
"""An outage of the database of 72 h must cost nothing (promise G3); four hours are a shift's time to react."""
FREE_FAULT_BYTES = 64_000_000
TICK_FAULT_S = 30.0
"""Ticks come every two seconds; after half a minute the commit watchdog itself has given up."""
CONTRADICTION_S = 600.0
"""Lamps follow a control by seconds, and a person who acknowledges an alarm takes minutes."""
STATUS_FAULT_S = 10.0
"""The collector writes its status twice a second."""
BEHIND_WARNING = 1000
"""Spool rows: some ten minutes of an engine that does not come along, for a plant of one row a second."""
REASON_CHARACTERS = 100
CERTIFICATE_WARNING_D, CERTIFICATE_FAULT_D = 30, 7


def database_clock(ours: datetime, theirs: datetime) -> Finding:
    """Our clock beside the database's."""
    off = abs((ours - theirs).total_seconds())
    level = _level(off, CLOCK_WARNING_S, CLOCK_FAULT_S)
    if level is Level.OK:
        return Finding(level, "clock", f"this computer and the database agree within {max(off, 0.1):.1f} s")
    return Finding(
        level, "clock", f"this computer and the database are {off:.1f} s apart: set both by the same NTP server"
    )


def source_clocks(offsets: Sequence[tuple[str, float]], scale: float = 1.0) -> list[Finding]:
    """Each source's clock beside the arrival of its values, in real seconds; `scale`: scenario seconds per real one."""
    found = []
    for source, seconds in offsets:
        offset = seconds / scale
        level = _level(abs(offset), CLOCK_WARNING_S, CLOCK_FAULT_S)
        if level is Level.OK:
            sentence = f"the clock of {source} is right within {max(abs(offset), 0.1):.1f} s"
        else:
            side = "behind" if offset > 0 else "ahead"
            sentence = (
                f"the clock of {source} is {abs(offset):.0f} s {side}: set it; beyond 60 s its times are not used"
            )
        found.append(Finding(level, "source clock", sentence))
    return found


def disk(free_bytes: int, spools: Sequence[Survey], directory: str, scale: float = 1.0) -> Finding:
    """Room for the spools while no database takes them, in real hours."""
    rate = scale * sum(spool.bytes_per_hour or 0.0 for spool in spools)
    free = f"{free_bytes / 1e9:.1f} GB free for spools in {directory}"
    if free_bytes < FREE_FAULT_BYTES:
        return Finding(Level.FAULT, "disk", f"{free}: make room; sources must wait when it is full")
    if rate <= 0:
        return Finding(Level.OK, "disk", f"{free}; too little was written yet to say for how long")
    hours = free_bytes / rate
    level = Level.FAULT if hours < HOURS_FAULT else Level.WARNING if hours < HOURS_WARNING else Level.OK
    advice = ": make room, an outage of the database of 72 h should fit" if level else ""
    return Finding(level, "disk", f"{free}, enough for {_long(hours)} without a database{advice}")


def backlog(spools: Sequence[Survey]) -> list[Finding]:
    """How far the database is behind each spool."""
    found = []
    for spool in spools:
        behind = max(0, spool.end - spool.acknowledged)
        level = Level.WARNING if behind > BEHIND_WARNING else Level.OK
        advice = ": is the engine running, and does its database answer?" if level else ""
        sentence = f"{spool.path.name} has {behind} rows that no database has yet{advice}"
        found.append(Finding(level, "spool", sentence))
    return found


def server(found: Condition) -> Finding:
    """Version of the server and edition of TimescaleDB."""
    edition = {
        Timescale.NONE: "without TimescaleDB",
        Timescale.APACHE: "with TimescaleDB, Apache edition (no compression)",
        Timescale.COMMUNITY: "with TimescaleDB, community licence",
    }[found.capability.timescale]
    if found.capability.installable:
        edition = "with TimescaleDB loaded but not made in this database: run `stanok migrate`"
        return Finding(Level.WARNING, "database", f"PostgreSQL {found.version} {edition}")
    return Finding(Level.OK, "database", f"PostgreSQL {found.version} {edition}")


def migrations(found: Condition) -> Finding:
    """Is the schema the one that this program needs?"""
    if found.pending:
        names = ", ".join(found.pending)
        return Finding(Level.FAULT, "migrations", f"not applied yet: {names}; run `stanok migrate`")
    return Finding(Level.OK, "migrations", "all are applied")


def engine(found: Condition, now: datetime, scale: float = 1.0) -> Finding:
    """Does somebody compute? `now` is the installation's own time, `scale` of its seconds pass in a real one."""
    if found.tick is None:
        return Finding(Level.FAULT, "engine", "no engine has ever ticked here: start `stanok run` or `stanok engine`")
    age = (now - found.tick).total_seconds() / scale
    if found.engines > 1:
        return Finding(
            Level.WARNING, "engine", f"{found.engines} engines are connected; only one can write: stop the others"
        )
    if age > TICK_FAULT_S:
        who = "its engine is connected: see its log" if found.engines else "no engine is connected: start it"
        return Finding(Level.FAULT, "engine", f"the last tick is {_long(age / 3600)} old; {who}")
    return Finding(Level.OK, "engine", f"the last tick is {max(age, 0):.0f} s old")


def gaps(found: Condition, now: datetime) -> list[Finding]:
    """Sources without data now."""
    if not found.gaps:
        return [Finding(Level.OK, "gaps", "no data is missing now")]
    return [
        Finding(
            Level.WARNING,
            "gaps",
            f"{gap.source}: no data of {gap.machines} machines for {_long((now - gap.since) / timedelta(hours=1))}"
            f" ({gap.cause.replace('_', ' ')}): network, server, machine, in this order",
        )
        for gap in found.gaps
    ]


def quarantine(found: Condition) -> list[Finding]:
    """What could not be read in the last day."""
    if not found.quarantine:
        return [Finding(Level.OK, "quarantine", "everything of the last day could be read")]
    return [
        Finding(
            Level.WARNING,
            "quarantine",
            f"{source}: {count} unreadable payloads in a day ({_cut(reason)}): correct the mapping or the publisher",
        )
        for source, reason, count in found.quarantine
    ]


def contradictions(found: Condition, now: datetime, scale: float = 1.0) -> list[Finding]:
    """Witnesses that have denied each other for long: the nearer one counts, but one of them is wrong."""
    lasting = [one for one in found.contradictions if (now - one.since).total_seconds() / scale >= CONTRADICTION_S]
    return [
        Finding(
            Level.WARNING,
            "witnesses",
            f"{one.machine}: {one.control} and {one.lamp} have denied each other for"
            f" {_long((now - one.since) / timedelta(hours=1))}, so one of them is wrong:"
            " see to the lamp's wiring, and to the words of both in the plant file",
        )
        for one in lasting
    ]


def late(found: Condition) -> Finding:
    """Stretches that wait to be folded again."""
    if found.requests:
        sentence = f"{found.requests} stretches of the past wait to be computed again: a running engine does it after"
        return Finding(Level.WARNING, "late data", f"{sentence} half a minute of quiet; if they stay, see its log")
    return Finding(Level.OK, "late data", "nothing waits to be computed again")


def collector(statuses: Sequence[SourceStatus], age_s: float | None) -> list[Finding]:
    """What the collector says of its sources; `age_s` is how old its words are, None if it never spoke."""
    if age_s is None:
        return [
            Finding(Level.FAULT, "collector", "no collector has worked here: start `stanok run` or `stanok collect`")
        ]
    if age_s > STATUS_FAULT_S:
        return [
            Finding(Level.FAULT, "collector", f"it has said nothing for {_long(age_s / 3600)}: start it, see its log")
        ]
    return [_source(status) for status in statuses]


def _source(status: SourceStatus) -> Finding:
    if not status.ready:
        why = status.note or "it does not say why; see its log"
        return Finding(Level.FAULT, "source", f"{status.source} is not ready: {why}")
    if status.unmapped:
        said = f"{status.source}: {status.unmapped} messages for its machines are mapped by no signal"
        return Finding(Level.WARNING, "source", f"{said}: log/collect.log names their topics; map them or leave them")
    if status.note:
        return Finding(Level.WARNING, "source", f"{status.source}: {status.note}")
    return Finding(Level.OK, "source", f"{status.source} is ready, {status.received} samples so far")


def opcua(source: str, wanted: str, offered: Sequence[str] | None, trouble: str) -> Finding:
    """Is the server there with the security that the plant file asks for? `offered` None: `trouble` says why not."""
    if offered is None:
        return Finding(Level.FAULT, "OPC UA", f"{source}: {trouble}: is it switched on, is the way free?")
    if wanted not in offered:
        return Finding(Level.FAULT, "OPC UA", f"{source} offers {', '.join(offered)}, the plant file asks for {wanted}")
    advice = ": anybody in the network can read and change it; certificates are better" if wanted == "None" else ""
    level = Level.WARNING if wanted == "None" else Level.OK
    return Finding(level, "OPC UA", f"{source} is there, security {wanted}{advice}")


def broker(source: str, version: str | None, name: str | None, trouble: str) -> Finding:
    """Does the broker let us in? `version` None: `trouble` says why not."""
    if version is None:
        return Finding(Level.FAULT, "broker", f"{source}: {trouble}: is it running, are user and password right?")
    if version != "5":
        said = f"{source} lets us in by MQTT {version} only ({name or 'it does not tell its name'})"
        return Finding(Level.OK, "broker", said)
    return Finding(Level.OK, "broker", f"{source} lets us in by MQTT 5 ({name or 'it does not tell its name'})")


def certificate(owner: str, path: str, ends: datetime | None, now: datetime) -> Finding:
    """How long a certificate is valid; `ends` None: it cannot be read."""
    if ends is None:
        return Finding(Level.FAULT, "certificate", f"{owner}: {path} cannot be read as a certificate: correct the path")
    days = (ends - now) / timedelta(days=1)
    if days < 0:
        return Finding(Level.FAULT, "certificate", f"{owner}: {path} ended on {ends:%Y-%m-%d}: replace it")
    level = Level.FAULT if days < CERTIFICATE_FAULT_D else Level.WARNING if days < CERTIFICATE_WARNING_D else Level.OK
    advice = ": replace it in time" if level else ""
    return Finding(level, "certificate", f"{owner}: {path} is valid until {ends:%Y-%m-%d}{advice}")


def _level(value: float, warning: float, fault: float) -> Level:
    return Level.FAULT if value > fault else Level.WARNING if value > warning else Level.OK


def _cut(text: str) -> str:
    """What a line bears of a reason that may quote a payload."""
    return text if len(text) <= REASON_CHARACTERS else text[:REASON_CHARACTERS] + "…"


def _long(hours: float) -> str:
    """Hours for a person: `40 s`, `12 min`, `5 h`, `12 days`."""
    if hours >= 48:
        return f"{hours / 24:.0f} days"
    if hours >= 1:
        return f"{hours:.0f} h"
    return f"{hours * 60:.0f} min" if hours * 60 >= 1 else f"{hours * 3600:.0f} s"
