"""Two databases over one plant and one truth: one of a run under fire, one that folded everything undisturbed.

What is compared is said by the fields of `Verdict`. A gap that was recovered counts no longer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.plant.model import Plant
from core.units import MINUTE_US, datetime_from_us, floor_minute, us_from_datetime
from core.vocabulary import Cause, Flag
from simulators.figures import figures
from simulators.signals import Signals
from storage.pg.connect import Connection

Window = tuple[int, int]


class Span(NamedTuple):
    """A gap, and the instant at which the first counts after it were booked (µs; its end where none were)."""

    from_us: int
    to_us: int
    booked_us: int
    cause: Cause


@dataclass
class Verdict:
    """One machine. `minutes` were compared row for row: all closed ones that no counting gap touches."""

    machine: str
    gaps: int
    gap_min: float
    causes: dict[str, int]
    minutes: int
    different: list[str] = field(default_factory=list)
    """Rows of minutes that differ outside of gaps: - undisturbed, + under fire."""
    intervals: list[str] = field(default_factory=list)
    """The same for state intervals; looked at where there are no gaps."""
    unknown_wrong: int = 0
    """Minutes whose UNKNOWN time is not exactly that of the gaps in it."""
    not_whole: int = 0
    """Closed minutes whose times do not add up to a minute."""
    parts: tuple[int, int] = (0, 0)
    """Found, true."""
    scrap: tuple[int, int] = (0, 0)
    invented: list[str] = field(default_factory=list)
    """Samples that no machine ever said."""
    missing: int = 0
    """Samples that were said and are not stored; a complaint where there are no gaps."""
    quarantined: int = 0
    late: int = 0
    """Requests to compute again that nobody has carried out; a complaint where there are no gaps.

    A present value that comes after a gap may be older than its end: it is late, and changes nothing compared here.
    """

    def complaints(self) -> list[str]:
        """What is wrong, in words."""
        found = {
            "minutes differ": len(self.different),
            "intervals differ": len(self.intervals),
            "minutes whose UNKNOWN is not that of the gaps": self.unknown_wrong,
            "minutes are not whole": self.not_whole,
            "samples are invented": len(self.invented),
            "samples are missing": 0 if self.gaps else self.missing,
            "payloads are in quarantine": self.quarantined,
            "requests for late data are open": 0 if self.gaps else self.late,
            "parts too many or too few": self.parts[0] - self.parts[1],
            "scrap too much or too little": self.scrap[0] - self.scrap[1],
        }
        return [f"{self.machine}: {count} {what}" for what, count in found.items() if count]


def judge(under_fire: Connection, calm: Connection, plant: Plant, signals: Signals, window: Window) -> list[Verdict]:
    """A verdict for every machine; the window is cut to the minutes that are closed for all of them."""
    to_us = min(window[1], *(_closed_until(found, plant) for found in (under_fire, calm)))
    return [_machine(under_fire, calm, signals, index, (window[0], to_us)) for index in range(len(plant.machines))]


def _machine(fire: Connection, calm: Connection, signals: Signals, index: int, window: Window) -> Verdict:
    machine = signals.plant.machines[index]
    gaps = _gaps(fire, machine.id, window)
    found, expected = (_minutes(each, machine.id, window) for each in (fire, calm))
    touched = _touched(gaps)
    compared = [minute for minute in range(*window, MINUTE_US) if minute not in touched]
    made, true = _said(fire, machine.id, window), _said(calm, machine.id, window)
    truth = figures(signals, index, *window)
    return Verdict(
        machine=machine.name,
        gaps=len(gaps),
        gap_min=round(sum(gap.to_us - gap.from_us for gap in gaps) / MINUTE_US, 1),
        causes=dict(Counter(gap.cause.name.lower() for gap in gaps)),
        minutes=len(compared),
        different=_difference(
            [row for at in compared for row in expected[at]], [row for at in compared for row in found[at]]
        ),
        intervals=[] if gaps else _difference(*(_intervals(each, machine.id, window) for each in (calm, fire))),
        unknown_wrong=_unknown_wrong(fire, machine.id, window, gaps),
        not_whole=_not_whole(fire, machine.id, window),
        parts=(_sum(fire, "parts_total", machine.id, window), truth.parts),
        scrap=(_sum(fire, "parts_scrap", machine.id, window), truth.scrap),
        invented=sorted(map(str, made - true)),
        missing=len(true - made),
        quarantined=_count(fire, "quarantine", machine.id),
        late=_count(fire, "recompute_request", machine.id),
    )


def _closed_until(connection: Connection, plant: Plant) -> int:
    """Up to when the minutes of every machine are closed and known."""
    rows = connection.execute(
        "select machine_id, min(minute) filter (where open), max(minute) from stanok.fact_minute group by 1"
    ).fetchall()
    assert len(rows) == len(plant.machines)
    return min(floor_minute(us_from_datetime(opened or last)) for _, opened, last in rows)


def _minutes(connection: Connection, machine_id: int, window: Window) -> dict[int, list[str]]:
    rows = connection.execute(
        "select minute, (to_jsonb(f) - 'machine_id')::text from stanok.fact_minute f"
        " where machine_id = %s and minute >= %s and minute < %s order by 1, 2",
        [machine_id, *map(datetime_from_us, window)],
    ).fetchall()
    found: dict[int, list[str]] = defaultdict(list)
    for minute, row in rows:
        found[us_from_datetime(minute)].append(row)
    return found


def _gaps(connection: Connection, machine_id: int, window: Window) -> list[Span]:
    """Gaps that count, cut to the window, in order."""
    rows = connection.execute(
        "select from_time, coalesce(to_time, %(to)s), booked_time, cause from stanok.data_gap"
        " where scope = 'state' and machine_id = %(machine)s and outcome is distinct from 'recovered'"
        " and from_time < %(to)s and coalesce(to_time, 'infinity') > %(from)s order by 1",
        {"machine": machine_id, "from": datetime_from_us(window[0]), "to": datetime_from_us(window[1])},
    ).fetchall()
    return [
        Span(
            max(us_from_datetime(from_time), window[0]),
            min(us_from_datetime(to_time), window[1]),
            us_from_datetime(booked or to_time),
            Cause(cause),
        )
        for from_time, to_time, booked, cause in rows
    ]


def _touched(gaps: list[Span]) -> set[int]:
    """Minutes in which a gap lies, or the parts made in it were booked."""
    found: set[int] = set()
    for gap in gaps:
        found.update(range(floor_minute(gap.from_us), gap.to_us + 1, MINUTE_US))
        found.add(floor_minute(gap.booked_us))
    return found


def _unknown_wrong(connection: Connection, machine_id: int, window: Window, gaps: list[Span]) -> int:
    rows = connection.execute(
        "select minute, sum(unknown + unknown_out)::bigint from stanok.fact_minute"
        " where machine_id = %s and minute >= %s and minute < %s group by 1",
        [machine_id, *map(datetime_from_us, window)],
    ).fetchall()
    stored = {us_from_datetime(minute): unknown for minute, unknown in rows}
    return sum(stored.get(minute) != _overlap(gaps, minute) for minute in range(*window, MINUTE_US))


def _overlap(gaps: list[Span], minute: int) -> int:
    """Time of a minute that lies in any gap."""
    covered, until = 0, minute
    for gap in gaps:
        first, last = max(gap.from_us, until), min(gap.to_us, minute + MINUTE_US)
        covered += max(0, last - first)
        until = max(until, last)
    return covered


_TIMES = (
    "apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop + planned_state"
    " + planned_calendar + planned_failure + unknown + apt_out + aust_out + unknown_out"
)


def _not_whole(connection: Connection, machine_id: int, window: Window) -> int:
    row = connection.execute(
        f"select count(*) from (select from stanok.fact_minute where machine_id = %s and minute >= %s and minute < %s"
        f" group by minute having sum({_TIMES}) <> 60000000) m".encode(),
        [machine_id, *map(datetime_from_us, window)],
    ).fetchone()
    return 0 if row is None else int(row[0])


def _intervals(connection: Connection, machine_id: int, window: Window) -> list[str]:
    """State intervals that begin in the window, cut to it."""
    rows = connection.execute(
        "select from_time, least(coalesce(to_time, 'infinity'), %s), state, cause from stanok.state_interval"
        " where machine_id = %s and from_time >= %s and from_time < %s order by 1",
        [datetime_from_us(window[1]), machine_id, *map(datetime_from_us, window)],
    ).fetchall()
    return [str(tuple(map(str, row))) for row in rows]


def _said(connection: Connection, machine_id: int, window: Window) -> set[tuple[Any, ...]]:
    """Distinct samples by signal, time and value; the collector's own word about a publisher is nobody's sample."""
    query = (
        "select signal_id, event_time, value::text, text from stanok.sample join stanok.signal s on s.id = signal_id"
        " where machine_id = %(machine)s and event_time >= %(from)s and event_time < %(to)s"
        " and s.name <> 'conn.online' and (flags & %(first)s = 0 or event_time > %(from)s)"
    )
    first, last = map(datetime_from_us, window)
    given = {"machine": machine_id, "from": first, "to": last, "first": int(Flag.INITIAL)}
    return set(connection.execute(query, given).fetchall())


def _sum(connection: Connection, column: str, machine_id: int, window: Window) -> int:
    row = connection.execute(
        f"select coalesce(sum({column}), 0)::bigint from stanok.fact_minute"
        " where machine_id = %s and minute >= %s and minute < %s".encode(),
        [machine_id, *map(datetime_from_us, window)],
    ).fetchone()
    return 0 if row is None else int(row[0])


def _count(connection: Connection, table: str, machine_id: int) -> int:
    row = connection.execute(
        f"select count(*) from stanok.{table} where machine_id = %s".encode(), [machine_id]
    ).fetchone()
    return 0 if row is None else int(row[0])


def _difference(expected: list[str], found: list[str]) -> list[str]:
    only_expected = Counter(expected) - Counter(found)
    only_found = Counter(found) - Counter(expected)
    return [f"- {row}" for row in only_expected.elements()] + [f"+ {row}" for row in only_found.elements()]
