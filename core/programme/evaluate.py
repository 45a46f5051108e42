"""One outcome of a programme, judged: what was found, how surely, and how far it may be claimed.

The findings form a ladder; an evaluation stands on the lowest rung that any of its weaknesses allows, and only the
last three claim something about a cause. Nothing here words it: `verdict.py` does, from the finding alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial

import numpy as np

from core.programme.grouptime import (
    NEVER,
    Floats,
    Ints,
    Panel,
    Window,
    effect_weights,
    estimate,
    group_times,
)
from core.programme.leads import leads
from core.programme.planning import detectable, holm
from core.programme.randomisation import DRAWS, LEVEL, Certainty, assignments, certainty, constant, draw, proportional
from core.programme.registry import AMOUNTS, LESS_IS_BETTER, Outcome, Tier
from core.programme.series import mean_step
from core.programme.standards import Obstacle
from core.programme.student import t_quantile, t_two_sided

LEAST_PLANTS = 6
"""Below six plants nothing is claimed, it is only described (programmes.md §4.4)."""
LEAST_ASSIGNMENTS = 40
"""Fewer ways in which the starts could have fallen cannot make a p-value below 5 % on both sides."""


class Finding(StrEnum):
    """What may be said, from the least to the most."""

    NOT_COMPARABLE = "not_comparable"
    """The times before and after are not of the same work: no number."""
    NOTHING_TO_COMPARE = "nothing_to_compare"
    """No weeks before, or after, or no plant that was observed: no number."""
    DECLARED = "declared"
    """The time before was written down or promised, not measured (B2, B3): a number without an interval."""
    DESCRIPTIVE = "descriptive"
    """Too few plants: a number without an interval."""
    TREND_BEFORE = "trend_before"
    """The plants already went apart before the start: no effect can be claimed."""
    NOT_SHOWN = "not_shown"
    """The interval holds 0."""
    WORSE = "worse"
    BETTER = "better"


SHOWN = frozenset({Finding.BETTER, Finding.WORSE})


@dataclass(frozen=True)
class Question:
    """What is asked, fixed beforehand: outcome, how the time before is known, weeks compared, seed of the draws."""

    outcome: Outcome = Outcome.OUTPUT
    tier: Tier = Tier.B0
    window: Window = field(default_factory=Window)
    seed: int = 1
    draws: int = DRAWS
    level: float = LEVEL


@dataclass(frozen=True)
class Evaluation:
    """The answer, in the unit of the outcome. What a finding does not allow is None.

    `plants`: how many are compared, `treated` of them started. `p` is adjusted once several outcomes were asked.
    `weaker`: there was nothing to compare with. `leads_p`: of the plants having run in parallel before.
    `if_trend_went_on`: the effect less what the line through the leads would have brought anyway.
    `detectable`: the smallest effect that these plants could have shown. `left_out`: projects of which the work before
    and after cannot be compared.
    """

    question: Question
    finding: Finding
    plants: int = 0
    treated: int = 0
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    leads_p: float | None = None
    if_trend_went_on: float | None = None
    detectable: float | None = None
    weaker: bool = False
    obstacle: Obstacle | None = None
    left_out: int = 0


def evaluate(panel: Panel, outcome: Floats, question: Question, obstacle: Obstacle | None = None) -> Evaluation:
    """Judge an outcome (plants, weeks). `obstacle`: why the work before and after is not the same, if it is not."""
    if obstacle is not None:
        return Evaluation(question, Finding.NOT_COMPARABLE, obstacle=obstacle)
    weigh = partial(effect_weights, window=question.window)
    weights = weigh(panel)
    if weights is None:
        return _without_controls(panel, outcome, question)
    plants, treated = compared_plants(panel, question.window)
    found = Evaluation(question, Finding.DESCRIPTIVE, plants, treated, float(estimate(weights, outcome)))
    if question.tier in (Tier.B2, Tier.B3):
        return replace(found, finding=Finding.DECLARED)
    if plants < LEAST_PLANTS or assignments(panel) < LEAST_ASSIGNMENTS:
        return found
    orders = draw(panel, question.seed, question.draws)
    sure = certainty(panel, weigh, outcome, orders, pattern_of(panel, outcome, question, weights), question.level)
    found = _with_leads(panel, outcome, _with_interval(found, sure), orders)
    return replace(found, finding=_finding(found))


def pattern_of(panel: Panel, outcome: Floats, question: Question, weights: Floats) -> Floats:
    """What an effect on this outcome is: a share of amounts, as much as any of shares of time."""
    amounts = proportional(panel, outcome, question.window.skip)
    if question.outcome in AMOUNTS and estimate(weights, amounts) > 0:
        return amounts
    return constant(panel, question.window.skip)


def adjust(evaluations: list[Evaluation]) -> list[Evaluation]:
    """Several secondary outcomes with Holm's p-values; what then is above the level is not shown any more."""
    tested = [found.p for found in evaluations if found.p is not None]
    adjusted = iter(holm(tested))
    answers = [found if found.p is None else replace(found, p=next(adjusted)) for found in evaluations]
    return [replace(found, finding=_finding(found)) if found.finding in SHOWN else found for found in answers]


