"""Built boards against Grafana's own types, as JSON schemas (tests/dashboards/make_schemas)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from dashboards.build import BUILT
from tests.dashboards.make_schemas import MADE

SCHEMAS: dict[str, Any] = json.loads(MADE.read_text(encoding="utf-8"))
CHECKS = {name: jsonschema.Draft7Validator(schema) for name, schema in SCHEMAS.items()}
OURS = {"datasource", "editorMode", "format", "rawQuery", "rawSql", "refId"}
"""Keys of a query of Grafana's PostgreSQL data source; `@grafana/schema` leaves these to the data source."""


def complaints(board: Any) -> Iterator[str]:
    """What Grafana's types say against a board."""
    notes = board["annotations"]["list"]
    asked = [found for found in notes if found["datasource"]["uid"] == "stanok"]
    # What Grafana keeps itself is of its own type, which the schema knows.
    blank = [{**found, "target": {}} if found in asked else found for found in notes]
    yield from said("dashboard", {**board, "annotations": {"list": blank}})
    assert all(set(found["target"]) == OURS for found in asked)
    for panel in board["panels"]:
        place = f"{panel['title']}: "
        yield from (place + text for text in said(f"{panel['type']} options", panel["options"]))
        custom = panel["fieldConfig"]["defaults"].get("custom")
        if custom is not None:
            yield from (place + text for text in said(f"{panel['type']} field", custom))
        for target in panel["targets"]:
            assert set(target) == OURS


def said(schema: str, found: Any) -> Iterator[str]:
    return (f"{error.json_path}: {error.message[:200]}" for error in CHECKS[schema].iter_errors(found))


@pytest.mark.parametrize("name", sorted(path.relative_to(BUILT).as_posix() for path in BUILT.glob("*/*.json")))
def test_grafanas_types_have_nothing_against_a_board(name: str) -> None:
    assert list(complaints(json.loads((BUILT / name).read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [(("refrsh",), "5s"), (("panels", 0, "options", "textMode"), "sometimes"), (("panels", 0, "gridPos", "w"), "wide")],
)
def test_a_wrong_key_word_or_type_would_be_found(place: tuple[Any, ...], wrong: str) -> None:
    board = json.loads((BUILT / "en" / "shop_floor.json").read_text(encoding="utf-8"))
    *way, last = place
    inside = board
    for step in way:
        inside = inside[step]
    inside[last] = wrong
    assert list(complaints(board))
