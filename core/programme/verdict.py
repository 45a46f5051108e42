"""A finding in plain words, Russian and English, that never say more than the evidence.

Invariants: a number stands only where the finding carries one, an interval only where one was computed, "because of"
nowhere but where plants that had not started were compared and ran in parallel before; "not shown" is never "no
effect".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from core.programme.evaluate import SHOWN, Evaluation, Finding
from core.programme.planning import Payback
from core.programme.registry import Outcome, Tier
from core.programme.standards import Obstacle

Language = Literal["en", "ru"]


@dataclass(frozen=True)
class _Words:
    """The sentences of one language. Placeholders: {what}, {by}, {low}, {high}, {least}, {plants}, {level}."""

    findings: Mapping[Finding, str]
    obstacles: Mapping[Obstacle, str]
    outcomes: Mapping[Outcome, tuple[str, str, float]]
    weaker: str
    another_sensor: str
    least: str
    trend: str
    unbounded: str
    payback: str
    payback_to: str
    payback_open: str
    payback_never: str
    payback_not_known: str


_EN = _Words(
    findings={
        Finding.NOT_COMPARABLE: "Not comparable: {why} No figure is given.",
        Finding.NOTHING_TO_COMPARE: "Nothing can be compared: too few weeks were observed before or after the start.",
        Finding.DECLARED: "The time before was declared, not measured. Against the declaration, {what} differs "
        "by {by}. How sure this is cannot be said; it is no evidence of an effect.",
        Finding.DESCRIPTIVE: "{plants} plants allow a description only: {what} differs by {by}. "
        "It is no evidence of an effect.",
        Finding.TREND_BEFORE: "The plants already went apart before the start. "
        "The difference in {what} ({by}) cannot be put down to the project.",
        Finding.NOT_SHOWN: "An effect on {what} was not shown: {by}, {level} % interval from {low} to {high}. "
        "This does not mean that there is none.",
        Finding.WORSE: "Worse: {what} differs by {by} from what it would have been without the project, "
        "{level} % interval from {low} to {high}, provided that nothing else set these plants apart at the same time.",
        Finding.BETTER: "Better: {what} differs by {by} from what it would have been without the project, "
        "{level} % interval from {low} to {high}, provided that nothing else set these plants apart at the same time.",
    },
    obstacles={
        Obstacle.MIX: "too few of the parts made after the start were made before it.",
        Obstacle.NO_STANDARD: "parts were made for which no standard time of the time before is known.",
        Obstacle.NO_OUTPUT: "there is no output before or after the start.",
    },
    outcomes={
        Outcome.OUTPUT: ("output in frozen standard hours", "standard hours per 100 calendar hours", 100),
        Outcome.LOAD: ("production time of calendar time", "percentage points", 100),
        Outcome.AVAILABILITY: ("availability", "percentage points", 100),
        Outcome.ENERGY: ("energy per frozen standard hour", "kWh per standard hour", 1),
    },
    weaker="Weaker evidence: {what} after the start differs by {by} from the plants' own past, "
    "{level} % interval from {low} to {high}. There was nothing to compare with, so other causes are not excluded.",
    another_sensor="The time before was measured by another sensor than the time after.",
    least="These plants could have shown effects from about {least} on.",
    trend="Had the slight differences before the start gone on as a line, {by} would remain.",
    unbounded="no limit",
    payback="Payback {years} years",
    payback_to="; interval from {soonest} to {latest} years.",
    payback_open="; interval from {soonest} years to not reached.",
    payback_never="Payback is not reached at the estimated effect.",
    payback_not_known="Payback is not computed, because no effect was shown.",
)

_RU = _Words(
    findings={
        Finding.NOT_COMPARABLE: "Несопоставимо: {why} Число не приводится.",
        Finding.NOTHING_TO_COMPARE: "Сравнивать нечего: до или после начала слишком мало недель с наблюдениями.",
        Finding.DECLARED: "Уровень до начала заявлен, а не измерен. Относительно заявленного {what} отличается на "
        "{by}. Насколько это точно, сказать нельзя; доказательством эффекта это не является.",
        Finding.DESCRIPTIVE: "Предприятий: {plants}; возможно только описание: {what} отличается на {by}. "
        "Доказательством эффекта это не является.",
        Finding.TREND_BEFORE: "Предприятия расходились уже до начала. "
        "Отличие ({what}: {by}) нельзя отнести на счёт проекта.",
        Finding.NOT_SHOWN: "Эффект не показан ({what}): {by}, интервал {level} % от {low} до {high}. "
        "Это не значит, что эффекта нет.",
        Finding.WORSE: "Хуже: {what} отличается на {by} от того, что было бы без проекта, "
        "интервал {level} % от {low} до {high}, если в то же время эти предприятия не отличало ничто другое.",
        Finding.BETTER: "Лучше: {what} отличается на {by} от того, что было бы без проекта, "
        "интервал {level} % от {low} до {high}, если в то же время эти предприятия не отличало ничто другое.",
    },
    obstacles={
        Obstacle.MIX: "слишком мало деталей, которые изготавливались и до начала, и после.",
        Obstacle.NO_STANDARD: "изготавливались детали, для которых не известна норма времени периода до начала.",
        Obstacle.NO_OUTPUT: "до или после начала нет выпуска.",
    },
    outcomes={
        Outcome.OUTPUT: ("выпуск по неизменным нормам", "нормо-часа на 100 часов календарного времени", 100),
        Outcome.LOAD: ("доля времени производства в календарном времени", "процентного пункта", 100),
        Outcome.AVAILABILITY: ("доступность", "процентного пункта", 100),
        Outcome.ENERGY: ("расход энергии на нормо-час", "кВт·ч на нормо-час", 1),
    },
    weaker="Более слабое доказательство: {what} после начала отличается на {by} от собственного прошлого предприятий, "
    "интервал {level} % от {low} до {high}. Сравнить было не с чем, поэтому другие причины не исключены.",
    another_sensor="До начала измерял другой датчик, чем после.",
    least="На этих предприятиях можно было показать эффект примерно от {least}.",
    trend="Если бы небольшие различия до начала продолжились по прямой, осталось бы {by}.",
    unbounded="без границы",
    payback="Срок окупаемости, лет: {years}",
    payback_to="; интервал от {soonest} до {latest}.",
    payback_open="; интервал от {soonest} до «не достигается».",
    payback_never="При оценённом эффекте окупаемость не достигается.",
    payback_not_known="Срок окупаемости не рассчитан: эффект не показан.",
)

WORDS: Mapping[Language, _Words] = {"en": _EN, "ru": _RU}


def verdict(found: Evaluation, language: Language) -> str:
    """The evaluation in words: one to three sentences."""
    words = WORDS[language]
    sentences = [_first(found, words, language)]
    if found.finding in SHOWN | {Finding.NOT_SHOWN}:
        if found.question.tier is Tier.B1:
            sentences.append(words.another_sensor)
        if found.detectable is not None and found.finding is Finding.NOT_SHOWN:
            sentences.append(words.least.format(least=_amount(found, found.detectable, words, language, signed=False)))
        if found.if_trend_went_on is not None:
            sentences.append(words.trend.format(by=_amount(found, found.if_trend_went_on, words, language)))
    return " ".join(sentences)


def payback_verdict(found: Evaluation, years: Payback, language: Language) -> str:
    """Payback in words; without a shown effect there is none."""
    words = WORDS[language]
    if found.finding is not Finding.BETTER:
        return words.payback_not_known
    if years.years is None or years.soonest is None:
        return words.payback_never
    shown = {name: _number(value, language) for name, value in vars(years).items() if value is not None}
    return (words.payback + (words.payback_open if years.latest is None else words.payback_to)).format(**shown)


def _first(found: Evaluation, words: _Words, language: Language) -> str:
    sentence = words.weaker if found.weaker and found.finding in SHOWN else words.findings[found.finding]
    shown = {
        "what": words.outcomes[found.question.outcome][0],
        "plants": str(found.plants),
        "level": f"{100 * found.question.level:.0f}",
        "why": "" if found.obstacle is None else words.obstacles[found.obstacle],
    }
    for name, value in (("by", found.value), ("low", found.low), ("high", found.high)):
        if value is not None:
            plain = name != "by"
            shown[name] = _amount(found, value, words, language, unit=not plain)
    return sentence.format(**shown)


def _amount(
    found: Evaluation, value: float, words: _Words, language: Language, *, signed: bool = True, unit: bool = True
) -> str:
    _, name, scale = words.outcomes[found.question.outcome]
    if not isfinite(value):
        return words.unbounded
    text = _number(value * scale, language, signed=signed)
    return f"{text} {name}" if unit else text


def _number(value: float, language: Language, *, signed: bool = False) -> str:
    """One decimal, with a minus sign, in Russian with a decimal comma."""
    text = f"{value:+.1f}" if signed else f"{value:.1f}"
    text = "0.0" if text.strip("+-0.") == "" else text.replace("-", "−")
    return text.replace(".", ",") if language == "ru" else text
