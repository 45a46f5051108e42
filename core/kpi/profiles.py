"""Profiles: the same stored time read by different standards, as data with id and version.

Invariants: a profile gives every cell of time (`core.kpi.sums.CELLS`) exactly one term, so its terms add up to calendar
time; its figures are ratios of sums of terms and of standard-time credits. Nothing is stored by profile.
Sources and a worked example: docs/en/indicators.md; readings of ours are said in the profile's notes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.kpi.band import Band, Reason, fraction, share
from core.kpi.oee import Gap, Output, of_base, of_running, output, quality
from core.kpi.sums import Sums

GOOD, ALL = "credit_good", "credit_total"
"""Standard-time credits as numerator or denominator of a figure: Σ PRI·GQ and Σ PRI·PQ."""


@dataclass(frozen=True)
class Profile:
    """A standard's reading. `terms`: term by cell; `figures`: name -> (numerator, denominator), lists of terms
    or credits.

    A profile whose figures have no "oee" belongs to a standard that does not define one.
    """

    id: str
    version: int
    title: str
    notes: str
    terms: Mapping[str, str]
    figures: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Figure:
    """A ratio with what was divided by what [µs]; both are shown beside every percentage."""

    band: Band
    numerator_us: int
    denominator_us: int


@dataclass(frozen=True)
class Reading:
    """One profile's reading of some sums: µs by term, and its figures by name."""

    profile: Profile
    terms_us: Mapping[str, int]
    figures: Mapping[str, Figure]


def _terms(**cells: str) -> dict[str, str]:
    return {cell: term for term, listed in cells.items() for cell in listed.split()}


_RUN = "apt apt_no_order"
_IDLE, _STOP = "adet_idle", "adet_stop"
_MICRO = "adet_idle_micro adet_stop_micro"
_NO_ORDER = "adot_idle adot_setup adot_stop adot_idle_micro adot_stop_micro"
_BREAK = "planned_calendar planned_failure"
_OUT = "apt_out aust_out unknown_out"
_OFF = "planned_calendar_off planned_failure_off apt_out_off aust_out_off unknown_out_off"
_PBT = "APT AUST ADET ADOT UNKNOWN"

_ISO_FIGURES = {
    "availability": ("APT", _PBT),
    "performance": (ALL, "APT"),
    "quality": (GOOD, ALL),
    "oee": (GOOD, _PBT),
    "allocation_efficiency": ("APT AUST ADET", _PBT),
    "utilization_efficiency": ("APT", "APT AUST ADET"),
    "technical_efficiency": ("APT", "APT ADET"),
}

ISO_22400 = Profile(
    "iso22400-2",
    1,
    "ISO 22400-2",
    "Standing during an order is delay (ADET), without an order down time (ADOT).",
    _terms(
        APT=_RUN,
        AUST="aust",
        ADET=f"{_IDLE} {_STOP} {_MICRO}",
        ADOT=_NO_ORDER,
        UNKNOWN="unknown",
        planned_downtime=f"planned_state {_BREAK}",
        outside_plan=_OUT,
        not_scheduled=_OFF,
    ),
    _ISO_FIGURES,
)

OPC_40001 = Profile(
    "opc40001-1-c",
    1,
    "OPC 40001-1 annex C",
    "NotExecuting during an order is ADET; maintenance planned in operation time is APMT.",
    _terms(
        APT=_RUN,
        AUST="aust",
        ADET=f"{_IDLE} {_STOP} {_MICRO}",
        ADOT=_NO_ORDER,
        UNKNOWN="unknown",
        APMT="planned_state",
        planned_downtime=_BREAK,
        outside_plan=_OUT,
        not_scheduled=_OFF,
    ),
    _ISO_FIGURES,
)

OPC_40501 = Profile(
    "opc40501-1-c",
    1,
    "OPC 40501-1 annex C",
    "NotExecuting is ADOT and OutOfService is ADET, with or without an order; Executing in setup is AUST.",
    _terms(
        APT=_RUN,
        AUST="aust adot_setup",
        ADET=f"{_STOP} adet_stop_micro adot_stop adot_stop_micro",
        ADOT=f"{_IDLE} adet_idle_micro adot_idle adot_idle_micro",
        UNKNOWN="unknown",
        planned_downtime=f"planned_state {_BREAK}",
        outside_plan=_OUT,
        not_scheduled=_OFF,
    ),
    _ISO_FIGURES,
)

NAKAJIMA = Profile(
    "nakajima-tpm",
    1,
    "Nakajima / TPM",
    "Time without an order is planned out of loading time; setup, breakdowns and long standing are down losses, "
    "micro-stops are a performance loss.",
    _terms(
        production=_RUN,
        minor_stops=_MICRO,
        setup="aust",
        breakdown=_STOP,
        waiting=_IDLE,
        unknown="unknown",
        planned_out=f"planned_state {_BREAK} {_NO_ORDER} {_OUT}",
        not_scheduled=_OFF,
    ),
    {
        "availability": ("production minor_stops", "production minor_stops setup breakdown waiting unknown"),
        "performance": (ALL, "production minor_stops"),
        "quality": (GOOD, ALL),
        "oee": (GOOD, "production minor_stops setup breakdown waiting unknown"),
    },
)

