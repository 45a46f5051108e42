"""Frozen standards and the split of a change: identities, zeros, and the traps of comparing old and new machines."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from core.programme.decompose import decompose, log_mean
from core.programme.standards import (
    FACTORS,
    Made,
    Obstacle,
    Period,
    compare,
    current_index,
    factors,
    output_index,
    technology_at_mix,
)
from tests.seeds import seeds

WEEK = 168.0
OLD = Period(WEEK, 80, 60, (Made("shaft", 400, 410, 0.10, 0.10), Made("flange", 50, 52, 0.30, 0.30)))
WAITING = Period(WEEK, 80, 30, (Made("shaft", 600, 606, 0.10, 1 / 30), Made("flange", 75, 76, 0.30, 0.10)))
"""Three times faster, half of the production time: it waits for orders."""


def oee(period: Period) -> float:
    found = factors(period)
    return prod(found[name] or 0.0 for name in ("availability", "effectiveness", "quality"))


def change(before: Period, later: Period) -> dict[str, float]:
    return dict(decompose(factors(before), factors(later)))


def test_a_faster_machine_that_waits_has_less_oee_and_more_output() -> None:
    assert oee(WAITING) < oee(OLD)
    assert output_index(WAITING) > output_index(OLD)
    parts = change(OLD, WAITING)
    assert parts["technology"] > 0 > parts["availability"]
    assert sum(parts.values()) == pytest.approx(output_index(WAITING) - output_index(OLD), abs=1e-12)
    assert output_index(WAITING) / current_index(WAITING) == pytest.approx(3)


def test_more_pieces_of_the_easy_part_are_no_more_output() -> None:
    easy = Period(WEEK, 80, 60, (Made("shaft", 480, 490, 0.10, 0.10), Made("flange", 20, 21, 0.30, 0.30)))
    assert sum(part.good for part in easy.parts) > sum(part.good for part in OLD.parts)
    assert output_index(easy) < output_index(OLD)
    assert sum(change(OLD, easy).values()) < 0
    assert change(OLD, easy)["technology"] == 0


def test_a_shift_of_mix_does_not_turn_a_faster_machine_into_a_slower_one() -> None:
    """Kitagawa's trap: each part is made faster, but the mix moves to the part that gains least."""
    before = Period(WEEK, 80, 60, (Made("a", 500, 500, 0.1, 0.1), Made("b", 30, 30, 1 / 3, 1 / 3)))
    later = Period(WEEK, 80, 60, (Made("a", 30, 30, 0.1, 0.02), Made("b", 175, 175, 1 / 3, 0.33)))
    gain = technology_at_mix(before, later)
    assert gain is not None
    technology = factors(later)["technology"]
    assert technology is not None
    assert gain > 2 > technology > 1
    assert change(before, later)["technology"] > 0


@pytest.mark.parametrize("drawn", seeds("LMDI", 5))
def test_factors_telescope_and_effects_add_up_exactly(drawn: int) -> None:
    rng = np.random.default_rng(drawn)
    for _ in range(200):
        before, later = (_period(rng) for _ in range(2))
        for period in (before, later):
            values = [value for value in factors(period).values() if value is not None]
            assert prod(values) == pytest.approx(output_index(period), abs=1e-12)
        parts, back = change(before, later), change(later, before)
        assert abs(sum(parts.values()) - (output_index(later) - output_index(before))) < 1e-12
        assert tuple(parts) == FACTORS
        for name in FACTORS:
            assert parts[name] == pytest.approx(-back[name], abs=1e-12)
            ratio = (factors(later)[name] or 1) - (factors(before)[name] or 1)
            assert parts[name] * ratio >= 0


def _period(rng: np.random.Generator) -> Period:
    planned = rng.uniform(20, WEEK)
    made = rng.integers(1, 500, 3)
    parts = tuple(
        Made(f"p{n}", int(rng.integers(1, count + 1)), int(count), *rng.uniform(0.01, 0.5, 2))
        for n, count in enumerate(made)
    )
    return Period(WEEK, planned, rng.uniform(1, planned), parts)


def test_nearly_equal_values_keep_the_identity() -> None:
    before, later = {"a": 0.3, "b": 0.7}, {"a": 0.3 * (1 + 1e-15), "b": 0.7}
    assert abs(sum(decompose(before, later).values()) - (later["a"] * 0.7 - 0.3 * 0.7)) < 1e-16
    assert log_mean(1.0, 1 + 1e-12) == pytest.approx(1.0)
    assert log_mean(8.0, 2.0) == pytest.approx(6 / np.log(4))
    assert log_mean(0.0, 3.0) == 0


def test_a_factor_that_was_zero_carries_the_change() -> None:
    assert decompose({"a": 0.0, "b": 2.0}, {"a": 3.0, "b": 4.0}) == {"a": 12.0, "b": 0.0}
    assert decompose({"a": 0.0, "b": None}, {"a": 3.0, "b": 4.0}) == {"a": 12.0, "b": 0.0}
    assert decompose({"a": 2.0, "b": 5.0}, {"a": 0.0, "b": 0.0}) == {"a": -5.0, "b": -5.0}
    assert decompose({"a": 0.0, "b": 5.0}, {"a": 5.0, "b": 0.0}) == {"a": 0.0, "b": 0.0}
    small = decompose({"a": 1e-300, "b": 2.0}, {"a": 3.0, "b": 4.0})
    assert small["a"] == pytest.approx(12, rel=0.01)  # what the limit is the limit of


def test_wrong_factors_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        decompose({"a": -1.0}, {"a": 1.0})
    with pytest.raises(ValueError, match="different factors"):
        decompose({"a": 1.0}, {"b": 1.0})


def test_a_machine_that_never_worked_has_undefined_factors_and_an_exact_split() -> None:
    idle = Period(WEEK, 80, 0, ())
    assert factors(idle)["effectiveness"] is None
    parts = change(OLD, idle)
    assert sum(parts.values()) == pytest.approx(-output_index(OLD), abs=1e-12)
    assert parts["availability"] == pytest.approx(-output_index(OLD))


@pytest.mark.parametrize(
    ("before", "later", "obstacle"),
    [
        (OLD, WAITING, None),
        (OLD, Period(WEEK, 80, 30, (Made("shaft", 100, 100, 0.1, 0.1), Made("gear", 60, 60, 0.2, 0.2))), Obstacle.MIX),
        (OLD, Period(WEEK, 80, 30, (Made("shaft", 600, 600, 0.1, 0.1), Made("gear", 1, 1, None, 0.2))), "no_standard"),
        (OLD, Period(WEEK, 80, 30, ()), Obstacle.NO_OUTPUT),
        (Period(0, 0, 0, OLD.parts), WAITING, Obstacle.NO_OUTPUT),
    ],
)
def test_not_comparable_is_an_answer(before: Period, later: Period, obstacle: Obstacle | None) -> None:
    assert compare(before, later).obstacle == obstacle


def test_shares_of_common_and_linked_parts_are_of_standard_hours() -> None:
    later = Period(WEEK, 80, 30, (Made("shaft", 300, 300, 0.1, 0.05), Made("gear", 50, 50, 0.4, 0.2, linked=True)))
    found = compare(OLD, later, least_common=0.6)
    assert found.common == pytest.approx(30 / 50)
    assert found.linked == pytest.approx(20 / 50)
    assert found.obstacle is None
    assert compare(OLD, later, least_common=0.61).obstacle is Obstacle.MIX
