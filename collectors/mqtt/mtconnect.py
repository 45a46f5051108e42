"""One MTConnect observation -> values of the signals that stand in its data item. Pure.

Invariants: UNAVAILABLE is no value (quality BAD) unless the signal's words name it; numbers come as text and must be
numbers; an alarm ends under the code that it began with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from collectors.mqtt.payload import RefusedError, document
from collectors.mqtt.settings import ALARMS
from collectors.mqtt.topics import KEEP, Field
from collectors.mqtt.values import Converted, convert
from core.samples.mtconnect import UNAVAILABLE, Level
from core.vocabulary import AlarmClass, Quality

MOST_STANDING = 1000
"""Alarms of one machine that stand at once: more is a publisher that never clears any."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_CLASS = {Level.WARNING: AlarmClass.WARNING, Level.FAULT: AlarmClass.STOP}


@dataclass(frozen=True, slots=True)
class Observation:
    """What a message says. `result` is the level of a condition, whose native code, if any, is `code`."""

    item: str
    timestamp: Any
    sequence: Any
    result: Any
    code: str


def observation(payload: bytes) -> Observation:
    """The content of an entity message; raises RefusedError."""
    content = document(payload)
    if not isinstance(content, dict) or not isinstance(content.get("dataItemId"), str):
        raise RefusedError('an observation is {"dataItemId", "type", "timestamp", "sequence", "result"}')
    result = content.get("result", content.get("level"))
    if result is None:
        raise RefusedError(f"{content['dataItemId'][:40]!r} has neither a result nor a level")
    code = content.get("nativeCode") or content.get("conditionId") or ""
    return Observation(content["dataItemId"], content.get("timestamp"), content.get("sequence"), result, str(code))


def available(payload: bytes) -> bool:
    """Birth or will of an agent: a bare word; raises RefusedError."""
    word = payload.strip().strip(b'"').upper()
    if word not in (b"AVAILABLE", b"UNAVAILABLE"):
        raise RefusedError("an agent's availability is the word AVAILABLE or UNAVAILABLE")
    return word == b"AVAILABLE"


def values_of(field: Field, found: Observation, standing: dict[str, int]) -> Iterator[Converted]:
    """The values of one signal: one as a rule, none where the word says nothing, any number of alarm edges.

    Raises RefusedError with the reason. `standing` is kept up to date.
    """
    if field.name == ALARMS:
        yield from _edges(field, found, standing)
    elif found.result == UNAVAILABLE and UNAVAILABLE not in field.words:
        yield Converted(quality=int(Quality.BAD))
    elif not isinstance(found.result, str) or field.words.get(found.result) != KEEP:
        yield convert(field, _number_of(field, found.result))


def _number_of(field: Field, result: Any) -> Any:
    """Numbers as numbers; everything else as it came."""
    if field.meaning.kind in ("float", "counter") and isinstance(result, str) and _NUMBER.fullmatch(result):
        return float(result)
    return result


def _edges(field: Field, found: Observation, standing: dict[str, int]) -> Iterator[Converted]:
    if found.result == UNAVAILABLE:
        yield Converted(quality=int(Quality.BAD))
        return
    level = Level.__members__.get(str(found.result).upper())
    if level is None:
        raise RefusedError(f"{ALARMS}: {str(found.result)[:40]!r} is no level of a condition")
    code = f"{found.item}:{found.code}" if found.code else found.item
    if level is Level.NORMAL:
        for ended in [code] if found.code else _of_item(found.item, standing):
            yield replace(convert(field, ended), value=0.0, raw=standing.pop(ended, -1))
        return
    if len(standing) >= MOST_STANDING and code not in standing:
        raise RefusedError(f"{ALARMS}: {MOST_STANDING} alarms of this machine stand already")
    raised = replace(convert(field, code), value=1.0, raw=int(_CLASS[level]))
    standing[code] = raised.raw
    yield raised


def _of_item(item: str, standing: dict[str, int]) -> list[str]:
    """The alarms of a data item that stand: a normal level without a code ends them all."""
    return [code for code in standing if code == item or code.startswith(f"{item}:")]
