"""What samples do to a machine's inputs: gauges that last, standing alarms, the order on the machine. Compiled.

Invariants: nothing here moves time or writes rows; time has been booked up to the sample. Only the gates of hot gauges
spare that: they enclose values that change no yes or no and no rate. One outside them may change none either.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from core.engine.jit import compiled
from core.engine.state import (
    ALARMS,
    DECIDE,
    DECIDE_CUT,
    FEED,
    HOT,
    LOAD,
    NOT_GIVEN,
    NOT_TRUSTED,
    PHASES,
    POWER,
    SPEED,
    SPINDLES,
    UNKNOWN_MA,
    UNKNOWN_PM,
)
from core.facts.schema import BY_SPEED, LOAD_CLASS_PM, LOAD_COLUMNS, UNSEEN
from core.plant.model import MOST_SOURCES
from core.vocabulary import WORDS, AlarmClass, JobState, Role

# Numba freezes module constants of plain int.
_ROTATING, _SPEED, _LOAD = int(Role.SPINDLE_ROTATING), int(Role.SPINDLE_SPEED), int(Role.SPINDLE_LOAD)
_FEED, _FEED_OVERRIDE, _SPINDLE_OVERRIDE = int(Role.FEED_RATE), int(Role.FEED_OVERRIDE), int(Role.SPINDLE_OVERRIDE)
_RAPID, _POWER = int(Role.RAPID), int(Role.POWER)
_CURRENT, _EXECUTION, _MODE = int(Role.CURRENT), int(Role.CHANNEL_EXECUTION), int(Role.CHANNEL_MODE)
_ZERO, _ALARM_STOP = int(Role.OVERRIDE_ZERO), int(Role.ALARM_STOP)
_UNSEEN, _BY_SPEED = int(UNSEEN), int(BY_SPEED)
_ONLINE, _WORDS, _SOURCES = int(Role.ONLINE), int(WORDS), int(MOST_SOURCES)
_STOP = int(AlarmClass.STOP)
_WAITING, _ENDED, _ABORTED = int(JobState.WAITING), int(JobState.ENDED), int(JobState.ABORTED)

_TURNS_ABOVE = 1.0
"""min⁻¹: a spindle slower than this stands; encoders of standing spindles are never quite silent (kpi.md §3.7)."""
_GREATEST_PERCENT = 100_000.0
"""Loads and overrides above this are no percentages."""
_GREATEST_POWER_W = 1e9
"""A gigawatt is a power station."""
_GREATEST_CURRENT_A = 1e6
"""No machine tool's supply carries a megaampere."""
_GREATEST_WORD = 127.0
_FULL_PM, _CLASS_UP, _CLASS_DOWN = int(LOAD_CLASS_PM * (len(LOAD_COLUMNS) - 1)), 41, 12
"""A load's class: by 100, which up to 1000 is · 41 / 4096 without a rest."""
_ABOVE_ZERO = 5e-324
"""The least number above 0."""
_HUGE = 1e300
"""Gates end here: an infinite value has no product with 0."""
_NO_CLASS = -1


@compiled
def touch(s: Any) -> None:
    """The state has to be decided again before time moves on."""
    s.dirty = DECIDE
    s.horizon_us = 0


@compiled
def say(s: Any, k: Any, word: int, code: int) -> None:
    """Another state input; it is believed unless its source is gone."""
    s.said[word] = code
    if word == _ONLINE:
        look_again(s, k)
        return
    s.words[word] = _believed(s, k, word)
    touch(s)


@compiled
def _believed(s: Any, k: Any, word: int) -> int:
    code = int(s.said[word])
    return NOT_TRUSTED if code != NOT_GIVEN and s.gone & k.bit[word] != 0 else code


@compiled
def said_by_channel(s: Any, k: Any, place: int) -> tuple[int, int]:
    """Execution and mode of channel 2 + `place`, as far as they are believed."""
    execution, mode = int(s.channel_execution[place]), int(s.channel_mode[place])
    if execution != NOT_GIVEN and s.gone & k.tells[place, 0] != 0:
        execution = NOT_TRUSTED
    if mode != NOT_GIVEN and s.gone & k.tells[place, 1] != 0:
        mode = NOT_TRUSTED
    return execution, mode


