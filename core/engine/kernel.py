"""The compiled fold: one small state record a machine, integer microseconds, integer counts, no allocation.

Invariants:
- Samples of one machine come in canonical order; a sample older than the state (in a gap, or seeding) acts at `at_us`.
- State is decided only when time moves, so it is the net effect of all samples of one microsecond.
- Every function that may run out of room in an output returns False before it has changed anything it cannot go on
  from; the caller empties the outputs and calls again with what is left.
- No clock, no time zone, no division: whatever the batching, the same samples give the same rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engine.jit import compiled
from core.engine.state import NO_COUNT, NOT_IN_GAP, NOT_TRUSTED
from core.engine.transitions import TIME_CLASS, decide
from core.facts.schema import MEASURES, OPEN_END
from core.units import MINUTE_US
from core.vocabulary import Cause, Flag, Quality, Role, Situation, State

# Numba freezes module constants of plain int.
_MINUTE = int(MINUTE_US)
_WORD_ROLES = int(Role.FEED_OVERRIDE)
_OVERRIDE, _ZERO = int(Role.FEED_OVERRIDE), int(Role.OVERRIDE_ZERO)
_ROTATING, _SPEED, _FEED = int(Role.SPINDLE_ROTATING), int(Role.SPINDLE_SPEED), int(Role.FEED_RATE)
_TOTAL, _SCRAP, _PROGRAM = int(Role.PART_TOTAL), int(Role.PART_SCRAP), int(Role.PROGRAM)
_GAP_OPEN, _GAP_CLOSE = int(Role.GAP_OPEN), int(Role.GAP_CLOSE)
_TRUSTED = int(Quality.UNCERTAIN)
_RESET, _RETAINED = int(Flag.RESET), int(Flag.RETAINED)
_UNKNOWN = int(State.UNKNOWN)
_LAST_BUSY = int(Situation.BUSY_NO_ORDER)

_PARTS_TOTAL, _PARTS_GOOD = MEASURES.index("parts_total"), MEASURES.index("parts_good")
_PARTS_SCRAP, _NO_STANDARD = MEASURES.index("parts_scrap"), MEASURES.index("parts_no_standard")
_CREDIT_TOTAL, _CREDIT_GOOD = MEASURES.index("credit_total_us"), MEASURES.index("credit_good_us")
_GAP_TOTAL, _GAP_GOOD = MEASURES.index("credit_gap_total_us"), MEASURES.index("credit_gap_good_us")
_TURNING = MEASURES.index("spindle_turning_us")
_MEASURES = len(MEASURES)

_TURNS_ABOVE = 1.0
"""min⁻¹: a spindle slower than this stands; encoders of standing spindles are never quite silent (kpi.md §3.7)."""
_CORRECTION = 10
"""Parts: a counter that falls by no more than this was corrected by a person, it was not reset."""
_JUMP = 1_000_000
"""Parts: no machine makes so many between two readings; such a rise is a preset or a garbled reading."""
_FROM_SAMPLES = int(Cause.OFFLINE)
"""Causes of UNKNOWN from here on come from samples, the ones before from gap records."""
_EXACT = 2.0**53
"""Counters above this are not whole numbers any more in a float64."""

Outputs = Any
"""Structured arrays with room for rows: facts, intervals, programs, credits; and `used`, how many rows each holds."""


@compiled
def _flush(s: Any, machine: int, facts: NDArray[np.int64], used: NDArray[np.int64]) -> bool:
    """Write the measures of the running minute as a row, if there are any."""
    busy = False
    for k in range(_MEASURES):
        busy = busy or s.acc[k] != 0
    if not busy:
        return True
    if used[0] == facts.shape[0]:
        return False
    row = facts[used[0]]
    row[0], row[1], row[2], row[3], row[4] = machine, s.minute_us, s.shift, s.program, 0
    for k in range(_MEASURES):
        row[5 + k] = s.acc[k]
        s.acc[k] = 0
    used[0] += 1
    return True


@compiled
def _span_gap(s: Any, from_us: int) -> None:
    """What the counters read next spans a stretch without trusted data: right in sum, unknown in time."""
    s.last_gap_from_us = from_us
    s.after_gap = 7
    s.gap_credit[:] = 0


@compiled
def _settle(s: Any, machine: int, intervals: NDArray[np.int64], used: NDArray[np.int64]) -> bool:
    """Decide the state at `at_us` from the inputs, and close the interval of the state before."""
    turns = s.rotating | (s.fast & ~s.rotating_known)
    state, cause, rule = decide(s.words, (turns | s.feeding) != 0, s.gap_cause)
    if state != s.state or cause != s.cause or rule != s.rule:
        if s.at_us > s.since_us:
            if used[1] == intervals.shape[0]:
                return False
            row = intervals[used[1]]
            row[0], row[1], row[2], row[3], row[4], row[5] = machine, s.since_us, s.at_us, s.state, s.cause, s.rule
            used[1] += 1
            if s.state == _UNKNOWN and s.cause >= _FROM_SAMPLES and state != _UNKNOWN:
                _span_gap(s, s.since_us)
            s.since_us = s.at_us
        s.state, s.cause, s.rule = state, cause, rule
    s.turning = 1 if turns != 0 else 0
    s.dirty = 0
    return True


@compiled
def _enter_segment(
    s: Any,
    first: int,
    end: int,
    start: NDArray[np.int64],
    situation: NDArray[np.int8],
    shift: NDArray[np.int64],
) -> bool:
    """Look up what the calendar in segments first to end says from `at_us` on. False if it does not reach there."""
    index = first + np.searchsorted(start[first:end], s.at_us, side="right") - 1
    if index < first or index + 1 >= end:
        return False
    s.situation = situation[index]
    s.shift = shift[index]
    s.segment_end_us = start[index + 1]
    return True


@compiled
def _spend(s: Any, until: int) -> None:
    """Book the time up to `until`, which lies in the running minute and segment."""
    spent = until - s.at_us
    s.acc[TIME_CLASS[s.state, s.situation]] += spent
    if s.turning != 0 and s.situation <= _LAST_BUSY and s.state != _UNKNOWN:
        s.acc[_TURNING] += spent
    s.at_us = until


@compiled
def _advance(
    s: Any,
    machine: int,
    until: int,
    site: int,
    site_first: NDArray[np.int64],
    start: NDArray[np.int64],
    situation: NDArray[np.int8],
    shift: NDArray[np.int64],
    facts: NDArray[np.int64],
    intervals: NDArray[np.int64],
    used: NDArray[np.int64],
) -> bool:
    """Book the time up to `until` under the present state. False: an output is full or the calendar ends."""
    if s.at_us >= until:
        return True
    if s.dirty != 0 and not _settle(s, machine, intervals, used):
        return False
    while s.at_us < until:
        if s.at_us >= s.segment_end_us and not _enter_segment(
            s, site_first[site], site_first[site + 1], start, situation, shift
        ):
            return False
        minute_end = s.minute_us + _MINUTE
        stop = min(until, minute_end, s.segment_end_us)
        if stop == minute_end and used[0] == facts.shape[0]:
            return False
        _spend(s, stop)
        if stop == minute_end:
            _flush(s, machine, facts, used)
            s.minute_us = minute_end
    return True


@compiled
def _pri(program: int, ids: NDArray[np.int64], pri_us: NDArray[np.int64]) -> int:
    """Standard time of a program, 0 if it has none."""
    index = np.searchsorted(ids, program)
    if index < ids.shape[0] and ids[index] == program:
        return int(pri_us[index])
    return 0


@compiled
def _difference(last: int, reading: int, announced: bool) -> int:
    """Parts between two readings of a counter: rise, announced reset, correction by hand, or a fall as a reset.

    What cannot be parts is none of them; the reading is the new baseline all the same.
    """
    if last == NO_COUNT:
        return 0
    if not announced and reading < last and last - reading <= _CORRECTION and reading > _CORRECTION:
        return 0
    parts = reading - last if reading >= last and not announced else reading
    return parts if parts <= _JUMP else 0


@compiled
def _book(
    s: Any,
    machine: int,
    kind: int,
    parts: int,
    spans_gap: bool,
    has: NDArray[np.bool_],
    pri_us: int,
    credits: NDArray[np.int64],
    used: NDArray[np.int64],
) -> bool:
    """Add parts of one counter (0 total, 1 good, 2 scrap) to the running minute and, across a gap, to its credits.

    That nothing was made in a gap is worth a row too: it narrows the band.
    `has[machine]`: which of the three counters it owns; the missing ones follow from the others.
    """
    if parts == 0 and not spans_gap:
        return True
    if spans_gap and used[3] == credits.shape[0]:
        return False
    total = good = scrap = 0
    if kind == 0:
        total = parts
        good = 0 if has[machine, 1] else parts
        scrap = parts if has[machine, 1] and not has[machine, 2] else 0
    elif kind == 1:
        total = 0 if has[machine, 0] else parts
        good = parts
        scrap = -parts if has[machine, 0] and not has[machine, 2] else 0
    else:
        good = 0 if has[machine, 1] or not has[machine, 0] else -parts
        scrap = parts
    s.acc[_PARTS_TOTAL] += total
    s.acc[_PARTS_GOOD] += good
    s.acc[_PARTS_SCRAP] += scrap
    if pri_us == 0:
        s.acc[_NO_STANDARD] += total
    if not spans_gap:
        s.acc[_CREDIT_TOTAL] += total * pri_us
        s.acc[_CREDIT_GOOD] += good * pri_us
        return True
    s.acc[_GAP_TOTAL] += total * pri_us
    s.acc[_GAP_GOOD] += good * pri_us
    s.gap_credit[0] += good * pri_us
    s.gap_credit[1] += total * pri_us
    s.gap_credit[2] += total
    row = credits[used[3]]
    row[0], row[1] = machine, s.last_gap_from_us
    row[2], row[3], row[4], row[5] = s.gap_credit[0], s.gap_credit[1], s.gap_credit[2], s.at_us
    used[3] += 1
    return True


@compiled
def _count(
    s: Any,
    machine: int,
    kind: int,
    value: float,
    flags: int,
    has: NDArray[np.bool_],
    pri_us: int,
    credits: NDArray[np.int64],
    used: NDArray[np.int64],
) -> bool:
    """One trusted reading of a part counter. A retained one says how things were: it is a baseline or nothing."""
    if not 0.0 <= value < _EXACT or (flags & _RETAINED != 0 and s.counter[kind] != NO_COUNT):
        return True
    reading = int(value)
    if s.gap_from_us != NOT_IN_GAP:
        s.held[kind] = reading
        return True
    spans = (s.after_gap >> kind) & 1 != 0
    parts = _difference(s.counter[kind], reading, flags & _RESET != 0)
    if not _book(s, machine, kind, parts, spans, has, pri_us, credits, used):
        return False
    s.counter[kind] = reading
    s.after_gap = s.after_gap & ~(1 << kind)
    return True


@compiled
def _close_gap(
    s: Any, machine: int, has: NDArray[np.bool_], pri_us: int, credits: NDArray[np.int64], used: NDArray[np.int64]
) -> bool:
    """End the open gap at `at_us`; what the counters read inside it is booked here, at once and marked."""
    if s.gap_from_us == NOT_IN_GAP:
        return True
    if used[3] + 3 > credits.shape[0]:
        return False
    _span_gap(s, s.gap_from_us)
    s.gap_from_us = NOT_IN_GAP
    s.gap_cause = 0
    s.dirty = 1
    for kind in range(3):
        if s.held[kind] != NO_COUNT:
            parts = _difference(s.counter[kind], s.held[kind], False)
            _book(s, machine, kind, parts, True, has, pri_us, credits, used)
            s.counter[kind] = s.held[kind]
            s.held[kind] = NO_COUNT
    return True


@compiled
def _bit(mask: int, channel: int, on: bool) -> int:
    one = 1 << (channel - 1)
    return (mask | one) if on else (mask & ~one)


@compiled
def _gauge(s: Any, role: int, channel: int, value: float, trusted: bool) -> None:
    """A spindle's or channel's movement; only a change of the yes or no behind it makes the state dirty."""
    before = s.rotating, s.rotating_known, s.fast, s.feeding
    if role == _ROTATING:
        s.rotating = _bit(s.rotating, channel, trusted and value != 0.0)
        s.rotating_known = _bit(s.rotating_known, channel, trusted)
    elif role == _SPEED:
        s.fast = _bit(s.fast, channel, trusted and abs(value) > _TURNS_ABOVE)
        if channel == 1:
            s.speed = value if trusted else np.nan
    else:
        s.feeding = _bit(s.feeding, channel, trusted and value > 0.0)
    if before != (s.rotating, s.rotating_known, s.fast, s.feeding):
        s.dirty = 1


@compiled
def _word(s: Any, role: int, value: float, trusted: bool) -> None:
    """A state input; the feed override is one as far as it is 0."""
    if role == _OVERRIDE:
        role = _ZERO
        code = NOT_TRUSTED if not trusted else (1 if value == 0.0 else 0)
    else:
        code = int(value) if trusted and 0.0 <= value < 127.0 else NOT_TRUSTED
    if s.words[role] != code:
        s.words[role] = code
        s.dirty = 1


@compiled
def _select_program(
    s: Any, machine: int, program: int, facts: NDArray[np.int64], programs: NDArray[np.int64], used: NDArray[np.int64]
) -> bool:
    """Another part program: the running minute is split, the program's interval closed."""
    if program == s.program:
        return True
    if used[0] == facts.shape[0] or used[2] == programs.shape[0]:
        return False
    _flush(s, machine, facts, used)
    if s.at_us > s.program_since_us:
        row = programs[used[2]]
        row[0], row[1], row[2], row[3] = machine, s.program_since_us, s.at_us, s.program
        used[2] += 1
        s.program_since_us = s.at_us
    s.program = program
    return True


