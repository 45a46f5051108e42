"""Measured against true: what the database says of a window beside what the ledger says, machine by machine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import BY_SPEED, UNSEEN
from core.kpi.band import Band
from core.kpi.counts import CountGap, by_speed_us, counts_parts, effect_of, possible_us, unseen_us
from core.kpi.oee import Gap, Kpi, kpi
from core.kpi.spindle import tells_spindle
from core.plant.calendar import segments
from core.plant.model import Machine, Plant
from core.units import natural_id, us_from_datetime
from core.vocabulary import Cause, Flag, Situation
from simulators.figures import Figures, figures
from simulators.signals import Signals
from storage.pg import live, reading
from storage.pg.connect import Connection

_NOT_SENT = [natural_id("signal", "conn.online")]
"""The collector's own word about a publisher; no machine sends it, so the ledger does not have it."""
_DIGITS = 6
"""A ratio is printed to a millionth; the sums behind it are exact."""


def compare(connection: Connection, plant: Plant, signals: Signals, from_us: int) -> list[dict[str, Any]]:
    """One entry a machine in the shape of the demonstration's JSON line; ratios from 0 to 1.

    The window of a machine is [from_us, its as_of); both sides are cut there. Machines not so far are left out.
    """
    as_of = {row["machine"]: us_from_datetime(row["as_of"]) for row in live.machines_live(connection)}
    return [
        _machine(connection, plant, signals, index, from_us, as_of[machine.name])
        for index, machine in enumerate(plant.machines)
        if as_of.get(machine.name, from_us) > from_us
    ]


def _machine(
    connection: Connection, plant: Plant, signals: Signals, index: int, from_us: int, to_us: int
) -> dict[str, Any]:
    machine = plant.machines[index]
    gaps = live.gaps_touching(connection, machine.id, from_us, to_us)
    doubtful = live.gauge_gaps_touching(connection, machine.id, from_us, to_us)
    doubts = live.count_gaps_touching(connection, machine.id, from_us, to_us)
    facts = reading.facts(connection, plant, from_us, to_us, index)
    measured = kpi(
        facts,
        [_gap(plant, index, gap, from_us, to_us, _longest_us(plant, facts)) for gap in gaps],
        machine.max_rate,
        [_count_gap(machine, facts, gap, from_us, to_us) for gap in doubts],
        sum(unseen_us(facts, *stretch) for how, *stretch in doubtful if how == UNSEEN),
        sum(by_speed_us(facts, *stretch) for how, *stretch in doubtful if how == BY_SPEED),
        counted=counts_parts(machine.signal_names),
        spindle=tells_spindle(machine.signal_names),
    )
    truth = figures(signals, index, from_us, to_us)
    return {
        "name": machine.name,
        **_ratios(measured, truth),
        "parts": {"measured": measured.parts, "true": truth.parts},
        "sent": truth.sent,
        "stored": live.stored_samples(connection, machine.id, (from_us, to_us), int(Flag.INITIAL), _NOT_SENT),
        "rejected": live.quarantined(connection, machine.id, from_us, to_us),
        "gaps": len(gaps),
    }


def _ratios(measured: Kpi, truth: Figures) -> dict[str, dict[str, float | None]]:
    pairs: dict[str, tuple[Band, float | None]] = {
        "oee": (measured.oee, truth.oee),
        "availability": (measured.availability, truth.availability),
        "effectiveness": (measured.effectiveness, truth.effectiveness),
        "quality": (measured.quality, truth.quality),
        "spindle": (measured.spindle, truth.spindle),
    }
    return {
        name: {
            "measured": _rounded(band.value),
            "true": _rounded(true),
            "low": _rounded(band.low),
            "high": _rounded(band.high),
        }
        for name, (band, true) in pairs.items()
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _longest_us(plant: Plant, facts: NDArray[np.void]) -> int:
    """The greatest standard time of the programs in some facts."""
    return max((program.pri_us for program in plant.programs if program.id in facts["program"]), default=0)


def _gap(plant: Plant, index: int, gap: live.GapRow, from_us: int, to_us: int, longest_us: int) -> Gap:
    """A gap as the band formulas want it: cut to the window and to planned busy time. No part takes more than
    `longest_us`.
    """
    first, last = max(gap.from_us, from_us), min(gap.to_us, to_us)
    machine = plant.machines[index]
    calendar = segments(plant.sites[machine.site], first, last, machine.name) if first < last else None
    busy = 0
    if calendar is not None:
        ends = [*calendar.start_us.tolist()[1:], last]
        spans = zip(calendar.start_us.tolist(), ends, calendar.situation.tolist(), strict=True)
        busy = sum(b - a for a, b, situation in spans if situation == Situation.BUSY)
    later = gap.booked_us >= to_us
    inside = gap.from_us >= from_us and gap.to_us <= to_us and not later
    since = gap.to_us < gap.booked_us < to_us
    part = gap.credit_total_us // gap.parts if gap.parts and gap.credit_total_us else longest_us
    return Gap(busy, gap.credit_good_us, gap.credit_total_us, inside, later, since=since, known=gap.known, part_us=part)


def _count_gap(machine: Machine, facts: NDArray[np.void], gap: live.CountGapRow, from_us: int, to_us: int) -> CountGap:
    """A count gap as the band formulas want it, by the facts of the window."""
    good, scrap = effect_of(machine.signal_names, gap.counter)
    booked = from_us <= gap.booked_us < to_us
    # Where only the program is not known, parts were made in the gaps, or the counter would have told them before.
    inside = gap.from_us >= from_us or (gap.cause == Cause.PROGRAM_CHANGED and gap.after_us >= from_us)
    return CountGap(
        good,
        scrap,
        time_us=possible_us(facts, max(gap.from_us, from_us), min(gap.to_us, to_us)),
        booked_us=gap.credit_us if booked else 0,
        least_us=gap.least_us if booked and inside else 0,
        most_us=gap.most_us,
        pri_us=gap.pri_us,
        claimed=gap.after_us < 0 or gap.after_us >= from_us,
    )


def window(
    connection: Connection, plant: Plant, signals: Signals, machine: int, from_us: int, to_us: int
) -> dict[str, Any]:
    """The same entry for a machine (position in the plant) and a closed window [from_us, to_us)."""
    return _machine(connection, plant, signals, machine, from_us, to_us)
