"""Ends of a board's time window as Grafana writes them: `now-8h`, `now/d`, or milliseconds since 1970.

Pure: what "now" is comes as an argument (the engine's last tick, so a demonstration at speed shows its own time).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from core.errors import InputError

_RELATIVE = re.compile(r"now((?:[+-]\d+[smhdw])*)(?:/([mhd]))?")
_STEP = re.compile(r"([+-]\d+)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str, now: datetime, zone: tzinfo = UTC) -> datetime:
    """The instant that `text` means, in UTC; `/m`, `/h` and `/d` cut to a whole one of `zone`.

    Raises InputError if it cannot be read.
    """
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        found = _RELATIVE.fullmatch(text)
        if found is not None:
            return _relative(found, now, zone)
    except (ValueError, OverflowError, OSError):
        pass  # told below, as for what has no form at all
    raise InputError(f"{text!r} is no time like now-8h, now/d or milliseconds since 1970")


def _relative(found: re.Match[str], now: datetime, zone: tzinfo) -> datetime:
    at = now.astimezone(zone)
    for number, unit in _STEP.findall(found[1]):
        at += timedelta(**{_UNITS[unit]: int(number)})
    if found[2]:
        minute, hour = (at.minute if found[2] == "m" else 0), (0 if found[2] == "d" else at.hour)
        at = at.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return at.astimezone(UTC)
