"""The table of mistakes: every number once, every named test exists, numbered tests stand in their own rows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = [
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^\s*(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
]
EXCUSES = {"en": ("not yet", "cannot apply"), "ru": ("ещё нет", "не может случиться")}


def table(language: str) -> dict[int, str]:
    """The last cell of each row by its number."""
    text = (ROOT / "docs" / language / "pitfalls.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| .+? \| (.+) \|$", text, re.MULTILINE)
    assert len(rows) == len({number for number, _ in rows})
    return {int(number): cell for number, cell in rows}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_each_of_the_45_mistakes_has_a_test_or_a_reason(language: str) -> None:
    found = table(language)
    assert sorted(found) == list(range(1, 46))
    for number, cell in found.items():
        named = re.findall(r"`(test_\w+)`", cell)
        assert named or any(cell.startswith(excuse) for excuse in EXCUSES[language]), number
        assert set(named) <= set(TESTS), number


def test_numbered_tests_stand_in_the_row_of_their_number_and_nowhere_else() -> None:
    numbered = {name: int(number) for name in TESTS for number in re.findall(r"^test_pitfall_(\d\d)_", name)}
    shown = {name: number for number, cell in table("en").items() for name in re.findall(r"`(test_pitfall\w+)`", cell)}
    assert shown == numbered
    assert [name for name, count in Counter(TESTS).items() if count > 1 and name in numbered] == []


def test_both_languages_name_the_same_tests() -> None:
    english, russian = (
        {number: re.findall(r"`(test_\w+)`", cell) for number, cell in table(language).items()}
        for language in ("en", "ru")
    )
    assert english == russian