@compiled
def _hidden(bits: Any, gone: int) -> int:
    """What sources that are gone give, of bits by source."""
    hidden = 0
    for slot in range(_SOURCES):
        if gone >> slot & 1 != 0:
            hidden |= int(bits[slot])
    return hidden


@compiled
def look_again(s: Any, k: Any) -> None:
    """Another set of sources is gone: in a gap, or off line as they say themselves. Nothing of theirs is believed.

    What they said stays as it is, and counts again when they are back.
    """
    s.gone = int(s.gaps) | (int(k.bit[_ONLINE]) if s.said[_ONLINE] == 0 else 0)
    for word in range(_WORDS):
        s.words[word] = _believed(s, k, word)
    s.hidden_rotating, s.hidden_speed = _hidden(k.rotating, s.gone), _hidden(k.speed, s.gone)
    s.hidden_load, s.hidden_feed = _hidden(k.load, s.gone), _hidden(k.feed, s.gone)
    for channel in range(1, SPINDLES + 1):
        cuts = _cuts(k, _load_of(s, channel), _speed_of(s, channel))
        s.loaded = _with_bit(s.loaded, 1 << (channel - 1), cuts)
    _set_gates(s, k)
    touch(s)


@compiled
def turning(s: Any) -> int:
    """The spindles (bits) that turn: their own word counts more than their speed."""
    known = int(s.rotating_known) & ~int(s.hidden_rotating)
    return (int(s.rotating) & known) | (int(s.fast) & ~int(s.hidden_speed) & ~known)


@compiled
def doubtful(s: Any, k: Any, turns: int) -> int:
    """How it is not known whether a spindle turns, where the state is known: UNSEEN, BY_SPEED, or 0 if it is known."""
    surely = (int(s.rotating_known) & ~int(s.hidden_rotating)) | (
        int(s.speed_known) & ~int(s.hidden_speed) & ~int(k.own_word)
    )
    if turns & surely != 0 or int(k.spindles) & ~surely == 0:
        return 0
    return _UNSEEN if turns == 0 else _BY_SPEED


@compiled
def _touch_cut(s: Any) -> None:
    """Whether it cuts has to be decided again; the state does not depend on loads."""
    s.dirty = max(s.dirty, DECIDE_CUT)
    s.horizon_us = 0


@compiled
def load_class(s: Any) -> Any:
    """The class of the load that lasts, unsigned: then nobody asks whether an index is below 0."""
    return np.uint64(min(int(s.last[LOAD]), _FULL_PM) * _CLASS_UP >> _CLASS_DOWN)


@compiled
def area_up_to(s: Any, at_us: int) -> None:
    """Bring the areas of load and power up to an instant that is not yet booked, and the classes of the load."""
    if s.load_counts == LOAD:
        s.loads_us[load_class(s)] += at_us - s.since[LOAD]
    for hot in range(HOT):
        s.area[hot] += s.last[hot] * (at_us - s.since[hot])
        s.since[hot] = at_us


@compiled
def _show(s: Any, hot: int, channel: int, value: float, trusted: bool, last: int) -> None:
    """Another value of a hot gauge from `at_us` on, up to which its area has been booked."""
    if channel == 1:
        s.last[hot] = last
        s.shown[hot] = value if trusted else np.nan


@compiled
def _per_mille(value: float, trusted: bool) -> int:
    if trusted and 0.0 <= value <= _GREATEST_PERCENT:
        return int(np.rint(10.0 * value))
    return UNKNOWN_PM


@compiled
def _level(k: Any, speed: float) -> int:
    """Which of the taught levels holds at a speed."""
    last = k.idle_levels - 1
    for level in range(last):
        if abs(speed) <= k.idle_speed[level]:
            return level
    return int(last)


@compiled
def _cuts(k: Any, load_pm: int, speed: float) -> bool:
    """Whether a load is above what was taught for the spindle turning in air at that speed."""
    return bool(k.idle_levels > 0 and load_pm >= k.cut_pm[_level(k, speed)])


@compiled
def _load_of(s: Any, channel: int) -> int:
    if channel > 1:
        return int(s.load_pm[channel - 1])
    return int(s.last[LOAD]) if int(s.load_known) & 1 != 0 else UNKNOWN_PM


@compiled
def _speed_of(s: Any, channel: int) -> float:
    if int(s.hidden_speed) >> (channel - 1) & 1 != 0:
        return np.nan
    return float(s.shown[SPEED] if channel == 1 else s.speed[channel - 1])


