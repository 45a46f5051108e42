"""Rows of stored intervals, facts and sums for the tests of KPIs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from core.facts.schema import FACT, INTERVAL, OPEN_END, PROGRAM_INTERVAL
from core.kpi.sums import Sums
from core.units import MINUTE_US, SECOND_US, us_from_datetime
from core.vocabulary import State

MIN = MINUTE_US
STATES = {
    "P": State.PRODUCING,
    "I": State.IDLE,
    "S": State.SETUP,
    "L": State.PLANNED_STOP,
    "F": State.UNPLANNED_STOP,
    "U": State.UNKNOWN,
}
"""Producing, idle, setup, planned stop, failure, unknown."""

ISO_EXAMPLE = Sums(
    apt=280 * MIN,
    aust=40 * MIN,
    adet_stop=50 * MIN,
    adet_idle=20 * MIN,
    adet_idle_micro=20 * MIN,
    adot_idle=60 * MIN,
    planned_calendar=990 * MIN,
    planned_calendar_off=960 * MIN,
    parts_total=100,
    parts_good=95,
    parts_scrap=5,
    credit_total_us=250 * MIN,
    credit_good_us=2375 * MIN // 10,
)
"""A day: 480 min of shift, 30 of them break, 40 setup, 50 breakdown, 20 micro-stops, 60 without order, 280 producing;
100 parts of 2.5 min, 95 good; 960 min outside the shift."""


def utc(text: str) -> int:
    """UTC µs of an ISO time without zone."""
    return us_from_datetime(datetime.fromisoformat(text).replace(tzinfo=UTC))


def facts(*rows: dict[str, int]) -> np.ndarray:
    """Rows of dtype FACT; what is not given is 0."""
    out = np.zeros(len(rows), FACT)
    for at, row in enumerate(rows):
        for name, value in row.items():
            out[at][name] = value
    return out


def intervals(states: str, seconds: Sequence[int | None], begin_us: int = 0, cause: int = 0) -> np.ndarray:
    """One interval a letter (see STATES), one after the other; None for an open end."""
    out = np.zeros(len(states), INTERVAL)
    at_us = begin_us
    for row, letter, length in zip(out, states, seconds, strict=True):
        row["from_us"], row["state"], row["cause"] = at_us, STATES[letter], cause
        row["to_us"] = OPEN_END if length is None else at_us + length * SECOND_US
        at_us = int(row["to_us"])
    return out


def programs(*rows: tuple[int, int, int]) -> np.ndarray:
    """(from s, to s, program id)"""
    out = np.zeros(len(rows), PROGRAM_INTERVAL)
    for row, (begin, end, program) in zip(out, rows, strict=True):
        row["from_us"], row["to_us"], row["program"] = begin * SECOND_US, end * SECOND_US, program
    return out