@compiled
def _apply(
    s: Any,
    machine: int,
    role: int,
    value: float,
    key: int,
    quality: int,
    flags: int,
    has: NDArray[np.bool_],
    program_id: NDArray[np.int64],
    program_pri_us: NDArray[np.int64],
    facts: NDArray[np.int64],
    programs: NDArray[np.int64],
    credits: NDArray[np.int64],
    used: NDArray[np.int64],
) -> bool:
    """The effect of a count, a program or a gap's edge at `at_us`. False: an output is full, nothing has changed."""
    trusted = quality <= _TRUSTED
    if role <= _SCRAP:
        pri = _pri(s.program, program_id, program_pri_us)
        return not trusted or _count(s, machine, role - _TOTAL, value, flags, has, pri, credits, used)
    if role == _PROGRAM:
        return not trusted or _select_program(s, machine, key, facts, programs, used)
    if role == _GAP_OPEN:
        if s.gap_from_us == NOT_IN_GAP:
            s.gap_from_us, s.gap_cause, s.dirty = s.at_us, np.int8(value), 1
        return True
    if role == _GAP_CLOSE:
        pri = _pri(s.program, program_id, program_pri_us)
        return _close_gap(s, machine, has, pri, credits, used)
    return True


@compiled
def fold_samples(
    states: NDArray[np.void],
    first: int,
    machine: NDArray[np.int32],
    event_us: NDArray[np.int64],
    role: NDArray[np.int16],
    channel: NDArray[np.int16],
    value: NDArray[np.float64],
    key: NDArray[np.int64],
    quality: NDArray[np.uint8],
    flags: NDArray[np.uint16],
    machine_site: NDArray[np.int32],
    has: NDArray[np.bool_],
    site_first: NDArray[np.int64],
    segment_start: NDArray[np.int64],
    segment_situation: NDArray[np.int8],
    segment_shift: NDArray[np.int64],
    program_id: NDArray[np.int64],
    program_pri_us: NDArray[np.int64],
    facts: NDArray[np.int64],
    intervals: NDArray[np.int64],
    programs: NDArray[np.int64],
    credits: NDArray[np.int64],
    used: NDArray[np.int64],
) -> int:
    """Fold samples from position `first` on; returns the position of the first sample not folded.

    `key` is the id of a text (program), `has[m]` the part counters of machine m, outputs as in `_flush` and its like.
    """
    for i in range(first, machine.shape[0]):
        r = role[i]
        if r > _GAP_CLOSE:
            continue
        m = machine[i]
        s = states[m]
        at = event_us[i]
        if at > s.at_us:
            if s.dirty == 0 and at < s.minute_us + _MINUTE and at < s.segment_end_us:
                _spend(s, at)  # nine samples in ten fall into the running minute of an unchanged state
            elif not _advance(
                s, m, at, machine_site[m], site_first, segment_start, segment_situation, segment_shift,
                facts, intervals, used,
            ):  # fmt: skip
                return i
        if r <= _FEED:
            trusted = quality[i] <= _TRUSTED and not np.isnan(value[i])
            if r <= _OVERRIDE:
                _word(s, r, value[i], trusted)
            else:
                _gauge(s, r, channel[i], value[i], trusted)
            continue
        # A program that changes at the very start of a shift leaves what was counted there to the new shift.
        if s.at_us >= s.segment_end_us and not _enter_segment(
            s, site_first[machine_site[m]], site_first[machine_site[m] + 1],
            segment_start, segment_situation, segment_shift,
        ):  # fmt: skip
            return i
        if not _apply(
            s, m, r, value[i], key[i], quality[i], flags[i],
            has, program_id, program_pri_us, facts, programs, credits, used,
        ):  # fmt: skip
            return i
    return int(machine.shape[0])


