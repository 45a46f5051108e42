"""One catalogue of words per language (words/*.toml), looked up by dotted keys such as `state.producing`.

Every language has the same keys and no empty entry; a key that is missing is our defect, never a silent blank.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import BrokenPromise

LANGUAGES = ("en", "ru")

_FOLDER = Path(__file__).parent / "words"


@dataclass(frozen=True)
class Catalogue:
    """The words of one language by dotted key."""

    language: str
    words: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        """The words for `key`; raises BrokenPromise if the catalogue has none."""
        try:
            return self.words[key]
        except KeyError:
            raise BrokenPromise(f"dashboards/words/{self.language}.toml has no words for {key}; add them") from None


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of a language of `LANGUAGES`."""
    text = (_FOLDER / f"{language}.toml").read_text(encoding="utf-8")
    return Catalogue(language, dict(_flat(tomllib.loads(text), "")))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, str(value)
