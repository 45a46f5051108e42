"""OPC UA values -> samples. Pure: no connection, no clock of its own; the arrival is an argument.

Invariants: a value whose type does not fit its signal becomes a quarantine item, never a sample; Null that is not bad
is no value; times that mean "none" in OPC UA (1601, 9999) are not times. Units and words are settled here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from asyncua import ua
from asyncua.ua.ua_binary import variant_to_binary

from collectors.clockwatch import ClockWatch
from collectors.opcua.settings import Address
from core.ports import Clock
from core.samples.batch import BatchBuilder
from core.samples.records import Quarantine
from core.units import us_from_datetime
from core.vocabulary import Flag, Meaning, Quality, word_code

_SEVERITY_UNCERTAIN, _SEVERITY_GOOD = 1, 0
_CODE_MASK = 0xFFFF0000
_OVERFLOW_MASK, _OVERFLOW = 0x0C80, 0x0480
"""Info type "data value" (bits 10, 11) with the overflow bit (7): OPC 10000-4, 7.39."""
_OLD_NEWS = frozenset((0x408F0000, 0x40900000, 0x40910000, 0x40920000))
"""Last usable value (no communication, uncertain), substitute, initial: shown by the server, not measured now."""
_WAITING = 0x80320000
"""BadWaitingForInitialData: neither a value nor an outage."""
_UNKNOWN_NODE = 0x80340000
"""BadNodeIdUnknown: the path has to be looked up again."""
_EXACT = 2**53
"""Above this a float64 cannot tell neighbouring integers apart."""
_RAW = range(2**31)
_FIRST_YEAR, _LAST_YEAR = 1602, 9998
"""asyncua shows "no time" as the first and the last instant of FILETIME: 1601-01-01 and 9999-12-31."""

_Scalar = bool | int | float | str


class Reading(NamedTuple):
    """A value of the server in our terms; `known` False: a word or number that the mapping lacks."""

    value: float = math.nan
    text: str | None = None
    raw: int = -1
    known: bool = True


@dataclass(frozen=True, eq=False)
class Item:
    """A wanted signal of a machine (positions in the plant), and how its values are read. Equal only to itself."""

    machine: int
    signal: int
    name: str
    address: Address
    read: Callable[[_Scalar], Reading]


@dataclass
class Decoded:
    """What a notification held: samples, rejects, how many words were unknown, whose node the server lost."""

    samples: BatchBuilder = field(default_factory=BatchBuilder)
    rejects: list[Quarantine] = field(default_factory=list)
    unmapped: int = 0
    lost: list[Item] = field(default_factory=list)


def reader(meaning: Meaning, address: Address) -> Callable[[_Scalar], Reading]:
    """How values of a signal are read; the function raises ValueError for a value that does not fit."""
    factor = address.factor
    if meaning.kind == "word":
        return _word_reader(meaning, address)
    if meaning.kind == "bool":
        return _switch
    if meaning.kind == "text":
        return _text
    if meaning.kind == "counter":
        return lambda found: _counter(found, factor)
    return lambda found: _gauge(found, factor)


def decode(
    changes: Iterable[tuple[Item, ua.DataValue]],
    *,
    arrival_us: int,
    clock: Clock,
    watch: ClockWatch,
    initial: Container[Item],
    settled: bool,
) -> Decoded:
    """The samples of a notification, in its order.

    `initial`: items whose first value since their creation is still to come; `settled`: the connection stands long
    enough for delays to say something about the source's clock. Instants of the server's clock are real time.
    """
    found = Decoded()
    begun: set[Item] = set()
    for item, data in changes:
        status = 0 if data.StatusCode is None else int(data.StatusCode.value)
        code = status & _CODE_MASK
        if code == _WAITING:
            continue
        if code == _UNKNOWN_NODE:
            found.lost.append(item)
        first = item in initial and item not in begun
        begun.add(item)
        reading = _reading(item, data, status, found)
        if reading is None:
            continue
        event_us, clock_flags = watch.choose(
            instant_us(data.SourceTimestamp),
            instant_us(data.ServerTimestamp, clock),
            arrival_us,
            fresh=settled and not first,
        )
        found.unmapped += not reading.known
        found.samples.add(
            machine=item.machine,
            signal=item.signal,
            event_us=event_us,
            received_us=arrival_us,
            value=reading.value,
            text=reading.text,
            raw=reading.raw,
            quality=_quality(status, reading),
            flags=clock_flags | _flags(status, first),
        )
    return found


def instant_us(found: datetime | None, clock: Clock | None = None) -> int | None:
    """Microseconds of a time stamp, None if it means "none"; with a clock, a real instant becomes scenario time."""
    if found is None or not _FIRST_YEAR <= found.year <= _LAST_YEAR:
        return None
    us = us_from_datetime(found)
    return us if clock is None else clock.from_real_us(us)


def _reading(item: Item, data: ua.DataValue, status: int, found: Decoded) -> Reading | None:
    """The value of a sample, None if there is none. What goes to the rejects ends the value before it."""
    value = None if data.Value is None else data.Value.Value
    if status >> 30 > _SEVERITY_UNCERTAIN:
        return Reading()
    if value is None:
        return None
    if isinstance(value, ua.LocalizedText):
        value = value.Text or ""
    try:
        if not isinstance(value, (bool, int, float, str)):
            raise ValueError(f"{type(value).__name__} is no single number, switch or text")
        return item.read(value)
    except ValueError as error:
        raw = variant_to_binary(data.Value) if data.Value is not None else b""
        found.rejects.append(Quarantine(f"{item.name}: {error}", item.address.path, item.machine, raw))
        return Reading()


def _quality(status: int, reading: Reading) -> Quality:
    severity = status >> 30
    if severity > _SEVERITY_UNCERTAIN or (reading.text is None and not math.isfinite(reading.value)):
        return Quality.BAD
    if status & _CODE_MASK in _OLD_NEWS:
        return Quality.STALE
    return Quality.GOOD if severity == _SEVERITY_GOOD else Quality.UNCERTAIN


def _flags(status: int, first: bool) -> int:
    flags = int(Flag.INITIAL) if first else 0
    if status & _OVERFLOW_MASK == _OVERFLOW:
        flags |= Flag.OVERFLOW | Flag.GAP_BEFORE
    return flags


def _switch(found: _Scalar) -> Reading:
    if isinstance(found, str):
        raise ValueError("a text is no switch")
    return Reading(math.nan if found != found else float(found != 0))


def _text(found: _Scalar) -> Reading:
    if isinstance(found, (bool, float)):
        raise ValueError(f"{type(found).__name__} is no text")
    return Reading(text=str(found))


def _counter(found: _Scalar, factor: float) -> Reading:
    if isinstance(found, (bool, str)):
        raise ValueError(f"{type(found).__name__} is no counter")
    if found < 0 or (math.isfinite(found) and abs(found) > _EXACT):
        raise ValueError(f"{found} cannot be a counter")
    return Reading(found * factor)


def _gauge(found: _Scalar, factor: float) -> Reading:
    if isinstance(found, (bool, str)):
        raise ValueError(f"{type(found).__name__} is no number")
    return Reading(found * factor)


def _word_reader(meaning: Meaning, address: Address) -> Callable[[_Scalar], Reading]:
    words = meaning.words
    if words is None:
        raise ValueError("an enumeration without words")
    codes = {key: word_code(words, word) for key, word in address.words.items()}
    other = int(words["OTHER"])
    numbered = bool(codes) and all(key.lstrip("-").isdigit() for key in codes)

    def read(found: _Scalar) -> Reading:
        if isinstance(found, float) and not found.is_integer():
            raise ValueError(f"{found} is no number of an enumeration")
        raw = -1 if isinstance(found, str) else int(found)
        code = codes.get(found if isinstance(found, str) else str(raw))
        if code is None and isinstance(found, str):
            code = word_code(words, found)
        if code is None and isinstance(found, str) and numbered:
            raise ValueError(f"the text {found[:40]!r} is no number of an enumeration")  # not just one more number
        known = code is not None
        return Reading(float(other if code is None else code), raw=raw if raw in _RAW else -1, known=known)

    return read
