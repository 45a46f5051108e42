"""What counters of real controls do: signals.md §5.12 row by row, pitfalls 28 and 30, told in seconds and readings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.engine.fold import Fold
from core.plant.behaviour import USUAL, Behaviour
from core.samples.order import Columns
from core.units import SECOND_US
from core.vocabulary import CounterEvent
from tests.properties.scenes import BEGIN, Happening, plant, tables_of
from tests.properties.test_stream_equals_oracle import columns

HOUR_S = 3600


def counted(
    readings: Sequence[tuple[float, object]], behaviour: Behaviour = USUAL, program: str = "A-1"
) -> tuple[int, list[tuple[str, int]]]:
    """(parts, what was noted with its parts) of (seconds, reading, job or run) of a counter; A-1 takes 61 s a part."""
    where = plant(1, ("part.total",), behaviour)
    fold = Fold(where, tables_of(where))
    fold.begin(0, BEGIN)
    told = [
        Happening(BEGIN, 0, "ctrl.execution", "active", "good"),
        Happening(BEGIN, 1, "prog.name", program, "good"),
    ]
    for number, (at_s, reading) in enumerate(readings):
        what = {"job": "job.id", "run": "job.runs_done"}.get(str(reading).partition(" ")[0], "part.total")
        value = reading if what == "part.total" else str(reading).partition(" ")[2]
        value = int(str(value)) if what == "job.runs_done" else value
        told.append(Happening(BEGIN + int(at_s * SECOND_US), 10 + number, what, value, "good"))
    fold.fold(columns(sorted(told, key=lambda h: (h.event_us, h.rank, h.seq)), fold, where))
    fold.advance(np.array([0]), np.array([BEGIN + 1000 * HOUR_S * SECOND_US]))
    folded = fold.take()
    noted = [(CounterEvent(row["what"]).name.lower(), int(row["parts"])) for row in folded.counter_events]
    return int(folded.facts["parts_total"].sum()), noted


@pytest.mark.parametrize(
    ("case", "readings", "width", "parts", "noted"),
    [
        ("rises", [(0, 7), (61, 8), (122, 9)], 0, 2, []),
        ("a pallet of ten at once", [(0, 7), (1, 17)], 0, 10, []),
        ("corrected by hand", [(0, 100), (61, 95), (122, 96)], 0, 1, [("correction", 0)]),
        ("reset to zero", [(0, 500), (61, 0), (122, 1)], 0, 1, [("reset", 0)]),
        ("reset, and three made since", [(0, 500), (200, 3)], 0, 3, [("reset", 3)]),
        ("over the top of 16 bits", [(0, 65_534), (122, 1)], 0, 3, [("rollover", 3)]),
        ("over the top of four digits", [(0, 9_998), (122, 0)], 0, 2, [("rollover", 2)]),
        ("over a known top", [(0, 498), (300, 2)], 500, 4, [("rollover", 4)]),
        ("never over a top it can pass", [(0, 9_998), (122, 9_999), (183, 10_000)], 500_000, 2, []),
        ("a garbled jump", [(0, 2000), (1, 599_999), (2, 2000), (61, 2001)], 0, 1, [("dropped", 0)]),
        ("set by hand", [(0, 2000), (1, 599_999), (61, 600_000)], 0, 1, [("preset", 0)]),
        ("really made, as the next reading shows", [(0, 0), (100, 90), (161, 91)], 0, 91, [("confirmed", 90)]),
        ("a fall to what cannot have been made", [(0, 599_999), (1, 2000), (62, 2001)], 0, 1, [("preset", 0)]),
        ("set by hand after an hour at rest", [(0, 0), (3600, 29_000), (3661, 29_001)], 0, 1, [("preset", 0)]),
        ("the same jump delivered twice", [(0, 0), (100, 90), (100, 90), (161, 91)], 0, 91, [("confirmed", 90)]),
    ],
)
def test_28_a_counter_that(
    case: str, readings: list[tuple[float, object]], width: int, parts: int, noted: list[tuple[str, int]]
) -> None:
    assert counted(readings, Behaviour(counter_width=width)) == (parts, noted), case


def test_a_program_without_a_standard_time_may_make_ten_parts_a_second() -> None:
    assert counted([(0, 0), (10, 300)], program="NO-STANDARD") == (300, [])
    assert counted([(0, 0), (10, 400), (20, 401)], program="NO-STANDARD") == (1, [("preset", 0)])


def test_29_a_counter_of_the_job_begins_with_each_job_and_notes_nothing() -> None:
    readings = [(0, "job 1"), (0, 5), (61, 6), (100, "job 2"), (101, 0), (161, 1)]
    assert counted(readings, Behaviour(counter="job")) == (2, [])
    assert counted(readings) == (2, [("reset", 0)])


def test_a_job_that_begins_at_the_instant_of_a_reading_takes_it_for_its_baseline() -> None:
    assert counted([(0, "job 1"), (0, 500), (61, 0), (61, "job 2"), (122, 1)], Behaviour(counter="job"))[0] == 1


def test_a_counter_of_the_run_starts_over_with_each_number_of_the_run() -> None:
    readings = [(0, "run 1"), (0, 3), (61, 4), (100, "run 2"), (122, 4), (180, 5)]
    assert counted(readings, Behaviour(counter="run")) == (6, [])
    assert counted(readings) == (2, [])


def test_an_uncertain_reading_counts_nothing_and_moves_nothing() -> None:
    where = plant(1, ("part.total",))
    fold = Fold(where, tables_of(where))
    fold.begin(0, BEGIN)
    readings = [(0, 5, "good"), (30, 9, "uncertain"), (61, 6, "good")]
    told = [Happening(BEGIN + s * SECOND_US, n, "part.total", v, q) for n, (s, v, q) in enumerate(readings)]
    fold.fold(columns(told, fold, where))
    _, shown = fold.shown(Columns.empty(), np.array([0]), np.array([BEGIN + 90 * SECOND_US]))
    assert int(np.concatenate([fold.take().facts, shown.facts])["parts_total"].sum()) == 1
