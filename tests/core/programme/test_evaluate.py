"""What may be claimed: each weakness leads to a finding that says no more than the evidence, in numbers and words."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from functools import partial
from typing import get_args

import numpy as np
import pytest

from core.programme.evaluate import SHOWN, Evaluation, Finding, Question, adjust, evaluate
from core.programme.grouptime import NEVER, Floats, Panel, Window, effect_weights
from core.programme.planning import Economy, detectable, holm, payback, planned_error
from core.programme.randomisation import draw
from core.programme.registry import Outcome, Tier
from core.programme.standards import Obstacle
from core.programme.verdict import Language, payback_verdict, verdict
from tests.seeds import seed

WINDOW = Window(26, 4, 40)
ASKED = Question(window=WINDOW, draws=399)
WEEKS = 90


def scene(effect: float = 0.0, plants: int = 12, lead: float = 0.0, never: bool = True) -> tuple[Panel, Floats]:
    """Plants with small noise, an effect from the start on, and a slope before it that only starters have."""
    rng = np.random.default_rng(seed("evaluate"))
    starts = np.array([40, 50, NEVER if never else 50])[np.arange(plants) % 3]
    if not never:
        starts[:] = 40
    panel = Panel(starts, np.zeros(plants, int), np.ones((plants, WEEKS), bool))
    week = np.arange(WEEKS)
    outcome = rng.normal(0.4, 0.1, (plants, 1)) + rng.normal(0, 0.02, (plants, WEEKS))
    outcome += effect * (week >= starts[:, None]) + lead * np.where(starts[:, None] < NEVER, week, 0)
    return panel, outcome


def test_an_effect_that_is_there_is_shown_with_its_interval() -> None:
    found = evaluate(*scene(0.05), ASKED)
    assert found.finding is Finding.BETTER
    # One thing is asserted, three times for the checker.
    assert found.low is not None and found.high is not None and found.value is not None  # noqa: PT018  # one question: is there an interval
    assert 0 < found.low < found.value < found.high
    assert found.low < 0.05 < found.high
    assert (found.plants, found.treated) == (12, 8)
    assert found.leads_p is not None
    assert found.leads_p > 0.05
    assert found.if_trend_went_on == pytest.approx(0.05, abs=0.05)


def test_less_energy_is_better_and_less_output_is_worse() -> None:
    assert evaluate(*scene(-0.05), ASKED).finding is Finding.WORSE
    assert evaluate(*scene(-0.05), replace(ASKED, outcome=Outcome.ENERGY)).finding is Finding.BETTER


def test_no_effect_is_not_shown_and_says_what_could_have_been_seen() -> None:
    found = evaluate(*scene(), ASKED)
    assert found.finding is Finding.NOT_SHOWN
    assert found.detectable is not None
    assert 0.005 < found.detectable < 0.03


def test_plants_that_went_apart_before_allow_no_claim() -> None:
    found = evaluate(*scene(0.0, lead=0.002), ASKED)
    assert found.finding is Finding.TREND_BEFORE
    assert found.value is not None
    assert found.if_trend_went_on is not None
    assert abs(found.if_trend_went_on) < abs(found.value) / 2


@pytest.mark.parametrize("plants", [3, 5])
def test_below_six_plants_there_is_a_description_only(plants: int) -> None:
    found = evaluate(*scene(0.05, plants), ASKED)
    assert found.finding is Finding.DESCRIPTIVE
    assert found.value == pytest.approx(0.05, abs=0.03)
    assert found.low is found.p is found.detectable is None


@pytest.mark.parametrize("tier", [Tier.B2, Tier.B3])
def test_a_declared_baseline_has_no_interval(tier: Tier) -> None:
    found = evaluate(*scene(0.05), replace(ASKED, tier=tier))
    assert found.finding is Finding.DECLARED
    assert found.low is found.p is None


def test_work_that_is_not_the_same_has_no_number() -> None:
    found = evaluate(*scene(0.05), ASKED, Obstacle.MIX)
    assert found.finding is Finding.NOT_COMPARABLE
    assert found.value is None


def test_without_controls_the_evidence_is_weaker() -> None:
    found = evaluate(*scene(0.05, never=False), ASKED)
    assert found.weaker
    assert found.finding is Finding.BETTER
    assert found.low is not None
    assert evaluate(*scene(0.05, 4, never=False), ASKED).finding is Finding.DESCRIPTIVE
    panel, outcome = scene(never=False)
    late = Panel(np.full(12, 85), panel.strata, panel.observed)
    assert evaluate(late, outcome, ASKED).finding is Finding.NOTHING_TO_COMPARE


def test_several_outcomes_are_adjusted_after_holm() -> None:
    assert holm([]) == []
    assert holm([0.02, 0.011, 0.012]) == pytest.approx([0.033, 0.033, 0.033])
    assert holm([0.04, 0.001, 0.5, 0.02]) == pytest.approx([0.08, 0.004, 0.5, 0.06])
    found = evaluate(*scene(0.05), ASKED)
    assert found.p is not None
    lone = replace(found, p=0.03)
    assert [one.finding for one in adjust([lone])] == [Finding.BETTER]
    assert [one.finding for one in adjust([lone, replace(found, p=0.4)])] == [Finding.NOT_SHOWN, Finding.NOT_SHOWN]
    assert adjust([evaluate(*scene(0.05, 4), ASKED)])[0].finding is Finding.DESCRIPTIVE


def test_the_smallest_effect_to_be_seen_is_known_before_the_start() -> None:
    panel, history = scene()
    error = planned_error(panel, partial(effect_weights, window=WINDOW), history, draw(panel, 1, 399))
    assert error is not None
    assert detectable(error) == pytest.approx(2.8016 * error, rel=1e-4)
    found = evaluate(panel, history, ASKED)
    assert detectable(error, 10) == pytest.approx(found.detectable, rel=0.3)
    late = Panel(np.full(12, WEEKS), panel.strata, panel.observed)
    assert planned_error(late, partial(effect_weights, window=WINDOW), history, draw(panel, 1, 9)) is None


def test_payback_carries_the_interval_and_says_not_reached() -> None:
    economy = Economy(cost=1_000_000, margin_per_hour=50, more_cost_per_year=10_000, calendar_hours=8760, sold=0.8)
    found = payback(economy, 0.2, 0.1, 0.3)
    assert found.years == pytest.approx(1_000_000 / (0.2 * 8760 * 0.8 * 50 - 10_000))
    # One thing is asserted, three times for the checker.
    assert found.soonest is not None and found.latest is not None and found.years is not None  # noqa: PT018  # one question: is there an interval
    assert found.soonest < found.years < found.latest
    assert payback(economy, 0.2, -0.01, 0.3).latest is None
    assert payback(economy, -0.1, -0.2, 0.3).years is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        payback(replace(economy, sold=1.2), 0.2, 0.1, 0.3)


def every() -> list[Evaluation]:
    """An evaluation of every finding."""
    declared = evaluate(*scene(0.05), replace(ASKED, tier=Tier.B3))
    found = [
        *[evaluate(*scene(), ASKED, obstacle) for obstacle in Obstacle],
        Evaluation(ASKED, Finding.NOTHING_TO_COMPARE),
        declared,
        evaluate(*scene(0.05, 5), ASKED),
        evaluate(*scene(lead=0.002), ASKED),
        evaluate(*scene(), replace(ASKED, tier=Tier.B1)),
        evaluate(*scene(0.05), replace(ASKED, tier=Tier.B1)),
        evaluate(*scene(-0.05), ASKED),
        evaluate(*scene(0.05, never=False), ASKED),
    ]
    assert {one.finding for one in found} == set(Finding)
    return found


CLAIM = {"en": "would have been without the project", "ru": "было бы без проекта"}
DENIAL = {"en": "not mean that there is none", "ru": "не значит, что эффекта нет"}
INTERVAL = {"en": "interval", "ru": "интервал"}
SENSOR = {"en": "another sensor", "ru": "другой датчик"}


@pytest.mark.parametrize("language", get_args(Language))
def test_words_never_say_more_than_the_evidence(language: Language) -> None:
    for found in every():
        text = verdict(found, language)
        assert "{" not in text
        assert (CLAIM[language] in text) == (found.finding in SHOWN and not found.weaker), text
        assert (DENIAL[language] in text) == (found.finding is Finding.NOT_SHOWN), text
        assert (INTERVAL[language] in text) == (found.finding in SHOWN | {Finding.NOT_SHOWN}), text
        assert bool(re.search(r"\d", text)) == (found.value is not None), text
        asked = found.question.tier is Tier.B1 and found.low is not None
        assert (SENSOR[language] in text) == asked, text
        years = payback(Economy(100, 10, 0, 8760, 1), found.value or 0, found.low or 0, found.high or 0)
        assert bool(re.search(r"\d", payback_verdict(found, years, language))) == (found.finding is Finding.BETTER)


def test_a_verdict_reads_like_this() -> None:
    found = Evaluation(ASKED, Finding.BETTER, 12, 8, 0.0512, 0.03, 0.0725, 0.0025)
    assert verdict(found, "en") == (
        "Better: output in frozen standard hours differs by +5.1 standard hours per 100 calendar hours from what "
        "it would have been without the project, 95 % interval from +3.0 to +7.2, provided that nothing else set these "
        "plants apart at the same time."
    )
    assert verdict(found, "ru") == (
        "Лучше: выпуск по неизменным нормам отличается на +5,1 нормо-часа на 100 часов календарного времени от того, "
        "что было бы без проекта, интервал 95 % от +3,0 до +7,2, если в то же время эти предприятия не отличало ничто "
        "другое."
    )
    worse = replace(found, finding=Finding.NOT_SHOWN, value=-0.0004, low=-0.02, high=float("inf"), detectable=0.031)
    assert "0.0 standard hours" in verdict(worse, "en")
    assert "from −2.0 to no limit" in verdict(worse, "en")
    assert "эффект примерно от 3,1 нормо-часа" in verdict(worse, "ru")
    years = payback(Economy(1000, 10, 0, 1000, 1), 0.0512, 0.0, 0.0725)
    assert payback_verdict(found, years, "ru") == "Срок окупаемости, лет: 2,0; интервал от 1,4 до «не достигается»."
    assert payback_verdict(found, years, "en") == "Payback 2.0 years; interval from 1.4 years to not reached."


def test_what_remains_beside_the_lines_of_before_does_not_depend_on_them() -> None:
    flat, sloped = (evaluate(*scene(0.03, lead=lead), ASKED) for lead in (0.0, 0.01))
    assert sloped.if_trend_went_on == pytest.approx(flat.if_trend_went_on, abs=1e-9)
    assert flat.value is not None
    assert sloped.value is not None
    assert sloped.value - flat.value > 0.2


def test_missing_weeks_before_the_start_are_no_trend() -> None:
    panel, outcome = scene(0.05)
    gaps = np.random.default_rng(seed("gaps")).random(outcome.shape) < 0.1
    found = evaluate(replace(panel, observed=~gaps), np.where(gaps, np.nan, outcome), replace(ASKED, draws=99))
    assert found.finding is Finding.BETTER
    assert found.leads_p is not None
    whole = evaluate(panel, outcome, replace(ASKED, draws=99))
    assert found.if_trend_went_on == pytest.approx(whole.if_trend_went_on, abs=0.02)


def test_where_nobody_started_there_is_nothing_to_compare() -> None:
    panel = Panel(np.full(6, NEVER), np.zeros(6, int), np.ones((6, 10), bool))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evaluate(panel, np.ones((6, 10)), Question())
    assert found.finding is Finding.NOTHING_TO_COMPARE
