"""The further KPIs of ISO 22400-2 from sums; formulas after the published ontology of the standard.

"After ISO 22400-2", not conformity: the paid text was not compared. Where production without an order was seen
(`apt_no_order`) it counts as APT here, so that Availability = Allocation efficiency · Utilization efficiency holds.
Bounds: whatever the unknown time was (production, setup, delay, a planned stop), the figure lies inside.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.kpi.band import Band, Reason, fraction, share, undefined
from core.kpi.oee import Gap, Output, availability, effectiveness, oee, of_base, of_running, output, quality
from core.kpi.sums import Sums


def allocation_efficiency(sums: Sums) -> Band:
    """AUBT / PBT [1]: how much of the planned time an order was on the machine (supply with work)."""
    return share(sums.aubt, sums.unknown, sums.pbt)


def utilization_efficiency(sums: Sums) -> Band:
    """APT / AUBT [1]: how well the machine ran while it had an order.

    >>> utilization_efficiency(Sums(apt=280, aust=40, adet_idle=70, adot_idle=60)).value
    0.717948717948718
    """
    return fraction(sums.producing, sums.aust + sums.adet, sums.unknown, Reason.NO_ORDER_TIME)


def technical_efficiency(sums: Sums) -> Band:
    """APT / (APT + ADET) [1]."""
    return fraction(sums.producing, sums.adet, sums.unknown, Reason.NO_PRODUCTION)


def setup_ratio(sums: Sums) -> Band:
    """AUST / AUPT [1]."""
    return fraction(sums.aust, sums.producing, sums.unknown, Reason.NO_PRODUCTION)


def scrap_ratio(sums: Sums, unseen: int | None = None) -> Band:
    """SQ / PQ of counted parts [1].

    `unseen`: the most parts that were made in unknown time and that no counter has told yet; by default none if all
    time is known, otherwise any number.
    """
    parts, scrap = sums.parts_total, sums.parts_scrap
    if parts == 0:
        return undefined(Reason.NO_PARTS)
    if unseen is None and sums.unknown + sums.unknown_out:
        return Band(scrap / parts, 0.0, 1.0)
    most = parts + (unseen or 0)
    return Band(scrap / parts, scrap / most, (scrap + most - parts) / most)


def nee(sums: Sums, made: Output) -> Band:
    """Net equipment effectiveness, AUPT/PBT · Effectiveness · Quality ratio = AUPT/PBT · Σ PRI·GQ / APT [1].

    Setup is no loss here. Without production it is undefined, unlike OEE, because setup alone says nothing of output.
    """
    if sums.pbt == 0:
        return undefined(Reason.NO_PLANNED_TIME)
    rate = of_running(made.good, sums.producing, sums.unknown, made)
    if rate.value is None or rate.low is None or rate.high is None:
        return undefined(Reason.NO_PRODUCTION if rate.reason is Reason.NO_PARTS else rate.reason or Reason.NO_PARTS)
    least, most = sums.aupt / sums.pbt, (sums.aupt + sums.unknown) / sums.pbt
    # Lowest when all unknown time ran without output: it joins both AUPT and the running time that `rate.low` counts.
    return Band(least * rate.value, min(most * rate.low, least * rate.value), most * rate.high)


def calendar_oee(sums: Sums, made: Output) -> Band:
    """Σ PRI·GQ / CT [1] (like TEEP, not ISO). `made` must be an output with calendar=True.

    Defined also where nothing was planned: what was made outside the plan counts.
    """
    unknown = sums.unknown + sums.unknown_out
    return of_base(made.good, sums.calendar, unknown, made, Reason.NO_CALENDAR_TIME)


def piece_quality(sums: Sums) -> Band:
    """GQ / PQ by pieces [1], beside the quality ratio by standard hours, which alone telescopes."""
    if sums.parts_total == 0:
        return undefined(Reason.NO_PARTS)
    ratio = sums.parts_good / sums.parts_total
    if sums.unknown + sums.unknown_out:
        return Band(ratio, 0.0, 1.0)
    return Band(ratio, ratio, ratio)


def indicators(sums: Sums, gaps: Iterable[Gap], max_rate: float) -> dict[str, Band]:
    """All KPIs of a window by name. `max_rate`: greatest plausible output as a multiple of the standard rate.

    >>> found = indicators(Sums(apt=60, adet_idle=60, credit_total_us=50, credit_good_us=40), [], 1.2)
    >>> found["oee"].value == 40 / 120, found["setup_ratio"].value
    (True, 0.0)
    """
    known = list(gaps)
    made = output(sums, known, max_rate)
    return {
        "availability": availability(sums),
        "effectiveness": effectiveness(sums, made),
        "quality_ratio": quality(made),
        "oee": oee(sums, made),
        "nee": nee(sums, made),
        "allocation_efficiency": allocation_efficiency(sums),
        "utilization_efficiency": utilization_efficiency(sums),
        "technical_efficiency": technical_efficiency(sums),
        "setup_ratio": setup_ratio(sums),
        "scrap_ratio": scrap_ratio(sums),
        "calendar_oee": calendar_oee(sums, output(sums, known, max_rate, calendar=True)),
    }
