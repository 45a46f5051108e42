"""The variables of a board: what can be chosen, what is chosen, and the values that its queries get.

Kinds: query, custom, interval, constant and textbox, as in Grafana's classic schema. A value that was asked for and
cannot be chosen is dropped, so a link to a machine that has gone still opens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import InputError
from dashboards.macros import Window, expand
from dashboards.preview.drawing import Result
from dashboards.preview.dress import Json

ALL = "$__all"
"""Grafana's word for "all of them"."""

Ask = Callable[[str], Result]


@dataclass(frozen=True)
class Variable:
    """One variable: `options` are (text, value); `values` is what queries get, `chosen` what stands in the address."""

    name: str
    label: str
    options: Sequence[tuple[str, str]]
    chosen: Sequence[str]
    values: Sequence[str]
    multi: bool
    include_all: bool
    free: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the page."""
        return asdict(self)


def resolve(board: Json, wanted: Mapping[str, Sequence[str]], ask: Ask, window: Window) -> list[Variable]:
    """The variables in the order of the board; later ones may use earlier ones in their queries.

    Raises what `ask` raises, InputError for a kind that the preview does not know.
    """
    found: list[Variable] = []
    for model in board.get("templating", {}).get("list", ()):
        known = {variable.name: variable.values for variable in found}
        found.append(_resolved(model, wanted.get(model["name"], ()), _expanding(ask, window, known)))
    return found


def _expanding(ask: Ask, window: Window, known: Mapping[str, Sequence[str]]) -> Ask:
    return lambda text: ask(expand(text, window, known))


def _resolved(model: Json, wanted: Sequence[str], ask: Ask) -> Variable:
    kind = model["type"]
    free = kind == "textbox"
    options = _options(model, ask)
    multi, include_all = bool(model.get("multi")), bool(model.get("includeAll"))
    values = [value for _, value in options]
    chosen = [value for value in wanted if free or value in values or (value == ALL and include_all)]
    chosen = chosen or _default(model, values, include_all)
    chosen = [ALL] if ALL in chosen else chosen if multi else chosen[:1]
    given = ([model["allValue"]] if model.get("allValue") else values) if chosen == [ALL] else chosen
    label = model.get("label") or model["name"]
    return Variable(model["name"], label, options, chosen, given, multi, include_all, free)


def _options(model: Json, ask: Ask) -> list[tuple[str, str]]:
    kind, query = model["type"], model.get("query", "")
    if kind == "query":
        return _asked(ask(query if isinstance(query, str) else query["rawSql"]))
    if kind in ("custom", "interval"):
        return [(text.split(" : ")[0].strip(), text.split(" : ")[-1].strip()) for text in query.split(",")]
    if kind in ("constant", "textbox"):
        return [(query, query)]
    raise InputError(f"The preview does not know variables of kind {kind}; look at this board in Grafana")


def _asked(result: Result) -> list[tuple[str, str]]:
    names = [column.name for column in result.columns]
    text = names.index("__text") if "__text" in names else 0
    value = names.index("__value") if "__value" in names else text
    return [(str(row[text]), str(row[value])) for row in result.rows if row[value] is not None]


def _default(model: Json, values: Sequence[str], include_all: bool) -> list[str]:
    stored = (model.get("current") or {}).get("value") or []
    stored = [stored] if isinstance(stored, str) else list(stored)
    fitting = [value for value in stored if value in values or (value == ALL and include_all)]
    return fitting or ([ALL] if include_all else list(values[:1]))
