"""The nouns of the modernization registry: who got what, where, for how much, and what it was to change.

A Registry that came out of `parse_registry` needs no further checks: every reference leads somewhere, money has a
currency and a price year, ends do not lie before starts, no asset is there twice, and replacement has no cycle.
Dates are calendar days of the site. Words in quotes are identities: they are compared, never translated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Tier(StrEnum):
    """How the time before is known (programmes.md §4.4); only B0 and B1 carry an interval."""

    B0 = "B0"
    """The same collector and definitions before and after."""
    B1 = "B1"
    """Telemetry before, by another sensor, such as a current clamp."""
    B2 = "B2"
    """A shift log on paper."""
    B3 = "B3"
    """Declared in the business plan."""


class Outcome(StrEnum):
    """What a project may be judged by. One is fixed at registration; the others are secondary."""

    OUTPUT = "output"
    """Frozen-standard output per calendar hour [standard h / h]."""
    LOAD = "load"
    """Production time per calendar hour [1]."""
    AVAILABILITY = "availability"
    """Production time per planned busy time [1]."""
    ENERGY = "energy"
    """Energy per frozen standard hour [kWh / standard h]; less is better."""


AMOUNTS = frozenset({Outcome.OUTPUT, Outcome.ENERGY})
"""Outcomes that a project multiplies; what is not here is a share of time, to which it adds."""
LESS_IS_BETTER = frozenset({Outcome.ENERGY})


@dataclass(frozen=True)
class Money:
    """An amount in a currency (ISO 4217) at the prices of a year."""

    amount: float
    currency: str
    price_year: int


@dataclass(frozen=True)
class Site:
    """A plant that takes part. `stratum`: plants of one kind, compared only with each other."""

    name: str
    title: str
    country: str
    stratum: str


@dataclass(frozen=True)
class Programme:
    """A programme of a ministry or fund, under which projects are paid."""

    name: str
    title: str


@dataclass(frozen=True)
class Cell:
    """A functional cell: the machines that make a part family, whichever serial numbers they have.

    The unit of analysis. `name` is "site/cell"; `machines` are names of the plant file, those that were replaced too.
    """

    name: str
    title: str
    site: str
    machine_class: str
    machines: tuple[str, ...]


@dataclass(frozen=True)
class Project:
    """One investment at one site.

    `begins`: the old machine stops because of it. `act`: the commissioning act, None while there is none.
    `ramp_up_weeks` after the act are left out of the effect, a number declared beforehand.
    `cells` are the cells it is to change. `planned_hours`: promised additional standard hours a year.
    For payback, in the currency of the cost: what an additional standard hour earns, additional running cost a year;
    `sold_share` of additional output is taken up by orders [1].
    """

    name: str
    title: str
    programme: str
    site: str
    cells: tuple[str, ...]
    begins: date
    act: date | None
    ramp_up_weeks: int
    baseline_from: date
    baseline_to: date
    tier: Tier
    outcome: Outcome
    funding: str
    cost: Money | None
    planned_hours: float | None
    margin_per_hour: float | None = None
    more_cost_per_year: float = 0.0
    sold_share: float | None = None


@dataclass(frozen=True)
class LinkedStandard:
    """Frozen standard time [h] of a part that was not made before the project, worked out later.

    `provenance`: by whom and from what, such as a technologist or a similar part.
    """

    project: str
    part: str
    frozen_h: float
    provenance: str


@dataclass(frozen=True)
class Localisation:
    """An entry of a register of local products: which, its number and validity, points of the most possible ones."""

    register: str
    number: str
    issued: date | None
    valid_to: date | None
    points: float | None
    max_points: float | None
    rule_version: str


@dataclass(frozen=True)
class Asset:
    """A thing that was bought, or that was there and is replaced. `inventory` is unique within the site."""

    inventory: str
    site: str
    project: str
    machine: str
    model: str
    manufacturer: str
    serial: str
    origin: str
    okpd2: str
    tnved: str
    localisation: Localisation | None
    cnc_vendor: str
    cnc_model: str
    cnc_origin: str
    software_number: str
    machine_class: str
    funding: str
    contract: str
    cost: Money | None
    act: date | None
    planned_shifts: int | None
    service: str
    service_origin: str
    connectivity: str
    replaces: tuple[str, ...]


@dataclass(frozen=True)
class Operation:
    """A technological operation that was performed: evidence when countries recognise each other's operations."""

    code: str
    site: str
    asset: str
    begins: date
    ends: date
    evidenced_hours: float


@dataclass(frozen=True)
class Registry:
    """Everything that was registered."""

    sites: tuple[Site, ...]
    programmes: tuple[Programme, ...]
    cells: tuple[Cell, ...]
    projects: tuple[Project, ...]
    assets: tuple[Asset, ...]
    operations: tuple[Operation, ...]
    standards: tuple[LinkedStandard, ...] = ()
