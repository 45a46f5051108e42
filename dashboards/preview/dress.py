"""How a column looks: Grafana's field config (defaults, overrides) resolved, and values turned into text and colour.

Pure. Knows the properties and units that our boards use; a unit it does not know is written after the number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any

Json = Mapping[str, Any]

_MOMENT = {"YYYY": "%Y", "MMM": "%b", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "D": "{d}"}
_TOKEN = re.compile("|".join(_MOMENT))
_SCALES: Mapping[str, tuple[tuple[float, str, str], ...]] = {
    "s": ((1, "s", "с"), (60, "min", "мин"), (3600, "h", "ч"), (86400, "d", "д")),
    "ms": ((0.001, "ms", "мс"), (1, "s", "с"), (60, "min", "мин"), (3600, "h", "ч")),
    "m": ((1, "min", "мин"), (60, "h", "ч"), (1440, "d", "д")),
    "h": ((1, "h", "ч"), (24, "d", "д")),
    "short": ((1, "", ""), (1e3, "K", "тыс."), (1e6, "M", "млн"), (1e9, "G", "млрд")),
    "bytes": ((1, "B", "Б"), (1024, "KiB", "КиБ"), (1024**2, "MiB", "МиБ"), (1024**3, "GiB", "ГиБ")),
    "decbytes": ((1, "B", "Б"), (1e3, "kB", "кБ"), (1e6, "MB", "МБ"), (1e9, "GB", "ГБ")),
    "watt": ((1, "W", "Вт"), (1e3, "kW", "кВт"), (1e6, "MW", "МВт")),
    "watth": ((1, "Wh", "Вт·ч"), (1e3, "kWh", "кВт·ч"), (1e6, "MWh", "МВт·ч")),
    "kwatth": ((1, "kWh", "кВт·ч"), (1e3, "MWh", "МВт·ч")),
    "rotrpm": ((1, "min⁻¹", "мин⁻¹"),),
    "hertz": ((1, "Hz", "Гц"), (1e3, "kHz", "кГц")),
    "celsius": ((1, "°C", "°C"),),
}
"""Unit -> (from this size on, word in English, in Russian); `ms` is sized in seconds."""


@dataclass(frozen=True)
class Manner:
    """What a reader's place and language change: decimal comma, local time."""

    language: str
    zone: tzinfo


@dataclass(frozen=True)
class Shown:
    """A value for a person: its text, and a colour if the board gives one."""

    text: str
    colour: str | None = None


@dataclass(frozen=True)
class Dress:
    """The resolved look of one column."""

    name: str
    unit: str = ""
    decimals: int | None = None
    mappings: Sequence[Json] = ()
    steps: Sequence[Json] = ()
    colour_mode: str = ""
    fixed_colour: str | None = None
    nothing: str = ""
    least: float | None = None
    most: float | None = None
    custom: Json = field(default_factory=dict)
    links: Sequence[Json] = ()

    def shown(self, value: Any, manner: Manner) -> Shown:
        """The text and colour of a value; mappings come before units, as in Grafana."""
        value = plain(value)
        mapped = self._mapped(value)
        if mapped is not None:
            colour = mapped.get("color") or self.colour(value)
            return Shown(mapped.get("text") or self._text(value, manner), colour)
        return Shown(self._text(value, manner), self.colour(value))

    def colour(self, value: Any) -> str | None:
        """The colour of a value that no mapping names."""
        if self.colour_mode == "fixed":
            return self.fixed_colour
        if self.colour_mode != "thresholds" or not isinstance(value, int | float):
            return None
        reached = [step for step in self.steps if step.get("value") is None or value >= step["value"]]
        return str(reached[-1]["color"]) if reached else None

    def _mapped(self, value: Any) -> Json | None:
        for mapping in self.mappings:
            options = mapping["options"]
            if mapping["type"] == "value" and value is not None:
                found = options.get(_key(value))
            elif mapping["type"] == "special":
                found = options["result"] if _special(options["match"], value) else None
            elif mapping["type"] == "range" and isinstance(value, int | float):
                low, high = options.get("from"), options.get("to")
                inside = (low is None or value >= low) and (high is None or value <= high)
                found = options["result"] if inside else None
            else:
                found = None
            if found is not None:
                return dict(found)
        return None

    def _text(self, value: Any, manner: Manner) -> str:
        if value is None or value == "":
            return self.nothing
        if isinstance(value, datetime):
            return _time(value, self.unit, manner)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return str(value)
        return _number(float(value), self.unit, self.decimals, manner)