def _with_interval(found: Evaluation, sure: Certainty) -> Evaluation:
    return replace(
        found,
        low=float(sure.low),
        high=float(sure.high),
        p=float(sure.p),
        detectable=detectable(float(sure.se), found.plants - 2, found.question.level),
    )


def _finding(found: Evaluation) -> Finding:
    """What an evaluation with an interval may claim."""
    alpha = 1 - found.question.level
    if found.leads_p is not None and found.leads_p < alpha:
        return Finding.TREND_BEFORE
    if found.value is None or found.low is None or found.high is None or found.p is None:
        return Finding.DESCRIPTIVE
    if found.p > alpha or found.low <= 0 <= found.high:
        return Finding.NOT_SHOWN
    rises = found.value > 0
    return Finding.BETTER if rises != (found.question.outcome in LESS_IS_BETTER) else Finding.WORSE


def compared_plants(panel: Panel, window: Window) -> tuple[int, int]:
    """How many plants take part in a comparison, and how many of them as treated ones."""
    used = np.zeros(panel.plants, bool)
    treated = np.zeros(panel.plants, bool)
    for cohort in group_times(panel, window):
        used |= (cohort.shares != 0).any(axis=1)
        treated |= (cohort.shares > 0).any(axis=1)
    return int(used.sum()), int(treated.sum())


def _with_leads(panel: Panel, outcome: Floats, found: Evaluation, orders: Ints) -> Evaluation:
    before = leads(panel, outcome, found.question.window, orders)
    if before is None or found.value is None:
        return found
    return replace(found, leads_p=before.p, if_trend_went_on=found.value - before.line)


def _without_controls(panel: Panel, outcome: Floats, question: Question) -> Evaluation:
    """All started together, or nobody else is there: an interrupted time series, which claims less."""
    started = int((panel.starts < NEVER).sum())
    step = mean_step(panel, outcome, question.window)
    if step is None:
        return Evaluation(question, Finding.NOTHING_TO_COMPARE, started, started)
    found = Evaluation(question, Finding.DESCRIPTIVE, started, started, step.value, weaker=True)
    if question.tier in (Tier.B2, Tier.B3):
        return replace(found, finding=Finding.DECLARED)
    if started < LEAST_PLANTS or step.error == 0:
        return found
    half = t_quantile((1 + question.level) / 2, step.freedom) * step.error
    found = replace(
        found,
        low=step.value - half,
        high=step.value + half,
        p=t_two_sided(step.value / step.error, step.freedom),
        detectable=detectable(step.error, step.freedom, question.level),
    )
    return replace(found, finding=_finding(found))