@compiled
def _set_gates(s: Any, k: Any) -> None:
    """Between which values each hot gauge changes nothing; closed where it has no trusted value."""
    speed, level = s.shown[SPEED], _level(k, s.shown[SPEED])
    level_now = _level(k, _speed_of(s, 1))
    least = k.idle_speed[level - 1] if level > 0 else 0.0
    most = k.idle_speed[level] if level < k.idle_levels - 1 else _HUGE
    if abs(speed) > _TURNS_ABOVE:
        least = np.nextafter(max(least, _TURNS_ABOVE), np.inf)
        s.low[SPEED], s.high[SPEED] = (least, most) if speed > 0.0 else (-most, -least)
    elif least == 0.0 and speed == speed:
        s.low[SPEED], s.high[SPEED] = -min(most, _TURNS_ABOVE), min(most, _TURNS_ABOVE)
    else:
        s.low[SPEED], s.high[SPEED] = np.inf, -np.inf
    s.low[LOAD], s.high[LOAD] = 0.0, _GREATEST_PERCENT
    if int(s.load_known) & 1 == 0:
        s.low[LOAD], s.high[LOAD] = np.inf, -np.inf
    elif k.idle_levels > 0 and int(s.loaded) & 1 != 0:
        s.low[LOAD] = k.cut_pm[level_now] / 10.0
    elif k.idle_levels > 0:
        s.high[LOAD] = (k.cut_pm[level_now] - 1) / 10.0
    moves = int(s.feeding) & 1 != 0
    s.low[FEED], s.high[FEED] = (_ABOVE_ZERO, _HUGE) if moves else (-_HUGE, 0.0)
    if int(s.feed_known) & 1 == 0:
        s.low[FEED], s.high[FEED] = np.inf, -np.inf
    s.low[POWER] = float(k.off_w + 1) if k.off_w > 0 and s.off == 0 else 0.0
    s.high[POWER] = float(k.off_w - 1) if s.off != 0 else _GREATEST_POWER_W - 1.0


@compiled
def _with_bit(mask: int, bit: int, on: bool) -> int:
    return (int(mask) | bit) if on else (int(mask) & ~bit)


@compiled
def take_gauge(s: Any, k: Any, role: int, channel: int, value: float, trusted: bool) -> None:
    """Take a gauge of a spindle, channel or the whole machine at `at_us`, up to which time has been booked."""
    bit = 1 << (channel - 1)
    if role == _SPEED:
        _speed(s, k, channel, bit, value, trusted)
    elif role == _LOAD:
        _load(s, k, channel, bit, value, trusted)
    elif role == _FEED:
        moves = trusted and value > 0.0
        _show(s, FEED, channel, value, trusted, 0)
        s.feed_known = _with_bit(s.feed_known, bit, trusted)
        _set_feeding(s, _with_bit(s.feeding, bit, moves))
    elif role == _POWER:
        _power(s, k, value, trusted)
    elif role == _ROTATING:
        rotating, known = (
            _with_bit(s.rotating, bit, trusted and value != 0.0),
            _with_bit(s.rotating_known, bit, trusted),
        )
        if rotating != s.rotating or known != s.rotating_known:
            s.rotating, s.rotating_known = rotating, known
            touch(s)
    elif role == _CURRENT:
        _current(s, channel, value, trusted)
    elif role in (_EXECUTION, _MODE):
        _channel(s, role, channel, value, trusted)
    elif channel == 1:
        _override(s, k, role, value, trusted)
    _set_gates(s, k)


@compiled
def _set_feeding(s: Any, feeding: int) -> None:
    if feeding != s.feeding:
        s.feeding = feeding
        touch(s)


@compiled
def word(value: float, trusted: bool) -> int:
    """The code of a word, NOT_TRUSTED for what is none or cannot be believed."""
    return int(value) if trusted and 0.0 <= value < _GREATEST_WORD else NOT_TRUSTED


@compiled
def _channel(s: Any, role: int, channel: int, value: float, trusted: bool) -> None:
    """Execution or mode of another channel than the first."""
    said = s.channel_execution if role == _EXECUTION else s.channel_mode
    code = word(value, trusted)
    if said[channel - 2] != code:
        said[channel - 2] = code
        touch(s)