AVAILABLE_TIME = Profile(
    "available-time",
    1,
    "Available time",
    "Base is the whole shift, breaks included; time without an order, waiting and micro-stops fall into reduced speed.",
    _terms(
        running=f"{_RUN} {_IDLE} {_MICRO} adot_idle adot_idle_micro",
        setup="aust adot_setup",
        breakdown=f"{_STOP} adot_stop adot_stop_micro",
        unknown="unknown",
        planned=f"planned_state {_BREAK} {_OUT}",
        not_scheduled=_OFF,
    ),
    {
        "availability": ("running", "running setup breakdown planned unknown"),
        "performance": (ALL, "running"),
        "quality": (GOOD, ALL),
        "oee": (GOOD, "running setup breakdown planned unknown"),
    },
)

_VDI_CELLS = {
    "T_T": f"{_STOP} adet_stop_micro adot_stop adot_stop_micro",
    "T_W": "planned_state",
    "unknown": "unknown",
    "not_occupied": f"{_BREAK} {_OUT} {_OFF}",
}
_VDI_STANDING = f"{_IDLE} adet_idle_micro adot_idle adot_idle_micro"
_T_B = "T_N T_O T_T T_W unknown"
_VDI_FIGURES = {
    "utilization": ("T_N", _T_B),
    "organisational_loss": ("T_O", _T_B),
    "technical_loss": ("T_T", _T_B),
    "maintenance_loss": ("T_W", _T_B),
    "technical_availability": ("T_N T_O T_W", _T_B),
}

VDI_3423 = Profile(
    "vdi3423",
    1,
    "VDI 3423, setup is use",
    "Setup is use as intended (T_N); time without an order lies in occupied time and is organisational (T_O).",
    _terms(T_N=f"{_RUN} aust adot_setup", T_O=_VDI_STANDING, **_VDI_CELLS),
    _VDI_FIGURES,
)

VDI_3423_SETUP_LOST = Profile(
    "vdi3423-setup-lost",
    1,
    "VDI 3423, setup is lost",
    "As vdi3423, but setup is organisational down time (T_O).",
    _terms(T_N=_RUN, T_O=f"aust adot_setup {_VDI_STANDING}", **_VDI_CELLS),
    _VDI_FIGURES,
)

CALENDAR = Profile(
    "calendar",
    1,
    "Calendar time",
    "Base is every hour there is; production counts whenever it happens.",
    _terms(
        production=f"{_RUN} apt_out apt_out_off",
        setup="aust adot_setup aust_out aust_out_off",
        standing=f"{_IDLE} {_STOP} {_MICRO} adot_idle adot_stop adot_idle_micro adot_stop_micro",
        planned=f"planned_state {_BREAK} planned_calendar_off planned_failure_off",
        unknown="unknown unknown_out unknown_out_off",
    ),
    {
        "availability": ("production", "production setup standing planned unknown"),
        "performance": (ALL, "production"),
        "quality": (GOOD, ALL),
        "oee": (GOOD, "production setup standing planned unknown"),
    },
)

PROFILES = (
    ISO_22400,
    OPC_40001,
    OPC_40501,
    NAKAJIMA,
    AVAILABLE_TIME,
    VDI_3423,
    VDI_3423_SETUP_LOST,
    CALENDAR,
)
"""All of them, in the order in which they are shown side by side."""


def read(profile: Profile, sums: Sums, gaps: Iterable[Gap] = (), max_rate: float = 1.2) -> Reading:
    """Some sums read by a profile. `max_rate`: greatest plausible output as a multiple of the standard rate.

    >>> day = Sums(apt=280, adot_idle=60, credit_total_us=250, credit_good_us=240)
    >>> [round(read(profile, day).figures["oee"].band.value, 3) for profile in (NAKAJIMA, ISO_22400)]
    [0.857, 0.706]
    """
    terms_us = dict.fromkeys(profile.terms.values(), 0)
    for cell, us in sums.cells().items():
        terms_us[profile.terms[cell]] += us
    calendar = profile.terms["unknown_out"] == profile.terms["unknown"]
    made = output(sums, gaps, max_rate, calendar=calendar)
    unknown = sums.unknown + (sums.unknown_out if calendar else 0)
    reason = Reason.NO_CALENDAR_TIME if calendar else Reason.NO_PLANNED_TIME
    figures = {}
    for name, (over, under) in profile.figures.items():
        holds_unknown = profile.terms["unknown"] in under.split()
        figures[name] = _figure(terms_us, made, over, under, unknown, holds_unknown, reason)
    return Reading(profile, terms_us, figures)


def side_by_side(sums: Sums, gaps: Iterable[Gap] = (), max_rate: float = 1.2) -> list[Reading]:
    """The same sums read by every profile."""
    known = list(gaps)
    return [read(profile, sums, known, max_rate) for profile in PROFILES]


def _figure(
    terms_us: Mapping[str, int], made: Output, over: str, under: str, unknown: int, holds_unknown: bool, reason: Reason
) -> Figure:
    """One ratio. `unknown` [µs] is part of the denominator if `holds_unknown`, otherwise it comes on top."""
    if under == ALL:
        return Figure(quality(made), made.good.booked, made.made.booked)
    base = sum(terms_us[term] for term in under.split())
    if over in (GOOD, ALL):
        credits = made.good if over == GOOD else made.made
        rate = of_base(credits, base, unknown, made, reason) if holds_unknown else None
        return Figure(rate or of_running(credits, base, unknown, made), credits.booked, base)
    part = sum(terms_us[term] for term in over.split())
    if holds_unknown:
        return Figure(share(part, unknown, base, reason), part, base)
    return Figure(fraction(part, base - part, unknown, Reason.NO_ORDER_TIME), part, base)
