"""The catalogue of reasons in the plant file: what it becomes, and which sentence each mistake gets."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from core.errors import PlantError
from core.plant.parse import parse_plant
from core.plant.reasons import USUAL, Reason, ReasonClass

DEMO = (Path(__file__).parents[2] / "simulators/plants/demo.toml").read_text(encoding="utf-8")
GOOD = {"name": "chips", "class": "utility", "en": "Chips jam the conveyor", "ru": "Стружка забила транспортёр"}


def document(*reasons: dict[str, Any]) -> dict[str, Any]:
    found = tomllib.loads(DEMO)
    return {**found, "reason": list(reasons)} if reasons else found


def test_a_file_without_a_catalogue_has_the_usual_one_with_every_class_and_both_languages() -> None:
    assert parse_plant(document()).reasons == USUAL
    assert {reason.kind for reason in USUAL} == set(ReasonClass)
    assert len({reason.code for reason in USUAL}) == len(USUAL)
    assert all(reason.en.strip() and reason.ru.strip() for reason in USUAL)
    written = document(*({"name": r.code, "class": str(r.kind), "en": r.en, "ru": r.ru} for r in USUAL))
    assert parse_plant(written).reasons == USUAL


def test_one_entry_of_its_own_makes_the_catalogue_its_own() -> None:
    (reason,) = parse_plant(document(GOOD)).reasons
    assert reason == Reason("chips", ReasonClass.UTILITY, GOOD["en"], GOOD["ru"])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "Стружка"}, "reason[0].name: must be 1 to 40 of a-z"),
        ({"class": "utilty"}, 'not "utilty"; did you mean "utility"?'),
        ({"ru": ""}, "reason[0].ru: must not be empty"),
        ({"en": None}, "reason[0].en: is missing"),
        ({"colour": "red"}, "reason[0].colour: is not a known key"),
    ],
)
def test_a_mistake_is_named_by_its_path_and_in_words(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PlantError) as refused:
        parse_plant(document({**GOOD, **change}))
    (complaint,) = refused.value.complaints
    assert sentence in complaint


def test_a_code_stands_for_one_reason() -> None:
    with pytest.raises(PlantError, match="already the name of"):
        parse_plant(document(GOOD, GOOD))