@compiled
def _current(s: Any, channel: int, value: float, trusted: bool) -> None:
    known = trusted and channel <= PHASES and 0.0 <= value < _GREATEST_CURRENT_A
    if channel <= PHASES:
        s.current_ma[channel - 1] = int(np.rint(1000.0 * value)) if known else UNKNOWN_MA


@compiled
def _speed(s: Any, k: Any, channel: int, bit: int, value: float, trusted: bool) -> None:
    fast = _with_bit(s.fast, bit, trusted and abs(value) > _TURNS_ABOVE)
    known = _with_bit(s.speed_known, bit, trusted)
    if known != s.speed_known:
        s.speed_known = known
        touch(s)
    if channel <= SPINDLES:
        _show(s, SPEED, channel, value, trusted, 0)
        if channel > 1:
            s.speed[channel - 1] = value if trusted else np.nan
        loaded = _with_bit(s.loaded, bit, _cuts(k, _load_of(s, channel), _speed_of(s, channel)))
        if loaded != s.loaded:
            s.loaded = loaded
            _touch_cut(s)
    if fast != s.fast:
        s.fast = fast
        touch(s)


@compiled
def _load(s: Any, k: Any, channel: int, bit: int, value: float, trusted: bool) -> None:
    if channel > SPINDLES:
        return
    load_pm = _per_mille(abs(value), trusted)
    _show(s, LOAD, channel, value, trusted, max(load_pm, 0))
    s.load_pm[channel - 1] = load_pm if channel > 1 else UNKNOWN_PM
    loaded = _with_bit(s.loaded, bit, _cuts(k, load_pm, _speed_of(s, channel)))
    known = _with_bit(s.load_known, bit, load_pm >= 0)
    if loaded != s.loaded or known != s.load_known:
        s.loaded, s.load_known = loaded, known
        _touch_cut(s)


@compiled
def _power(s: Any, k: Any, value: float, trusted: bool) -> None:
    known = trusted and 0.0 <= value < _GREATEST_POWER_W
    power_w = int(np.rint(value)) if known else 0
    _show(s, POWER, 1, value, trusted, power_w)
    off = 1 if known and k.off_w > 0 and power_w <= k.off_w else 0
    if off != s.off:
        s.off = off
        touch(s)


@compiled
def _override(s: Any, k: Any, role: int, value: float, trusted: bool) -> None:
    """An override of spindle or channel 1, or whether that travels in rapid."""
    if role == _RAPID:
        s.rapid = 1 if trusted and value != 0.0 else 0
        return
    now_pm = _per_mille(value, trusted)
    if role == _SPINDLE_OVERRIDE:
        s.spindle_pm = now_pm
    elif role == _FEED_OVERRIDE:
        s.feed_pm = now_pm
        zero = NOT_TRUSTED if now_pm < 0 else (1 if now_pm == 0 else 0)
        if s.said[_ZERO] != zero:
            say(s, k, _ZERO, zero)
    else:
        s.rapid_pm = now_pm


@compiled
def take_alarm(s: Any, k: Any, key: int, edge: int) -> None:
    """An alarm raised (`edge` = class + 2) or cleared (-class - 2); only those of class stop are kept."""
    alarm_class, raised = abs(edge) - 2, edge > 0
    place = -1
    for at in range(s.alarms_known):
        if s.alarms[at] == key:
            place = at
    if raised and alarm_class == _STOP:
        if place < 0 and s.alarms_known < ALARMS:
            s.alarms[s.alarms_known] = key
            s.alarms_known += 1
        elif place < 0:
            s.alarms_more += 1
    elif place >= 0:
        s.alarms_known -= 1
        s.alarms[place] = s.alarms[s.alarms_known]
        s.alarms[s.alarms_known] = 0
    elif not raised and s.alarms_more > 0 and alarm_class in (_STOP, _NO_CLASS):
        s.alarms_more -= 1
    standing = 1 if s.alarms_known + s.alarms_more > 0 else 0
    if s.said[_ALARM_STOP] != standing:
        say(s, k, _ALARM_STOP, standing)


@compiled
def order_on_machine(s: Any, k: Any) -> tuple[int, int]:
    """(order or 0, whether it is known that there is none) after job.state, else after what names the order."""
    named = s.order if k.has_order != 0 else s.job
    none = s.job_state in (_WAITING, _ENDED, _ABORTED) if s.job_state >= 0 else named == 0
    return (0, 1) if none else (max(named, 0), 0)
