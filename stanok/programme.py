"""`stanok programme`: registry files and weekly sums from disk, judged by core, printed in words or as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as version_of
from math import isfinite
from pathlib import Path

from core.errors import InputError
from core.programme.evaluate import Evaluation, Finding, adjust, evaluate
from core.programme.panel import assemble
from core.programme.parse import parse_registry
from core.programme.planning import Economy, payback
from core.programme.pooling import PlantBand, plant_bands
from core.programme.registry import AMOUNTS, Outcome, Project, Registry
from core.programme.reported import Explained, Report, cell_weeks, comparable, explain, obstacle_of
from core.programme.verdict import Language, verdict
from core.programme.weeks import parse_weeks
from stanok.ministry import now
from storage.pg.connect import connect
from storage.pg.programme import Kept, chains, keep_evaluation, read_plant_weeks, read_report
from storage.pg.registry import current_registry, load_registry

YEAR_H = 8760.0


def read_registry(files: Sequence[Path]) -> Registry:
    """The registry of some TOML and CSV files; RegistryError with every complaint."""
    return parse_registry({str(path): _text(path) for path in files})


def keep(dsn: str, files: Sequence[Path]) -> str:
    """Load the registry into a database; what it holds, in one line."""
    texts = {path.name: _text(path) for path in files}
    if len(texts) < len(files):
        raise InputError("two files have the same name; rename one")
    with connect(dsn, "stanok programme load") as connection:
        version = load_registry(connection, texts, now())
    return f"registry {version.number}: {counts(version.registry)}"


def judge(files: Sequence[Path], weeks: Path, programme: str, outcome: Outcome, seed: int) -> Evaluation:
    """The evaluation of one outcome of a programme."""
    rows = parse_weeks(str(weeks), _text(weeks))
    found = assemble(read_registry(files), rows, programme, outcome, seed)
    return evaluate(found.panel, found.outcome, found.question)


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
    told = project.cost and project.margin_per_hour is not None and project.sold_share is not None
    if not told or found.finding is not Finding.BETTER or found.question.outcome is not Outcome.OUTPUT:
        return {}
    assert project.cost is not None
    assert project.margin_per_hour is not None
    assert project.sold_share is not None
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    economy = Economy(
        cost=project.cost.amount,
        margin_per_hour=project.margin_per_hour,
        more_cost_per_year=project.more_cost_per_year,
        calendar_hours=YEAR_H * len(project.cells),
        sold=project.sold_share,
    )
    return asdict(payback(economy, found.value, found.low, found.high))


def _kept(
    digest: str,
    basis: Mapping[str, object],
    found: Evaluation,
    projects: Sequence[Mapping[str, object]],
    bands: Sequence[PlantBand],
) -> Kept:
    question = found.question
    numbers = {name: _plain(getattr(found, name)) for name in ("value", "low", "high", "p")}
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
    """Every evaluation in words, or one JSON object a line."""
    lines = [show(found, language, as_json) for found in judged.evaluations]
    return "\n".join(lines if as_json else [*lines, f"({judged.id})"])


def show(found: Evaluation, language: Language, as_json: bool) -> str:
    """The evaluation in words, or one JSON object with the words of the language in it."""
    if not as_json:
        return verdict(found, language)
    fields = {name: _plain(value) for name, value in asdict(found).items()}
    return json.dumps({**fields, "verdict": verdict(found, language)}, ensure_ascii=False)


def counts(registry: Registry) -> str:
    """How much of what a registry holds, in one line."""
    return ", ".join(f"{len(nouns)} {name}" for name, nouns in vars(registry).items())


def _plain(value: object) -> object:
    """JSON knows no infinity: an open end is null."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