def plain(value: Any) -> Any:
    """What the database gave, as JSON knows it; times stay times, NaN is nothing."""
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def dress(column: str, kind: str, config: Json, labels: Mapping[str, str] | None = None) -> Dress:
    """The look of a column of a `kind` (number, time, string) after the defaults and every override that matches."""
    found: dict[str, Any] = dict(config.get("defaults", {}))
    custom = dict(found.pop("custom", {}) or {})
    for override in config.get("overrides", ()):
        if _matches(override["matcher"], column, kind):
            for item in override["properties"]:
                if item["id"].startswith("custom."):
                    custom[item["id"].removeprefix("custom.")] = item["value"]
                else:
                    found[item["id"]] = item["value"]
    colour = found.get("color") or {}
    return Dress(
        name=_name(found.get("displayName") or column, column, labels or {}),
        unit=found.get("unit", ""),
        decimals=found.get("decimals"),
        mappings=found.get("mappings") or (),
        steps=(found.get("thresholds") or {}).get("steps") or (),
        colour_mode=colour.get("mode", ""),
        fixed_colour=colour.get("fixedColor"),
        nothing=found.get("noValue") or "–",
        least=found.get("min"),
        most=found.get("max"),
        custom=custom,
        links=found.get("links") or (),
    )


def _matches(matcher: Json, column: str, kind: str) -> bool:
    wanted = matcher.get("options")
    if matcher["id"] == "byName":
        return bool(wanted == column)
    if matcher["id"] == "byRegexp":
        return re.search(str(wanted).strip("/"), column) is not None
    return bool(matcher["id"] == "byType" and wanted == kind)


def _name(template: str, column: str, labels: Mapping[str, str]) -> str:
    text = template.replace("${__field.name}", column)
    return re.sub(r"\$\{__field\.labels\.(\w+)\}", lambda found: labels.get(found[1], ""), text)


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _special(match: str, value: Any) -> bool:
    return value is None if match in ("null", "nan", "null+nan") else value == "" and match == "empty"


def _time(value: datetime, unit: str, manner: Manner) -> str:
    local = value.astimezone(manner.zone) if value.tzinfo else value
    pattern = unit.removeprefix("time:") if unit.startswith("time:") else "YYYY-MM-DD HH:mm:ss"
    return _TOKEN.sub(lambda found: local.strftime(_MOMENT[found[0]].replace("{d}", str(local.day))), pattern)


def _number(value: float, unit: str, decimals: int | None, manner: Manner) -> str:
    if unit in ("percentunit", "percent"):
        value, word = (value * 100 if unit == "percentunit" else value), " %"
    elif unit in _SCALES:
        value, word = _scaled(value, unit, manner)
    elif unit.startswith("suffix:"):
        word = unit.removeprefix("suffix:")
    else:
        word = f" {unit}" if unit not in ("", "none", "string", "locale") else ""
    if decimals is None:
        decimals = 0 if value == int(value) else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{decimals}f}".replace(",", "\u202f")
    if manner.language == "ru":
        text = text.replace(".", ",")
    return f"{text}{word.replace(' ', chr(0xA0))}"


def _scaled(value: float, unit: str, manner: Manner) -> tuple[float, str]:
    size = value / 1000 if unit == "ms" else value
    reached = [scale for scale in _SCALES[unit] if abs(size) >= scale[0]] or [_SCALES[unit][0]]
    factor, english, russian = reached[-1]
    word = russian if manner.language == "ru" else english
    return size / factor, f" {word}" if word else ""
