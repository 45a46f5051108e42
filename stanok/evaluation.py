"""`stanok programme evaluate` from a database: registry and bundles -> findings, which are kept for the boards.

Invariant: what is kept follows from the registry, the last bundle of each plant, what was asked, the seed and the
version of the program, and its id is made from just these; so the same again is the same, and anybody can repeat it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as version_of

from core.programme.evaluate import Evaluation, Finding, Question, adjust, evaluate
from core.programme.panel import assemble
from core.programme.planning import Economy, payback
from core.programme.pooling import PlantBand, plant_bands
from core.programme.registry import AMOUNTS, Outcome, Project, Registry
from core.programme.reported import Explained, Report, cell_weeks, comparable, explain, obstacle_of
from core.programme.verdict import Language, verdict
from stanok.ministry import now
from stanok.programme import finite, show
from storage.pg.connect import connect
from storage.pg.programme import Kept, chains, keep_evaluation, read_plant_weeks, read_report
from storage.pg.registry import current_registry

YEAR_H = 8760.0


@dataclass(frozen=True)
class Judged:
    """What the bundles of all plants say about a programme: an evaluation for each outcome, the main one first."""

    programme: str
    id: str
    evaluations: Sequence[Evaluation]
    projects: Sequence[Explained]


def judge_reported(dsn: str, programme: str, outcome: Outcome | None, seed: int) -> Judged:
    """Evaluate a programme from what plants reported, and keep it. `outcome`: only this one."""
    with connect(dsn, "stanok programme evaluate") as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        version, report, weeks = current_registry(connection), read_report(connection), read_plant_weeks(connection)
        chain = chains(connection)
        registry = version.registry
        explained = explain(registry, programme, report)
        asked = [outcome] if outcome else _outcomes(registry, programme, report)
        found = [_evaluate(registry, programme, one, report, explained, seed) for one in asked]
        found = [found[0], *adjust(found[1:])]
        bands = plant_bands(weeks, {site.name: site.stratum for site in registry.sites})
        basis = {
            "programme": programme,
            "outcomes": asked,
            "seed": seed,
            "registry": version.number,
            "bundles": chain,
            "by": version_of("stanok"),
        }
        digest = hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()[:16]
        for one in found:
            keep_evaluation(connection, _kept(digest, basis, one, _projects(registry, one, explained), bands))
    return Judged(programme, digest, found, explained)


def _outcomes(registry: Registry, programme: str, report: Report) -> list[Outcome]:
    """The outcome that was fixed beforehand, then the others; energy only where somebody measures it."""
    main = next((project.outcome for project in registry.projects if project.programme == programme), Outcome.OUTPUT)
    measured = any(week.energy_kwh for week in report.machines)
    others = [one for one in Outcome if one is not main and (measured or one is not Outcome.ENERGY)]
    return [main, *others]


def _evaluate(
    registry: Registry, programme: str, outcome: Outcome, report: Report, explained: Sequence[Explained], seed: int
) -> Evaluation:
    weeks = cell_weeks(registry, programme, outcome, report)
    obstacle, left = obstacle_of(outcome, explained), 0
    if outcome in AMOUNTS and obstacle is None:
        weeks = comparable(weeks, registry, explained)
        left = sum(one.comparison.obstacle is not None for one in explained)
    found = assemble(registry, weeks, programme, outcome, seed)
    return replace(evaluate(found.panel, found.outcome, found.question, obstacle), left_out=left)


def _projects(registry: Registry, found: Evaluation, explained: Sequence[Explained]) -> list[dict[str, object]]:
    nouns = {project.name: project for project in registry.projects}
    return [
        {
            "project": one.project,
            **{name: value for name, value in asdict(one.comparison).items() if name != "unknown"},
            "change": one.change,
            "factors": one.factors or {},
            "technology_at_mix": one.technology_at_mix,
            "payback": {} if one.comparison.obstacle else _payback(nouns[one.project], found),
        }
        for one in explained
    ]


def _payback(project: Project, found: Evaluation) -> dict[str, float | None]:
    """Years, where an effect on output was shown and the registry says what an hour earns and how much is sold."""
    cost, margin, sold = project.cost, project.margin_per_hour, project.sold_share
    value, low, high = found.value, found.low, found.high
    if cost is None or margin is None or sold is None or value is None or low is None or high is None:
        return {}
    if found.finding is not Finding.BETTER or found.question.outcome is not Outcome.OUTPUT:
        return {}
    hours = YEAR_H * len(project.cells)
    return asdict(payback(Economy(cost.amount, margin, project.more_cost_per_year, hours, sold), value, low, high))


def _kept(
    digest: str,
    basis: Mapping[str, object],
    found: Evaluation,
    projects: Sequence[Mapping[str, object]],
    bands: Sequence[PlantBand],
) -> Kept:
    question = found.question
    numbers = {name: finite(getattr(found, name)) for name in ("value", "low", "high", "p")}
    values = {
        "programme": basis["programme"],
        "outcome": str(question.outcome),
        "made_time": now(),
        "finding": str(found.finding),
        "tier": str(question.tier),
        "plants": found.plants,
        "treated": found.treated,
        **numbers,
        "verdict_en": verdict(found, "en"),
        "verdict_ru": verdict(found, "ru"),
        "seed": question.seed,
        "registry": basis["registry"],
        "bundles": basis["bundles"],
        "software": basis["by"],
    }
    return Kept(f"{digest}-{question.outcome}", values, {"projects": projects, "plants": [asdict(b) for b in bands]})


def say(judged: Judged, language: Language, as_json: bool) -> str:
    """Every evaluation and every project that is left out in words, and the id; or one JSON object an evaluation."""
    lines = [show(found, language, as_json) for found in judged.evaluations]
    if not as_json:
        for one in judged.projects:
            if one.comparison.obstacle is not None:
                why = Evaluation(Question(), Finding.NOT_COMPARABLE, obstacle=one.comparison.obstacle)
                lines.append(f"{one.project}: {verdict(why, language)}")
        lines.append(f"({judged.id})")
    return "\n".join(lines)
