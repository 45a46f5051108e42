"""What the database answered to the questions of one report: kept as bytes, numbered by content, compared. Pure.

Invariants: the number of a report follows from its kind, parameters and answers alone, so the same figures have the
same number wherever and whenever they are printed; unpacking what was packed gives the same answers.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

from core.errors import InputError
from dashboards.preview.drawing import Column, Result
from dashboards.preview.dress import plain

Answers = Mapping[str, Result]
"""By the name of the question."""
Parameters = Mapping[str, str]

LETTERS = {"shift": "S", "plant": "P", "programme": "M"}
"""First letter of a number, so that people hear what kind of report it names."""
_FORMAT = 1
"""Of the packed bytes; goes into the number, too."""


@dataclass(frozen=True)
class Asked:
    """A report's questions with their answers. `as_of`: up to when the facts reach; `definition`: what figures mean."""

    kind: str
    parameters: Parameters
    as_of: datetime
    definition: str
    answers: Answers

    @property
    def number(self) -> str:
        """Such as S-3F0A-91BC-77D2: 48 bits of sha256 over all that is asked and answered."""
        text = json.dumps([_FORMAT, self.kind, dict(self.parameters), _plain(self.answers)], sort_keys=True)
        digits = sha256(text.encode()).hexdigest()[:12].upper()
        return "-".join([LETTERS[self.kind], digits[:4], digits[4:8], digits[8:]])


def pack(asked: Asked) -> bytes:
    """The answers as bytes."""
    return zlib.compress(json.dumps([_FORMAT, _plain(asked.answers)], ensure_ascii=False).encode(), 9)


def unpack(content: bytes) -> Answers:
    """The answers again; InputError for bytes of another version."""
    form, found = json.loads(zlib.decompress(content))
    if form != _FORMAT:
        raise InputError(f"This report was kept by another version of Stanok (form {form}); print it with that one")
    return {name: _result(columns, rows) for name, (columns, rows) in found.items()}


def differing(old: Answers, new: Answers) -> list[str]:
    """Names of the questions that are answered differently now."""
    was, now = _plain(old), _plain(new)
    return [name for name in dict.fromkeys([*was, *now]) if was.get(name) != now.get(name)]


def records(result: Result) -> list[dict[str, Any]]:
    """Rows by the names of their columns, values as JSON knows them; times stay times."""
    names = [column.name for column in result.columns]
    return [dict(zip(names, map(plain, row), strict=True)) for row in result.rows]


def _plain(answers: Answers) -> dict[str, Any]:
    return {
        name: [
            [[column.name, column.kind] for column in result.columns],
            [[_word(value) for value in row] for row in result.rows],
        ]
        for name, result in answers.items()
    }


def _word(value: Any) -> Any:
    value = plain(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _result(columns: list[list[str]], rows: list[list[Any]]) -> Result:
    kinds = [Column(name, kind) for name, kind in columns]
    return Result(
        kinds, [[_read(column.kind, value) for column, value in zip(kinds, row, strict=True)] for row in rows]
    )


def _read(kind: str, value: Any) -> Any:
    if kind != "time" or value is None:
        return value
    return date.fromisoformat(value) if len(value) == len("2026-01-01") else datetime.fromisoformat(value)
