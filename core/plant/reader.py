"""Reads the tables of a file that a person wrote, key by key, and collects a sentence for everything wrong.

Invariants: nothing a file can contain raises here; every complaint begins with the path of its key (lists count from
0) and ends with the name of the table it stands in; after a complaint a harmless value of the right type is returned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

_SHOWN = 60
"""Characters of a wrong value that a complaint repeats, so that it stays one readable line."""


def shown(value: object) -> str:
    """A value as a complaint shows it: text in quotes without invisible characters, never long."""
    text = json.dumps(value, ensure_ascii=not value.isprintable()) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def hint(wrong: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the nearest known word, or nothing."""
    near = get_close_matches(wrong, list(known), n=1)
    return f"; did you mean {shown(near[0])}?" if near else ""


class Reader:
    """One table of the file. Keys are taken one by one; `close` refuses those that nobody took."""

    def __init__(self, content: Mapping[str, Any], complaints: list[str], path: str = "", where: str = "") -> None:
        self.content = content
        self.path = path
        self._complaints = complaints
        self._where = where
        self._taken: dict[str, None] = {}

    def complain(self, key: str, sentence: str) -> None:
        """Note what is wrong with one key of this table."""
        where = "" if key == "name" else self._where
        self._complaints.append(f"{self._path_of(key)}: {sentence}{where}")

    def text(self, key: str, default: str | None = None) -> str:
        """A name or title: text that is not empty and can be read; required unless there is a default."""
        value = self._take(key, required=default is None)
        if value is None:
            return default or ""
        return value if self._is_text(key, value) else ""

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """A finite number from low to high; required unless there is a default."""
        value = self._take(key, required=default is None)
        if value is None:
            return low if default is None else default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.complain(key, f"must be a number, not {shown(value)}")
        elif not low <= value <= high:
            self.complain(key, f"must be from {_plain(low)} to {_plain(high)}, not {shown(value)}")
        else:
            return float(value)
        return low

    def texts(self, key: str) -> list[tuple[str, str]]:
        """The texts of an optional list, each with its own key such as `breaks[1]`."""
        value = self._take(key, required=False)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.complain(key, f"must be a list of texts, not {shown(value)}")
            return []
        keyed = [(f"{key}[{index}]", item) for index, item in enumerate(value)]
        return [(at, item) for at, item in keyed if self._is_text(at, item)]

    def numbers(self, key: str) -> list[tuple[str, float]]:
        """The finite numbers of an optional list, each with its own key such as `weeks[1]`."""
        value = self._take(key, required=False)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.complain(key, f"must be a list of numbers, not {shown(value)}")
            return []
        keyed = [(f"{key}[{index}]", item) for index, item in enumerate(value)]
        for at, item in keyed:
            if isinstance(item, bool) or not isinstance(item, int | float):
                self.complain(at, f"must be a number, not {shown(item)}")
        return [(at, item) for at, item in keyed if not isinstance(item, bool) and isinstance(item, int | float)]

    def flag(self, key: str) -> bool:
        """An optional true or false, false if it is not there."""
        value = self._take(key, required=False)
        if value is not None and not isinstance(value, bool):
            self.complain(key, f"must be true or false, not {shown(value)}")
        return value is True

    def table(self, key: str, *, required: bool) -> Reader | None:
        """The table under a key, or None if it is not there or is none."""
        value = self._take(key, required=required)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            self.complain(key, f"must be a table, not {shown(value)}")
            return None
        return self._child(value, key, self._where)

    def tables(self, key: str, *, required: bool, unique: bool = True) -> list[Reader]:
        """The tables of a list [[key]], at least one if required; if `unique`, each has a `name` of its own."""
        value = self._take(key, required=required)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            self.complain(key, f"must be a list of tables, each under its own [[{key}]], not {shown(value)}")
            return []
        if required and not value:
            self.complain(key, f"is empty; there must be at least one [[{key}]]")
        children = []
        for index, item in enumerate(value):
            at = f"{key}[{index}]"
            if isinstance(item, Mapping):
                name = item.get("name")
                where = f" ({key} {shown(name)})" if name and isinstance(name, str) else self._where
                children.append(self._child(item, at, where))
            else:
                self.complain(at, f"must be a table, not {shown(item)}")
        if unique:
            _refuse_doubles(children)
        return children

    def rest(self) -> dict[str, Any]:
        """Every key that was not taken, as it stands in the file."""
        return {key: value for key, value in self.content.items() if key not in self._taken}

    def close(self) -> None:
        """Refuse every key that was not taken."""
        for key in self.rest():
            self.complain(key, f"is not a known key{hint(str(key), self._taken)}")

    def _take(self, key: str, *, required: bool) -> Any:
        """The value under a key, or None after a complaint if it is required and missing."""
        self._taken[key] = None
        value = self.content.get(key)
        if value is None and required:
            near = get_close_matches(key, [str(other) for other in self.rest()], n=1)
            self.complain(key, f"is missing; is {shown(near[0])} meant to be it?" if near else "is missing")
        return value

    def _is_text(self, key: str, value: object) -> bool:
        """Whether a value is text fit for names: they become keys of the database and lines on boards."""
        if not isinstance(value, str):
            self.complain(key, f"must be text in quotes, not {shown(value)}")
        elif not value.strip():
            self.complain(key, "must not be empty")
        elif not value.isprintable() or value != value.strip():
            self.complain(key, f"has control characters, or spaces at an end: {shown(value)}")
        else:
            return True
        return False

    def _child(self, content: Mapping[str, Any], key: str, where: str) -> Reader:
        return Reader(content, self._complaints, f"{self.path}.{key}" if self.path else key, where)

    def _path_of(self, key: str) -> str:
        last = key if re.fullmatch(r"[\w-]+(\[\d+\])?", str(key)) else shown(key)
        return f"{self.path}.{last}" if self.path else last


def _plain(limit: float) -> str:
    """A limit without an exponent."""
    return f"{limit:.6f}".rstrip("0").rstrip(".")


def _refuse_doubles(tables: list[Reader]) -> None:
    first: dict[str, Reader] = {}
    for table in tables:
        name = table.content.get("name")
        if isinstance(name, str) and first.setdefault(name, table) is not table:
            table.complain("name", f"{shown(name)} is already the name of {first[name].path}")
