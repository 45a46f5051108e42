"""One value of a payload -> the number or text of a sample. Pure.

Invariants: a value of the wrong kind is refused with a reason, never guessed; an unknown word becomes `other` where
the enumeration has it, and is counted; null means that the source has no value now (quality BAD).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collectors.mqtt.payload import RefusedError
from collectors.mqtt.topics import Field
from core.units import us_from_datetime
from core.vocabulary import Quality, word_code

LONGEST_TEXT = 1024
"""Program names and tool ids are short; a longer text is a mistake or an attack."""
GREATEST_COUNT = 2**53
"""Beyond it a float64 does not hold every integer."""
INT32 = 2**31
FARTHEST = 2**62
"""A time beyond this number of any unit is as absurd as this number."""
UNIT_US = {"us": 1, "ms": 1_000, "s": 1_000_000}


@dataclass(frozen=True, slots=True)
class Converted:
    """Columns of one value. `unknown`: a word that is not in the vocabulary."""

    value: float = math.nan
    text: str | None = None
    raw: int = -1
    quality: int = int(Quality.GOOD)
    unknown: bool = False


def convert(field: Field, value: Any) -> Converted:
    """The sample columns of a payload's value; raises RefusedError with the reason."""
    if value is None:
        return Converted(quality=int(Quality.BAD))
    return _KINDS[field.meaning.kind](field, value)


def _bool(field: Field, value: Any) -> Converted:
    found = field.words.get(_word(value))
    if found is not None:
        return Converted(float(found))
    if value is True or value is False or (isinstance(value, int | float) and value in (0, 1)):
        return Converted(float(value))
    raise _wrong(field, value, "a switch: true or false")


def _enumeration(field: Field, value: Any) -> Converted:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _wrong(field, value, "a word")
    words = field.meaning.words
    if words is None:
        raise RefusedError(f"{field.name}: has no words")
    raw = value if isinstance(value, int) and -INT32 <= value < INT32 else -1
    code = field.words.get(str(value))
    if code is None and isinstance(value, str):
        code = word_code(words, value)
    if code is not None:
        return Converted(float(code), raw=raw)
    other = words.__members__.get("OTHER")
    if other is None:
        raise _wrong(field, value, "a known word")
    return Converted(float(other), raw=raw, unknown=True)


def _float(field: Field, value: Any) -> Converted:
    return Converted(_scaled(field, value))


def _counter(field: Field, value: Any) -> Converted:
    number = _scaled(field, value)
    if not 0 <= number <= GREATEST_COUNT or (field.scale == 1.0 and number != int(number)):
        raise _wrong(field, value, "a count")
    return Converted(number)


def _text(field: Field, value: Any) -> Converted:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= GREATEST_COUNT:
        return Converted(text=str(value))
    if not isinstance(value, str):
        raise _wrong(field, value, "a text")
    if len(value) > LONGEST_TEXT or "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
        raise RefusedError(f"{field.name}: a text over {LONGEST_TEXT} signs, with NUL or with a lone surrogate")
    return Converted(text=value)


_KINDS: dict[str, Callable[[Field, Any], Converted]] = {
    "bool": _bool,
    "word": _enumeration,
    "float": _float,
    "counter": _counter,
    "text": _text,
}


def _scaled(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(field, value, "a number")
    try:
        number = float(value) * field.scale
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _wrong(field, value, "a finite number")
    return number


def _word(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower()


def _wrong(field: Field, value: Any, wanted: str) -> RefusedError:
    return RefusedError(f"{field.name}: {str(value)[:40]!r} is not {wanted}")


def instant_us(value: Any, unit: str) -> int:
    """Microseconds of an instant given in `us`, `ms`, `s` or ISO 8601 with a zone; raises RefusedError.

    However absurd the instant is, it is one: the clock watch does not believe it, and the value beside it is kept.
    """
    if unit == "iso":
        return _iso_us(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RefusedError(f"the time {str(value)[:40]!r} is not a number of {unit}")
    return int(max(-FARTHEST, min(value, FARTHEST)) * UNIT_US[unit])


def _iso_us(value: Any) -> int:
    try:
        return us_from_datetime(datetime.fromisoformat(value))
    except (TypeError, ValueError) as wrong:
        raise RefusedError(f"the time {str(value)[:40]!r} is not ISO 8601 with a zone: {wrong}") from None
