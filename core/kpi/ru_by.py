"""Indicators of Russian and Belarusian practice from the same sums and intervals.

Invariant: every indicator carries the base it was divided by, because practice differs there; nothing is divided by a
base that was not declared. Numerators are measured time inside that base where the base is a plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.kpi.band import Band, Reason, exact, undefined
from core.kpi.oee import Output, effectiveness
from core.kpi.sums import Sums
from core.units import HOUR_US


class Base(StrEnum):
    """What an indicator was divided by; the value is printed in Russian beside the figure."""

    CALENDAR_FUND = "календарный фонд Фк"
    REGIME_FUND = "номинальный (режимный) фонд Фн"
    EFFECTIVE_FUND = "действительный фонд Фд"
    PLANNED_BUSY = "плановое время занятости PBT"
    INSTALLED = "установленное оборудование"
    OPERATING = "действующее оборудование"
    LARGEST_SHIFT = "оборудование наибольшей смены"
    STANDARD_BY_RUNNING = "нормированное время к времени работы"
    REQUIRED_TIME = "исправное время и неплановый ремонт"
    REQUIRED_TIME_AND_PLANNED = "исправное время, неплановый и плановый ремонт"


@dataclass(frozen=True)
class Indicator:
    """An indicator with its declared base. `numerator`, `denominator` in `unit` ("µs" or "1")."""

    name: str
    band: Band
    base: Base
    numerator: float
    denominator: float
    unit: str = "µs"

    def printed(self) -> str:
        """The figure as a Russian line: value, division, base.

        >>> load_actual(9 * HOUR_US, 0, 12 * HOUR_US, Base.EFFECTIVE_FUND).printed()
        'Кз.факт = 0,75 (9,0 ч / 12,0 ч; база: действительный фонд Фд)'
        """
        value = f"не определён ({self.band.reason})" if self.band.value is None else _comma(self.band.value, 2)
        over, under = (self._shown(amount) for amount in (self.numerator, self.denominator))
        return f"{self.name} = {value} ({over} / {under}; база: {self.base})"

    def _shown(self, amount: float) -> str:
        return f"{_comma(amount / HOUR_US, 1)} ч" if self.unit == "µs" else _comma(amount, 2)


def _comma(number: float, digits: int) -> str:
    return f"{number:.{digits}f}".replace(".", ",")


def calendar_fund(from_us: int, to_us: int, machines: int = 1) -> int:
    """Фк, every hour there is [µs]: the window times the machines; leap years and clock changes are in the window."""
    return (to_us - from_us) * machines


def regime_fund(pbt_us: Iterable[int]) -> int:
    """Фн [µs]: planned busy time by the calendars of the machines; holidays and shortened days are in the calendars."""
    return sum(pbt_us)


def effective_fund(regime_us: int, repair_share: float) -> int:
    """Фд = Фн · (1 − α) [µs]; α [1] is a norm for planned repair (usually 0.03 to 0.12), not measured.

    >>> effective_fund(100, 0.05)
    95
    """
    if not 0 <= repair_share < 1:
        raise ValueError(f"the share of planned repair must be from 0 to below 1, not {repair_share}")
    return round(regime_us * (1 - repair_share))


def load_planned(standard_us: Iterable[tuple[int, int]], fund_us: int, base: Base) -> Indicator:
    """Кз.план = Σ Тшт·N / Ф: `standard_us` are (standard time of a part [µs], planned parts). A plan against a fund."""
    needed = sum(pri * parts for pri, parts in standard_us)
    return _over("Кз.план", needed, 0, fund_us, base)


def load_actual(busy_us: int, unknown_us: int, fund_us: int, base: Base) -> Indicator:
    """Кз.факт = Тоб / Ф from measured busy time (AUBT); near to allocation efficiency where the fund is PBT."""
    return _over("Кз.факт", busy_us, unknown_us, fund_us, base)


def shift_factor(worked: Iterable[tuple[int, int]], days: int, machines: int, base: Base, least_us: int) -> Indicator:
    """Ксм = machine-shifts worked a day / machines [1].

    `worked`: one (working time, unknown time) in µs for each machine and shift; a machine worked in a shift from
    `least_us` on (1 h is usual; the choice is part of the definition). `machines` as `base` says. A shift counts up to
    the high bound where unknown time could have made it a worked one.
    """
    name = f"Ксм (смена отработана от {_comma(least_us / HOUR_US, 1)} ч)"
    rows = list(worked)
    sure = sum(us >= least_us for us, _ in rows)
    possible = sum(us + unknown >= least_us for us, unknown in rows)
    below = days * machines
    if below == 0:
        return Indicator(name, undefined(Reason.NO_MACHINES), base, sure, 0, "1")
    return Indicator(name, Band(sure / below, sure / below, possible / below), base, sure, below, "1")


def extensive_use(actual_us: int, unknown_us: int, fund_us: int, base: Base) -> Indicator:
    """Кэ = Тфакт / Ф: how long it worked of the time of the fund."""
    return _over("Кэ", actual_us, unknown_us, fund_us, base)


def intensive_use(sums: Sums, made: Output) -> Indicator:
    """Ки = tнорм / tфакт: standard time of the parts by production time (effectiveness)."""
    band = effectiveness(sums, made)
    return Indicator("Ки", band, Base.STANDARD_BY_RUNNING, made.made.booked, sums.producing)


def integral_use(extensive: Indicator, intensive: Indicator) -> Indicator:
    """Кинт = Кэ · Ки: near to availability · effectiveness, OEE without quality. Base is that of Кэ.

    The bounds are products of bounds: safe, though wider than they could be.
    """
    a, b = extensive.band, intensive.band
    band = undefined(a.reason or b.reason or Reason.NO_FUND)
    if a.value is not None and b.value is not None:
        high = None if a.high is None or b.high is None else a.high * b.high
        band = Band(a.value * b.value, (a.low or 0.0) * (b.low or 0.0), high)
    return Indicator("Кинт", band, extensive.base, band.value or 0.0, 1, "1")


def technical_readiness(sums: Sums, planned_repair_us: int | None = None) -> Indicator:
    """КТГ = Тиспр / (Тиспр + Трем): time in order by that and standing for repair, inside planned time.

    Failures (unplanned_stop) are repair. `planned_repair_us`: planned repair to be counted as well; None leaves it out.
    Either way the base says so. Unknown time may have been either.
    """
    repair = sums.adet_stop + sums.adot_stop + (planned_repair_us or 0)
    working = sums.pbt - sums.unknown - sums.adet_stop - sums.adot_stop
    base = Base.REQUIRED_TIME if planned_repair_us is None else Base.REQUIRED_TIME_AND_PLANNED
    known = working + repair
    if known == 0:
        return Indicator("КТГ", undefined(Reason.NO_PLANNED_TIME), base, working, known)
    every = known + sums.unknown
    band = Band(working / known, working / every, (working + sums.unknown) / every)
    return Indicator("КТГ", band, base, working, known)


def equipment_use(working_us: int, unknown_us: int, fund_us: int, base: Base) -> Indicator:
    """КИО = Траб / Ф; funds differ by branch, so the base is declared."""
    return _over("КИО", working_us, unknown_us, fund_us, base)


def machining_share(machining_us: int | None, piece_us: int) -> Band:
    """Удельный вес машинного времени, tмаш / tшт [1]: time in cut by time of the pieces; None: no signal."""
    if machining_us is None:
        return undefined(Reason.NO_SIGNAL)
    return exact(machining_us / piece_us) if piece_us else undefined(Reason.NO_PARTS)


def _over(name: str, us: int, unknown_us: int, fund_us: int, base: Base) -> Indicator:
    if fund_us == 0:
        return Indicator(name, undefined(Reason.NO_FUND), base, us, 0)
    return Indicator(name, Band(us / fund_us, us / fund_us, (us + unknown_us) / fund_us), base, us, fund_us)
