"""Words of the command line that several commands read."""

from __future__ import annotations

from core.errors import InputError

_UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(text: str, option: str) -> float:
    """`90s`, `5m`, `2h` or plain seconds.

    >>> seconds_of("1.5m", "--for")
    90.0
    """
    number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1)
    try:
        return float(number) * unit
    except ValueError:
        raise InputError(f"{option}: {text!r} is not a time like 90s, 5m or 2h") from None
