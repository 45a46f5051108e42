"""Part counters and the energy meter: readings become differences, and nothing else (signals.md §5.12). Compiled.

Invariants: a reading that cannot be parts is none; what a counter did other than count on leaves a row, and where it is
not known how many parts were made between two readings, or of which program, so does that stretch (a count gap).
Functions that write return False before they have changed anything if there is no room.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engine.jit import compiled
from core.engine.outputs import CREDITS, DOUBTS, EVENTS, new_row, room
from core.engine.state import NO_COUNT, NO_STATE, NOT_BAD
from core.facts.schema import MEASURES, NO_SOURCE, NOT_LIMITED, OPEN_END
from core.vocabulary import Cause, CounterEvent, Flag, Role

_PARTS_TOTAL, _PARTS_GOOD = MEASURES.index("parts_total"), MEASURES.index("parts_good")
_PARTS_SCRAP, _NO_STANDARD = MEASURES.index("parts_scrap"), MEASURES.index("parts_no_standard")
_CREDIT_TOTAL, _CREDIT_GOOD = MEASURES.index("credit_total_us"), MEASURES.index("credit_good_us")
_GAP_TOTAL, _GAP_GOOD = MEASURES.index("credit_gap_total_us"), MEASURES.index("credit_gap_good_us")
_ENERGY = MEASURES.index("energy_mj")
_TOTAL, _ENERGY_ROLE = int(Role.PART_TOTAL), int(Role.ENERGY)
_NO_STATE, _NO_SOURCE = int(NO_STATE), int(NO_SOURCE)
_RESET_FLAG, _RETAINED, _INITIAL = int(Flag.RESET), int(Flag.RETAINED), int(Flag.INITIAL)
_ROLLOVER, _CORRECTION = int(CounterEvent.ROLLOVER), int(CounterEvent.CORRECTION)
_RESET, _PRESET = int(CounterEvent.RESET), int(CounterEvent.PRESET)
_DROPPED, _CONFIRMED = int(CounterEvent.DROPPED), int(CounterEvent.CONFIRMED)
_COUNTED, _HELD_BACK = -1, -2
_WAS_RESET, _WAS_SET, _CORRECTED = int(Cause.COUNTER_RESET), int(Cause.COUNTER_SET), int(Cause.COUNTER_CORRECTED)
_OVER, _JUMPED, _BAD = int(Cause.COUNTER_OVER), int(Cause.COUNTER_JUMPED), int(Cause.BAD_DATA)
_UNREAD, _NEW_JOB, _PROGRAM = int(Cause.NO_DATA_YET), int(Cause.JOB_CHANGED), int(Cause.PROGRAM_CHANGED)

_STEP_BACK = 10
"""Parts: a counter that falls by no more than this was corrected by a person, it was not reset. The same number may
always come at once, whatever the rate: a pallet, a late message."""
_NEAR = 100
"""Parts: how near to the top and to zero a counter of unknown width must be to have rolled over."""
_WIDTHS = tuple(2**bits for bits in (15, 16, 31, 32)) + tuple(10**digits for digits in range(4, 10))
"""Values that counters have: signed and unsigned words of 16 and 32 bits, and displays of four to nine digits."""
_TIMES = 3
"""A rise above so many times the greatest plausible rate is held back (signals.md §5.12)."""
_FASTEST_US = 100_000
"""Time per part: no machine tool makes more than ten parts a second, whatever its standard time."""
_WRONG_STANDARD = 10
"""A standard time may be so many times too long, a pallet's for a part's; what exceeds that was set by hand."""
_LONG_US = 10**13
"""115 days: longer stretches allow no more parts, and products of them stay inside 64 bits."""
_EXACT = 2.0**53
"""Counters above this are not whole numbers any more in a float64."""
_MJ_PER_WH = 3_600_000.0
EVENT_ROOM = 2
"""Rows of events that one reading may leave: a jump decided, and what the reading itself is. As many of count gaps."""


@compiled
def pri_of(program: int, at_us: int, programs: NDArray[np.void]) -> int:
    """Standard time of a program in force at an instant in µs, 0 if it has none."""
    low, high = 0, programs.shape[0]
    while low < high:
        middle = (low + high) // 2
        found = programs[middle]
        if found.id < program or (found.id == program and found.from_us <= at_us):
            low = middle + 1
        else:
            high = middle
    if low > 0 and programs[low - 1].id == program:
        return int(programs[low - 1].pri_us)
    return 0


@compiled
def most_parts(elapsed_us: int, rate_pm: int, pri_us: int) -> int:
    """Parts that may come between two readings before they are held back."""
    elapsed = min(elapsed_us, _LONG_US)
    if pri_us == 0:
        return int(_TIMES * elapsed // _FASTEST_US + _STEP_BACK)
    return int(_TIMES * rate_pm * elapsed // (1000 * pri_us) + _STEP_BACK)


@compiled
def _conceivable_parts(elapsed_us: int, rate_pm: int, pri_us: int) -> int:
    """Parts that a jump may stand for, if the counter goes on from there."""
    if pri_us == 0:
        return int(min(elapsed_us, _LONG_US) // _FASTEST_US + _STEP_BACK)
    return _WRONG_STANDARD * most_parts(elapsed_us, rate_pm, pri_us)


@compiled
def _rolled_over(last: int, reading: int, width: int, most: int) -> int:
    """Parts if a counter went over its top between two readings, -1 if it did not."""
    if width > 0:
        parts = width - last + reading
        return parts if last < width and parts <= most else -1
    for known in _WIDTHS:
        if known - _NEAR <= last < known and reading <= _NEAR and known - last + reading <= most:
            return known - last + reading
    return -1


@compiled
def difference(last: int, reading: int, announced: bool, width: int, most: int) -> tuple[int, int]:
    """(parts, what) between two readings; `what` is a CounterEvent, or that it counted or must be held back."""
    if announced:
        return (reading, _COUNTED) if reading <= most else (0, _PRESET)
    if reading >= last:
        return (reading - last, _COUNTED) if reading - last <= most else (0, _HELD_BACK)
    rolled = _rolled_over(last, reading, width, most)
    if rolled >= 0:
        return rolled, _ROLLOVER
    if last - reading <= _STEP_BACK and reading > _STEP_BACK:
        return 0, _CORRECTION
    return (reading, _RESET) if reading <= most else (0, _PRESET)


@compiled
def _event(
    s: Any,
    machine: int,
    kind: int,
    what: int,
    reading: int,
    parts: int,
    out: NDArray[np.int64],
    used: NDArray[np.int64],
) -> None:
    row = new_row(out, used, EVENTS)
    row[0], row[1], row[2], row[3] = machine, kind, what, s.counter_us[kind]
    row[4], row[5], row[6], row[7] = s.at_us, s.counter[kind], reading, parts


@compiled
def _doubt(
    s: Any, machine: int, kind: int, cause: int, to_us: int, parts: int, least: int, most: int, pri_us: int,
    out: NDArray[np.int64], used: NDArray[np.int64],
) -> None:  # fmt: skip
    """A count gap from the last reading to `to_us`: `parts` are booked, `least` to `most` may have been made."""
    if s.counter_us[kind] >= to_us:
        return
    row = new_row(out, used, DOUBTS)
    row[0], row[1], row[2], row[3], row[4], row[5] = machine, kind, cause, s.counter_us[kind], to_us, parts
    row[6], row[7] = parts * pri_us, least * s.pri_least[kind]
    row[8] = NOT_LIMITED if most == NOT_LIMITED else most * s.pri_most[kind]
    row[9], row[10] = s.pri_most[kind], s.at_us


@compiled
def _doubt_of(
    s: Any, k: Any, machine: int, kind: int, reading: int, parts: int, what: int, dropped: bool, pri_us: int,
    out: NDArray[np.int64], used: NDArray[np.int64],
) -> None:  # fmt: skip
    """The doubt that the difference to a reading leaves, if it leaves one. `dropped`: so was a jump, by a reset."""
    bit = 1 << kind
    spans, bad = s.after_gap & bit != 0, NOT_BAD < s.bad_us[kind] < s.at_us
    cause, least, most = 0, parts, int(NOT_LIMITED)
    if what == _RESET or (what == _COUNTED and s.announced & bit != 0 and (spans or bad or dropped)):
        cause = _WAS_RESET
    elif what == _PRESET:
        cause, least = _WAS_SET, 0
    elif what == _CORRECTION:
        cause, least = _CORRECTED, 0
    elif what == _ROLLOVER and k.width == 0:
        cause, least = _OVER, reading
    elif what == _COUNTED:
        most = parts
        mixed = s.pri_least[kind] != s.pri_most[kind] and parts > (0 if spans else 1)
        cause = _BAD if bad else (_PROGRAM if mixed else 0)
    if cause != 0:
        _doubt(s, machine, kind, cause, s.at_us, parts, least, most, pri_us, out, used)


@compiled
def doubt_lasting(s: Any, k: Any, machine: int, out: NDArray[np.int64], used: NDArray[np.int64]) -> None:
    """Count gaps that last at the end of all that is known. There is room for three."""
    for kind in range(3):
        if k.has[kind] == 0 or s.counter_us[kind] >= s.at_us:
            continue
        cause = 0
        if s.counter[kind] == NO_COUNT:
            cause = _UNREAD
        elif s.jump[kind] != NO_COUNT:
            cause = _JUMPED
        elif s.fresh & (1 << kind) != 0:
            cause = _NEW_JOB
        elif NOT_BAD < s.bad_us[kind] < s.at_us:
            cause = _BAD
        if cause != 0:
            row = new_row(out, used, DOUBTS)
            row[0], row[1], row[2], row[3], row[4], row[5] = machine, kind, cause, s.counter_us[kind], OPEN_END, 0
            row[6], row[7], row[8], row[9], row[10] = 0, 0, NOT_LIMITED, s.pri_most[kind], OPEN_END


@compiled
def write_blind(s: Any, machine: int, to_us: int, out: NDArray[np.int64], used: NDArray[np.int64]) -> None:
    """A stretch in which it is not known whether a spindle turns, up to `to_us`. There is room for it."""
    row = new_row(out, used, DOUBTS)
    row[0], row[1], row[2], row[3], row[4], row[5] = machine, s.blind_how, _BAD, s.blind_us, to_us, 0
    row[6], row[7], row[8], row[9], row[10] = 0, 0, NOT_LIMITED, 0, to_us


@compiled
def distrust(s: Any, kind: int) -> None:
    """A reading that cannot be trusted."""
    s.missed = int(s.missed) | (1 << kind)
    if s.bad_us[kind] == NOT_BAD:
        s.bad_us[kind] = s.at_us


@compiled
def may_make(s: Any, pri_us: int) -> None:
    """Another program is selected: what the counters read next may be parts of any since the last reading."""
    for kind in range(3):
        if s.counter_us[kind] == s.at_us and s.counter[kind] != NO_COUNT and s.jump[kind] == NO_COUNT:
            s.pri_least[kind] = s.pri_most[kind] = pri_us  # the one before had no time since that reading
        s.pri_least[kind] = min(s.pri_least[kind], pri_us)
        s.pri_most[kind] = max(s.pri_most[kind], pri_us)


@compiled
def _decide_jump(
    s: Any, k: Any, machine: int, kind: int, reading: int, announced: bool, pri_us: int,
    out: NDArray[np.int64], used: NDArray[np.int64],
) -> int:  # fmt: skip
    """Parts of a reading that was held back; the next one, which is here now, confirms it if it goes on from there."""
    jump = s.jump[kind]
    s.jump[kind] = NO_COUNT
    if reading < jump or announced:
        _event(s, machine, kind, _DROPPED, jump, 0, out, used)
        return 0
    parts = jump - s.counter[kind]
    if parts > _conceivable_parts(s.jump_us[kind] - s.counter_us[kind], k.rate_pm, pri_us):
        _event(s, machine, kind, _PRESET, jump, 0, out, used)
        parts = 0
        _doubt(s, machine, kind, _WAS_SET, s.jump_us[kind], 0, 0, NOT_LIMITED, pri_us, out, used)
    else:
        _event(s, machine, kind, _CONFIRMED, jump, parts, out, used)
        _doubt(s, machine, kind, _JUMPED, s.jump_us[kind], parts, 0, parts, pri_us, out, used)
    s.counter[kind], s.counter_us[kind] = jump, s.jump_us[kind]
    return int(parts)


@compiled
def _book(
    s: Any, k: Any, machine: int, kind: int, parts: int, spans_gap: bool, pri_us: int,
    out: NDArray[np.int64], used: NDArray[np.int64],
) -> None:  # fmt: skip
    """Add parts of one counter (0 total, 1 good, 2 scrap) to the running minute and, across a gap, to its credits.

    That nothing was made in a gap is worth a row too: it narrows the band. The counters that a machine does not have
    follow from the others.
    """
    has_total, has_good, has_scrap = k.has[0] != 0, k.has[1] != 0, k.has[2] != 0
    total = good = scrap = 0
    if kind == 0:
        total = parts
        good = 0 if has_good else parts
        scrap = parts if has_good and not has_scrap else 0
    elif kind == 1:
        total = 0 if has_total else parts
        good = parts
        scrap = -parts if has_total and not has_scrap else 0
    else:
        good = 0 if has_good or not has_total else -parts
        scrap = parts
    s.acc[_PARTS_TOTAL] += total
    s.acc[_PARTS_GOOD] += good
    s.acc[_PARTS_SCRAP] += scrap
    if pri_us == 0:
        s.acc[_NO_STANDARD] += total
    if not spans_gap:
        s.acc[_CREDIT_TOTAL] += total * pri_us
        s.acc[_CREDIT_GOOD] += good * pri_us
        return
    s.acc[_GAP_TOTAL] += total * pri_us
    s.acc[_GAP_GOOD] += good * pri_us
    gap = int(s.spanned[kind])
    first = 3 * gap
    s.gap_credit[first] += good * pri_us
    s.gap_credit[first + 1] += total * pri_us
    s.gap_credit[first + 2] += total
    row = new_row(out, used, CREDITS)
    row[0], row[1] = machine, s.last_gap_from_us[gap]
    row[2], row[3], row[4] = s.gap_credit[first], s.gap_credit[first + 1], s.gap_credit[first + 2]
    row[5], row[6] = s.at_us, _NO_SOURCE if gap == _NO_STATE else gap


@compiled
def enter_scrap(s: Any, parts: int, pri_us: int) -> None:
    """Parts counted as good were none, as a person says; they were made, so the total stays."""
    s.acc[_PARTS_GOOD] -= parts
    s.acc[_PARTS_SCRAP] += parts
    s.acc[_CREDIT_GOOD] -= parts * pri_us


@compiled
def _read(
    s: Any, k: Any, machine: int, kind: int, reading: int, pri_us: int, out: NDArray[np.int64], used: NDArray[np.int64]
) -> None:
    """One reading outside gaps: its parts are booked at `at_us`, or it is held back. There is room for its rows."""
    bit = 1 << kind
    announced = s.announced & bit != 0
    first = s.counter[kind] == NO_COUNT or s.fresh & bit != 0
    parts, what = 0, _COUNTED
    # Another standard time of the program may have come into force since the reading before.
    s.pri_least[kind], s.pri_most[kind] = min(s.pri_least[kind], pri_us), max(s.pri_most[kind], pri_us)
    if first:
        cause = _UNREAD if s.counter[kind] == NO_COUNT else _NEW_JOB
        _doubt(s, machine, kind, cause, s.at_us, 0, 0, NOT_LIMITED, pri_us, out, used)
    else:
        dropped = announced and s.jump[kind] != NO_COUNT
        if s.jump[kind] != NO_COUNT:
            parts = _decide_jump(s, k, machine, kind, reading, announced, pri_us, out, used)
        most = most_parts(s.at_us - s.counter_us[kind], k.rate_pm, pri_us)
        more, what = difference(s.counter[kind], reading, announced, k.width, most)
        if what >= 0:
            _event(s, machine, kind, what, reading, more, out, used)
        _doubt_of(s, k, machine, kind, reading, more, what, dropped, pri_us, out, used)
        parts += more
    spans = s.after_gap & bit != 0
    if parts != 0 or (spans and what != _HELD_BACK):
        _book(s, k, machine, kind, parts, spans, pri_us, out, used)
    if what == _HELD_BACK:
        s.jump[kind], s.jump_us[kind] = reading, s.at_us
        return
    s.jump[kind] = NO_COUNT
    s.counter[kind], s.counter_us[kind] = reading, s.at_us
    s.after_gap, s.fresh = int(s.after_gap) & ~bit, int(s.fresh) & ~bit
    s.announced = int(s.announced) & ~bit
    s.bad_us[kind] = NOT_BAD
    s.pri_least[kind] = s.pri_most[kind] = pri_us


@compiled
def _is_repeated(s: Any, kind: int, reading: int) -> bool:
    """Whether this very reading has been taken already: delivered twice, it confirms and resets nothing."""
    counted = reading == s.counter[kind] and s.at_us == s.counter_us[kind]
    return bool(counted or (reading == s.jump[kind] and s.at_us == s.jump_us[kind]))


@compiled
def _is_older(s: Any, kind: int, reading: int) -> bool:
    """Whether a first count is less than what was read at the same instant: at the end of a gap, what the counter told
    last inside it is read before its first count (Gaps.told)."""
    return bool(s.counter_us[kind] == s.at_us and reading < s.counter[kind])


@compiled
def count(
    s: Any, k: Any, machine: int, kind: int, value: float, flags: int, pri_us: int,
    out: NDArray[np.int64], used: NDArray[np.int64],
) -> bool:  # fmt: skip
    """One good reading of a part counter.

    A retained one says how things were: it is a baseline or nothing. A first one that another has overtaken is nothing.
    """
    if not 0.0 <= value < _EXACT or (flags & _RETAINED != 0 and s.counter[kind] != NO_COUNT):
        return True
    if not room(used, CREDITS, 1) or not room(used, EVENTS, EVENT_ROOM) or not room(used, DOUBTS, EVENT_ROOM):
        return False
    reading = int(value)
    s.missed = int(s.missed) & ~(1 << kind)
    if flags & _INITIAL != 0 and _is_older(s, kind, reading):
        return True
    if _is_repeated(s, kind, reading):
        if s.bad_us[kind] == s.at_us:
            s.bad_us[kind] = NOT_BAD
        return True
    if flags & _RESET_FLAG != 0:
        s.announced = int(s.announced) | (1 << kind)
    if s.gaps & k.bit[_TOTAL + kind] != 0:
        s.held[kind] = reading
    else:
        _read(s, k, machine, kind, reading, pri_us, out, used)
    return True


@compiled
def counters_of(k: Any, sources: int) -> int:
    """The counters (bits) that these sources (bits) give."""
    found = 0
    for kind in range(3):
        if k.bit[_TOTAL + kind] & sources != 0:
            found |= 1 << kind
    return found


@compiled
def count_what_a_gap_held(
    s: Any, k: Any, machine: int, counters: int, pri_us: int, out: NDArray[np.int64], used: NDArray[np.int64]
) -> None:
    """Book at the end of a gap what these counters read inside it. There is room for the rows of three readings."""
    for kind in range(3):
        if counters >> kind & 1 != 0 and s.held[kind] != NO_COUNT:
            reading = s.held[kind]
            s.held[kind] = NO_COUNT
            _read(s, k, machine, kind, reading, pri_us, out, used)


@compiled
def start_over(s: Any, with_baseline: bool) -> None:
    """A new run announces that counters start over at 0; a new job, that they start over at nobody knows what.

    A counter that was read at this very instant belongs to the new job already.
    """
    for kind in range(3):
        bit = 1 << kind
        if not with_baseline:
            s.announced = int(s.announced) | bit
        elif s.counter_us[kind] < s.at_us:
            s.fresh = int(s.fresh) | bit


@compiled
def meter(s: Any, k: Any, value: float, flags: int) -> None:
    """One good reading of the energy meter [Wh]; inside a gap none counts, the first one after it makes up for them."""
    if not 0.0 <= value * _MJ_PER_WH < _EXACT or s.gaps & k.bit[_ENERGY_ROLE] != 0:
        return
    if flags & _RETAINED != 0 and s.energy != NO_COUNT:
        return
    reading = int(np.rint(value * _MJ_PER_WH))
    if s.energy != NO_COUNT and reading > s.energy:
        s.acc[_ENERGY] += reading - s.energy
    s.energy = reading