@compiled
def advance_machines(
    states: NDArray[np.void],
    first: int,
    machines: NDArray[np.int64],
    until_us: NDArray[np.int64],
    machine_site: NDArray[np.int32],
    site_first: NDArray[np.int64],
    segment_start: NDArray[np.int64],
    segment_situation: NDArray[np.int8],
    segment_shift: NDArray[np.int64],
    facts: NDArray[np.int64],
    intervals: NDArray[np.int64],
    used: NDArray[np.int64],
) -> int:
    """Book time of `machines[first:]` up to `until_us`; returns the position of the first one not finished."""
    for i in range(first, machines.shape[0]):
        m = machines[i]
        if not _advance(
            states[m], m, until_us[i], machine_site[m], site_first, segment_start, segment_situation, segment_shift,
            facts, intervals, used,
        ):  # fmt: skip
            return i
    return int(machines.shape[0])


@compiled
def close_view(
    s: Any,
    machine: int,
    facts: NDArray[np.int64],
    intervals: NDArray[np.int64],
    programs: NDArray[np.int64],
    used: NDArray[np.int64],
) -> None:
    """Write the running minute, interval and program of a copied state as rows; the caller has left room for three."""
    _settle(s, machine, intervals, used)
    _flush(s, machine, facts, used)
    row = intervals[used[1]]
    row[0], row[1], row[2], row[3], row[4], row[5] = machine, s.since_us, OPEN_END, s.state, s.cause, s.rule
    used[1] += 1
    row = programs[used[2]]
    row[0], row[1], row[2], row[3] = machine, s.program_since_us, OPEN_END, s.program
    used[2] += 1
