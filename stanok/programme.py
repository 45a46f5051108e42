"""`stanok programme`: registry files and weekly sums from disk, judged by core, printed in words or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path

from core.errors import InputError
from core.programme.evaluate import Evaluation, evaluate
from core.programme.panel import assemble
from core.programme.parse import parse_registry
from core.programme.registry import Outcome, Registry
from core.programme.verdict import Language, verdict
from core.programme.weeks import parse_weeks
from stanok.ministry import now
from storage.pg.connect import connect
from storage.pg.registry import load_registry


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


def show(found: Evaluation, language: Language, as_json: bool) -> str:
    """The evaluation in words, or one JSON object with the words of the language in it."""
    if not as_json:
        return verdict(found, language)
    fields = {name: finite(value) for name, value in asdict(found).items()}
    return json.dumps({**fields, "verdict": verdict(found, language)}, ensure_ascii=False)


def counts(registry: Registry) -> str:
    """How much of what a registry holds, in one line."""
    return ", ".join(f"{len(nouns)} {name}" for name, nouns in vars(registry).items())


def finite(value: object) -> object:
    """Neither JSON nor a board knows infinity: an open end is null."""
    return None if isinstance(value, float) and not isfinite(value) else value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
