"""What a machine does by its spindle and feed, or by its power: words that are only known some time later. Compiled.

A spindle that stands may be changing a tool, or be at rest: which of the two, shows when it works again or does not for
too long. So the word of the role CYCLE is found by looking ahead in the samples, and then joins them as a sample at the
instant it holds from. The fold goes no further than the first instant that is still undecided; what lies after it shows
as it would if nothing came of it.

Invariants:
- A word is a function of the samples and gap records within `longest_wait_us` after it, never of how far anybody has
  come: what is decided stays decided, and starting anew from a state between two samples finds the same words.
- Every instant in [at_us, until_us) is known: silence before `until_us` is that nothing changed.
- One source gives everything that a word is made of (core.plant.parse); only its gaps count.
- Nothing here changes a state of the fold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engine.inputs import take_gauge
from core.engine.jit import compiled
from core.engine.state import NOT_GIVEN, NOT_TRUSTED, POWER
from core.plant.behaviour import POWER_MEAN_S, POWER_OFF_S
from core.plant.tables import BY_SPINDLE
from core.units import SECOND_US
from core.vocabulary import CYCLE_OFF, FIRST_GAUGE, FIRST_POINT, Execution, Quality, Role

_GAP_OPEN, _GAP_CLOSE, _FIRST_GAUGE, _FIRST_POINT = (
    int(Role.GAP_OPEN), int(Role.GAP_CLOSE), int(FIRST_GAUGE), int(FIRST_POINT)
)  # fmt: skip
_CYCLE, _POWER_ROLE, _CURRENT = int(Role.CYCLE), int(Role.POWER), int(Role.CURRENT)
_ACTIVE, _READY, _OFF, _TRUSTED = int(Execution.ACTIVE), int(Execution.READY), int(CYCLE_OFF), int(Quality.UNCERTAIN)
_MEAN_US, _OFF_US = round(POWER_MEAN_S * SECOND_US), round(POWER_OFF_S * SECOND_US)
_GREATEST_POWER_W = 1e9
_GREATEST_CURRENT_A = 1e6
_BY_SPINDLE = int(BY_SPINDLE)

_UNKNOWN = -1
"""A power or current that is not known; nothing that spindle and feed say together."""
_WORK, _TURNING, _STANDING = range(3)
_NOWHERE = -1
_NO, _YES, _UNDECIDED = range(3)

Array = NDArray[np.int64]


@compiled
def find_words(
    scratch: NDArray[np.void], which: Array, first: Array, until_us: Array, machines: NDArray[np.void],
    event_us: Array, role: NDArray[np.int16], channel: NDArray[np.int16], value: NDArray[np.float64],
    quality: NDArray[np.uint8], out: Array, decided_us: Array,
) -> int:  # fmt: skip
    """Words from the states on, as rows (machine, at, word) of `out`; returns their number.

    `scratch`: copies of the states of the machines `which`; the samples of `which[j]` are first[j] to first[j + 1], in
    the order of the fold, before until_us[j]. `decided_us[j]`: up to where its words stand.
    """
    found = 0
    for j in range(which.shape[0]):
        s, k = scratch[j], machines[which[j]]
        low, high, until = first[j], first[j + 1], until_us[j]
        columns = event_us, role, channel, value, quality
        if k.told_by == _BY_SPINDLE:
            found, decided_us[j] = _by_spindle(s, k, which[j], columns, low, high, until, out, found)
        else:
            found, decided_us[j] = _by_power(s, k, which[j], columns, low, high, until, out, found)
    return found


@compiled
def _say(s: Any, machine: int, at_us: int, word: int, out: Array, found: int) -> int:
    """Note another word; one that is no more trusted is no news where there never was one."""
    if word == s.said[_CYCLE] or (word == NOT_TRUSTED and s.said[_CYCLE] == NOT_GIVEN):
        return found
    s.said[_CYCLE] = word
    out[found, 0], out[found, 1], out[found, 2] = machine, at_us, word
    return found + 1


@compiled
def _take_instant(s: Any, k: Any, columns: Any, at: int, high: int) -> int:
    """Take all samples of one instant; returns the position after them."""
    event_us, role, channel, value, quality = columns
    now = event_us[at]
    while at < high and event_us[at] == now:
        if role[at] == _GAP_OPEN:
            s.gaps = int(s.gaps) | 1 << (channel[at] - 1)
        elif role[at] == _GAP_CLOSE:
            s.gaps = int(s.gaps) & ~(1 << (channel[at] - 1))
        elif _FIRST_GAUGE <= role[at] < _FIRST_POINT:
            trusted = quality[at] <= _TRUSTED and value[at] == value[at]
            take_gauge(s, k, role[at], channel[at], value[at], trusted)
        at += 1
    return at


# Spindle and feed


@compiled
def _spindle_says(s: Any) -> int:
    if (int(s.rotating_known) | int(s.speed_known)) == 0 or s.feed_known == 0:
        return _UNKNOWN
    if int(s.rotating) | (int(s.fast) & ~int(s.rotating_known)) == 0:
        return _STANDING
    return _WORK if s.feeding != 0 else _TURNING


@compiled
def _by_spindle(
    s: Any, k: Any, machine: int, columns: Any, low: int, high: int, until: int, out: Array, found: int
) -> tuple[int, int]:
    """At work while a spindle turns and a feed is above 0, and through pauses after it that stay short."""
    now, at = s.at_us, low
    worked, pause_us, turning_us = s.said[_CYCLE] == _ACTIVE, _NOWHERE, _NOWHERE
    while True:
        if s.gaps & k.bit[_CYCLE] != 0:
            worked, pause_us = False, _NOWHERE
        else:
            says = _spindle_says(s)
            if says in (_WORK, _UNKNOWN):
                worked, pause_us = says == _WORK, _NOWHERE
                found = _say(s, machine, now, _ACTIVE if worked else NOT_TRUSTED, out, found)
            elif worked:
                pause_us = now if pause_us == _NOWHERE else pause_us
                turning_us = _NOWHERE if says == _STANDING else (now if turning_us == _NOWHERE else turning_us)
            else:
                found = _say(s, machine, now, _READY, out, found)
        turning_us = _NOWHERE if pause_us == _NOWHERE else turning_us
        ahead = columns[0][at] if at < high else until
        if pause_us != _NOWHERE:
            end = pause_us + k.stand_wait_us
            if turning_us != _NOWHERE:
                end = min(end, turning_us + k.feed_wait_us)
            if ahead > end:
                found = _say(s, machine, pause_us, _READY, out, found)
                worked, pause_us, turning_us = False, _NOWHERE, _NOWHERE
        if at == high:
            return found, until if pause_us == _NOWHERE else pause_us
        now, at = ahead, _take_instant(s, k, columns, at, high)


# Power


@compiled
def _power_says(s: Any, k: Any) -> int:
    """W of the machine or mA of a phase."""
    if k.phase > 0:
        return int(s.current_ma[k.phase - 1])
    return _watts(s.shown[POWER])


@compiled
def _watts(value: float) -> int:
    return int(np.rint(value)) if 0.0 <= value < _GREATEST_POWER_W else _UNKNOWN


@compiled
def _power_in(k: Any, columns: Any, at: int, power: int) -> int:
    """The power after a sample, if it was `power` before."""
    _, role, channel, value, quality = columns
    if role[at] == _GAP_OPEN and 1 << (channel[at] - 1) == k.bit[_CYCLE]:
        return _UNKNOWN
    if k.phase == 0 and (role[at] != _POWER_ROLE or channel[at] != 1):
        return power
    if k.phase > 0 and (role[at] != _CURRENT or channel[at] != k.phase):
        return power
    if quality[at] > _TRUSTED:
        return _UNKNOWN
    if k.phase == 0:
        return _watts(value[at])
    return int(np.rint(1000.0 * value[at])) if 0.0 <= value[at] < _GREATEST_CURRENT_A else _UNKNOWN


@compiled
def _mean_reaches(
    k: Any, columns: Any, at: int, high: int, power: int, now: int, until: int, level: int, above: bool
) -> int:
    """Whether the mean of the 5 s from now on is at or above a level, or below it. `at`: the first sample after now."""
    end, since, area = now + _MEAN_US, now, 0
    while at < high and columns[0][at] < end:
        area += power * (columns[0][at] - since)
        since = columns[0][at]
        while at < high and columns[0][at] == since:  # what counts is where an instant ends
            power = _power_in(k, columns, at, power)
            at += 1
        if power == _UNKNOWN:
            return _NO
    if until < end:
        return _UNDECIDED
    area += power * (end - since)
    return _YES if (area >= level * _MEAN_US) == above else _NO


@compiled
def _stays_below(k: Any, columns: Any, at: int, high: int, power: int, now: int, until: int, level: int) -> int:
    """Whether the power is below a level from now on for longer than 30 s. `at`: the first sample after now."""
    end = now + _OFF_US
    while at < high and columns[0][at] <= end:
        since = columns[0][at]
        while at < high and columns[0][at] == since:
            power = _power_in(k, columns, at, power)
            at += 1
        if power == _UNKNOWN or power >= level:
            return _NO
    return _YES if until > end else _UNDECIDED


@compiled
def _by_power(
    s: Any, k: Any, machine: int, columns: Any, low: int, high: int, until: int, out: Array, found: int
) -> tuple[int, int]:
    """At work from where the power reaches the upper limit and stays there on average; likewise below the lower one."""
    upper, lower, middle = k.limits[0], k.limits[1], k.limits[2]
    decided, at = until, low
    power = _UNKNOWN if s.gaps & k.bit[_CYCLE] != 0 else _power_says(s, k)
    word = int(s.said[_CYCLE]) if power != _UNKNOWN else NOT_GIVEN
    while at < high:
        now, before = columns[0][at], power
        at = _take_instant(s, k, columns, at, high)
        power = _UNKNOWN if s.gaps & k.bit[_CYCLE] != 0 else _power_says(s, k)
        if power == _UNKNOWN:
            word = NOT_GIVEN
            if s.gaps & k.bit[_CYCLE] == 0:
                found = _say(s, machine, now, NOT_TRUSTED, out, found)
            continue
        answer = _NO
        if word == _ACTIVE:
            if power < lower <= before:
                answer = _mean_reaches(k, columns, at, high, power, now, until, lower, False)
                word = _READY if answer == _YES else word
        else:
            if power >= upper and before < upper:
                answer = _mean_reaches(k, columns, at, high, power, now, until, upper, True)
            if answer == _YES:
                word = _ACTIVE
            elif power >= middle:
                word = _READY
        if answer == _UNDECIDED:
            decided = min(decided, now)
        if word != _ACTIVE and power < middle and (before == _UNKNOWN or before >= middle):
            answer = _stays_below(k, columns, at, high, power, now, until, middle)
            word = _OFF if answer == _YES else _READY
            if answer == _UNDECIDED:
                decided = min(decided, now)
        found = _say(s, machine, now, word, out, found)
    return found, decided
