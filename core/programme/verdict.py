"""A finding in plain words, Russian and English, that never say more than the evidence.

Invariants: a number stands only where the finding carries one, an interval only where one was computed, "because of"
nowhere but where plants that had not started were compared and ran in parallel before; "not shown" is never "no
effect".
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Literal

from core.programme.evaluate import SHOWN, Evaluation, Finding
from core.programme.planning import Payback
from core.programme.registry import Outcome, Tier
from core.programme.standards import Obstacle

Language = Literal["en", "ru"]


_Both = tuple[str, str]
"""The same in English and in Russian."""
_PLACE: Mapping[Language, int] = {"en": 0, "ru": 1}

_FINDINGS: Mapping[Finding, _Both] = {
    Finding.NOT_COMPARABLE: (
        "Not comparable: {why} No figure is given.",
        "Несопоставимо: {why} Число не приводится.",
    ),
    Finding.NOTHING_TO_COMPARE: (
        "Nothing can be compared: too few weeks were observed before or after the start.",
        "Сравнивать нечего: до или после начала слишком мало недель с наблюдениями.",
    ),
    Finding.DECLARED: (
        "The time before was declared, not measured. Against the declaration, {what} differs by {by}. "
        "How sure this is cannot be said; it is no evidence of an effect.",
        "Уровень до начала заявлен, а не измерен. Относительно заявленного {what} отличается на {by}. "
        "Насколько это точно, сказать нельзя; доказательством эффекта это не является.",
    ),
    Finding.DESCRIPTIVE: (
        "{plants} plants allow a description only: {what} differs by {by}. It is no evidence of an effect.",
        "Предприятий: {plants}; возможно только описание: {what} отличается на {by}. Доказательством "
        "эффекта это не является.",
    ),
    Finding.TREND_BEFORE: (
        "The plants already went apart before the start. The difference in {what} ({by}) cannot be put "
        "down to the project.",
        "Предприятия расходились уже до начала. Отличие ({what}: {by}) нельзя отнести на счёт проекта.",
    ),
    Finding.NOT_SHOWN: (
        "An effect on {what} was not shown: {by}, {level} % interval from {low} to {high}. This does not "
        "mean that there is none.",
        "Эффект не показан ({what}): {by}, интервал {level} % от {low} до {high}. Это не значит, что эффекта нет.",
    ),
    Finding.WORSE: (
        "Worse: {what} differs by {by} from what it would have been without the project, {level} % "
        "interval from {low} to {high}, provided that nothing else set these plants apart at the same "
        "time.",
        "Хуже: {what} отличается на {by} от того, что было бы без проекта, интервал {level} % от {low} "
        "до {high}, если в то же время эти предприятия не отличало ничто другое.",
    ),
    Finding.BETTER: (
        "Better: {what} differs by {by} from what it would have been without the project, {level} % "
        "interval from {low} to {high}, provided that nothing else set these plants apart at the same "
        "time.",
        "Лучше: {what} отличается на {by} от того, что было бы без проекта, интервал {level} % от {low} "
        "до {high}, если в то же время эти предприятия не отличало ничто другое.",
    ),
}
"""Placeholders: {what}, {by}, {low}, {high}, {plants}, {level}, {why}."""

_OBSTACLES: Mapping[Obstacle, _Both] = {
    Obstacle.MIX: (
        "too few of the parts made after the start were made before it.",
        "слишком мало деталей, которые изготавливались и до начала, и после.",
    ),
    Obstacle.NO_STANDARD: (
        "parts were made for which no standard time of the time before is known.",
        "изготавливались детали, для которых не известна норма времени периода до начала.",
    ),
    Obstacle.NO_OUTPUT: (
        "there is no output before or after the start.",
        "до или после начала нет выпуска.",
    ),
}

_OUTCOMES: Mapping[Outcome, tuple[_Both, _Both, float]] = {
    Outcome.OUTPUT: (
        ("output in frozen standard hours", "выпуск по неизменным нормам"),
        ("standard hours per 100 calendar hours", "нормо-часа на 100 часов календарного времени"),
        100,
    ),
    Outcome.LOAD: (
        ("production time of calendar time", "доля времени производства в календарном времени"),
        ("percentage points", "процентного пункта"),
        100,
    ),
    Outcome.AVAILABILITY: (
        ("availability", "доступность"),
        ("percentage points", "процентного пункта"),
        100,
    ),
    Outcome.ENERGY: (
        ("energy per frozen standard hour", "расход энергии на нормо-час"),
        ("kWh per standard hour", "кВт·ч на нормо-час"),
        1,
    ),
}
"""Name, unit as it is shown, and how many of these make one of the unit of the figure."""

_WEAKER = (
    "Weaker evidence: {what} after the start differs by {by} from the plants' own past, {level} % "
    "interval from {low} to {high}. There was nothing to compare with, so other causes are not excluded.",
    "Более слабое доказательство: {what} после начала отличается на {by} от собственного прошлого "
    "предприятий, интервал {level} % от {low} до {high}. Сравнить было не с чем, поэтому другие причины "
    "не исключены.",
)
_ANOTHER_SENSOR = (
    "The time before was measured by another sensor than the time after.",
    "До начала измерял другой датчик, чем после.",
)
_LEAST = (
    "These plants could have shown effects from about {least} on.",
    "На этих предприятиях можно было показать эффект примерно от {least}.",
)
_TREND = (
    "Had the slight differences before the start gone on as a line, {by} would remain.",
    "Если бы небольшие различия до начала продолжились по прямой, осталось бы {by}.",
)
_UNBOUNDED = (
    "no limit",
    "без границы",
)
_PAYBACK = (
    "Payback {years} years",
    "Срок окупаемости, лет: {years}",
)
_PAYBACK_TO = (
    "; interval from {soonest} to {latest} years.",
    "; интервал от {soonest} до {latest}.",
)
_PAYBACK_OPEN = (
    "; interval from {soonest} years to not reached.",
    "; интервал от {soonest} до «не достигается».",
)
_PAYBACK_NEVER = (
    "Payback is not reached at the estimated effect.",
    "При оценённом эффекте окупаемость не достигается.",
)
_PAYBACK_NOT_KNOWN = (
    "Payback is not computed, because no effect was shown.",
    "Срок окупаемости не рассчитан: эффект не показан.",
)


_LEFT_OUT = (
    "Left out, because the work before and after is not the same: {count} of the projects.",
    "Не учтены, потому что работа до и после несопоставима, проектов: {count}.",
)


def verdict(found: Evaluation, language: Language) -> str:
    """The evaluation in words: one to four sentences."""
    at = _PLACE[language]
    sentences = [_first(found, language)]
    if found.left_out and found.finding is not Finding.NOT_COMPARABLE:
        sentences.append(_LEFT_OUT[at].format(count=found.left_out))
    if found.finding in SHOWN | {Finding.NOT_SHOWN}:
        if found.question.tier is Tier.B1:
            sentences.append(_ANOTHER_SENSOR[at])
        if found.detectable is not None and found.finding is Finding.NOT_SHOWN:
            sentences.append(_LEAST[at].format(least=_amount(found, found.detectable, language, signed=False)))
        if found.if_trend_went_on is not None:
            sentences.append(_TREND[at].format(by=_amount(found, found.if_trend_went_on, language)))
    return " ".join(sentences)


def payback_verdict(found: Evaluation, years: Payback, language: Language) -> str:
    """Payback in words; without a shown effect there is none."""
    at = _PLACE[language]
    if found.finding is not Finding.BETTER:
        return _PAYBACK_NOT_KNOWN[at]
    if years.years is None or years.soonest is None:
        return _PAYBACK_NEVER[at]
    shown = {name: _number(value, language) for name, value in vars(years).items() if value is not None}
    return (_PAYBACK[at] + (_PAYBACK_OPEN if years.latest is None else _PAYBACK_TO)[at]).format(**shown)


def _first(found: Evaluation, language: Language) -> str:
    sentences = _WEAKER if found.weaker and found.finding in SHOWN else _FINDINGS[found.finding]
    at = _PLACE[language]
    shown = {
        "what": _OUTCOMES[found.question.outcome][0][at],
        "plants": str(found.plants),
        "level": f"{100 * found.question.level:.0f}",
        "why": "" if found.obstacle is None else _OBSTACLES[found.obstacle][at],
    }
    for name, value in (("by", found.value), ("low", found.low), ("high", found.high)):
        if value is not None:
            shown[name] = _amount(found, value, language, unit=name == "by")
    return sentences[at].format(**shown)


def _amount(found: Evaluation, value: float, language: Language, *, signed: bool = True, unit: bool = True) -> str:
    _, units, scale = _OUTCOMES[found.question.outcome]
    if not isfinite(value):
        return _UNBOUNDED[_PLACE[language]]
    text = _number(value * scale, language, signed=signed)
    return f"{text} {units[_PLACE[language]]}" if unit else text


def _number(value: float, language: Language, *, signed: bool = False) -> str:
    """One decimal, with a minus sign, in Russian with a decimal comma."""
    text = f"{value:+.1f}" if signed else f"{value:.1f}"
    text = "0.0" if text.strip("+-0.") == "" else text.replace("-", "−")
    return text.replace(".", ",") if language == "ru" else text
