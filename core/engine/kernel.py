"""The compiled fold: one small state record a machine, integer microseconds, integer counts, no allocation.

Invariants:
- Samples of one machine come in canonical order; a sample older than the state (in a gap, or seeding) acts at `at_us`.
- State is decided only when time moves, so it is the net effect of all samples of one microsecond.
- Every function that may run out of room in an output returns False before it has changed anything it cannot go on
  from; the caller empties the outputs and calls again with what is left.
- No clock, no time zone, no rounding of time: whatever the batching, the same samples give the same rows.

Over 600 lines: what moves time and what a sample does call each other; inputs, counters and rules stand in own files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engine.counters import (
    EVENT_ROOM,
    count,
    count_what_a_gap_held,
    counters_of,
    distrust,
    doubt_lasting,
    enter_scrap,
    may_make,
    meter,
    pri_of,
    start_over,
    write_blind,
)
from core.engine.inputs import (
    area_up_to,
    doubtful,
    load_class,
    look_again,
    order_on_machine,
    said_by_channel,
    say,
    take_alarm,
    take_gauge,
    touch,
    turning,
    word,
)
from core.engine.jit import compiled
from core.engine.outputs import CREDITS, DOUBTS, EVENTS, FACTS, INTERVALS, PROGRAMS, new_row, room
from core.engine.state import (
    CHANNELS,
    DECIDE,
    FEED,
    HOT,
    LOAD,
    NO_COUNT,
    NO_KEY,
    NO_STATE,
    NOT_GIVEN,
    NOT_IN_GAP,
    NOT_TRUSTED,
    POWER,
    SPEED,
)
from core.engine.transitions import (
    KNOWN_BUSY,
    NOTHING_SAID,
    NOTHING_TRUSTED,
    TIME_CLASS,
    among,
    by_control,
    decide,
    execution_of,
    is_feed_held,
)
from core.facts.schema import LOAD_COLUMNS, MEASURES, OPEN_END, REPORTED
from core.plant.behaviour import COUNTERS
from core.plant.model import MOST_SOURCES
from core.units import MINUTE_US
from core.vocabulary import FIRST_GAUGE, FIRST_POINT, WORDS, Cause, Execution, Quality, Role, Situation, State

# Numba freezes module constants of plain int.
_MINUTE = int(MINUTE_US)
_WORDS, _FIRST_GAUGE, _FIRST_POINT, _STORED = int(WORDS), int(FIRST_GAUGE), int(FIRST_POINT), int(Role.STORED)
_TOTAL, _SCRAP, _ENERGY, _RUNS = int(Role.PART_TOTAL), int(Role.PART_SCRAP), int(Role.ENERGY), int(Role.RUNS_DONE)
_PROGRAM, _ORDER, _JOB, _JOB_STATE = int(Role.PROGRAM), int(Role.JOB_ORDER), int(Role.JOB_ID), int(Role.JOB_STATE)
_ALARM, _GAP_OPEN, _GAP_CLOSE = int(Role.ALARM), int(Role.GAP_OPEN), int(Role.GAP_CLOSE)
_SCRAP_ENTRY = int(Role.SCRAP_ENTRY)
_GOOD, _TRUSTED = int(Quality.GOOD), int(Quality.UNCERTAIN)
_UNKNOWN, _PRODUCING, _STOPPED = int(State.UNKNOWN), int(State.PRODUCING), int(State.UNPLANNED_STOP)
_ACTIVE, _EXECUTION, _MODE = int(Execution.ACTIVE), int(Role.EXECUTION), int(Role.MODE)
_BUSY, _NO_ORDER = int(Situation.BUSY), int(Situation.BUSY_NO_ORDER)
_BY_JOB, _BY_RUN = COUNTERS.index("job"), COUNTERS.index("run")
_OFFLINE, _NO_DATA_YET = int(Cause.OFFLINE), int(Cause.NO_DATA_YET)
_ONLINE, _POWER_ROLE = int(Role.ONLINE), int(Role.POWER)
_FEED_OVERRIDE, _SPINDLE_OVERRIDE = int(Role.FEED_OVERRIDE), int(Role.SPINDLE_OVERRIDE)
_RAPID, _RAPID_OVERRIDE = int(Role.RAPID), int(Role.RAPID_OVERRIDE)
_SOURCES, _NO_STATE = int(MOST_SOURCES), int(NO_STATE)
_FROM_SAMPLES = int(Cause.OFFLINE)
"""Causes of UNKNOWN from here on come from samples, the ones before from gap records."""
_GREATEST_RUN = 2.0**53
_UJ_PER_MJ = 1000
_WHOLE_PM = 1000

_HOT_OF = np.full(_FIRST_POINT - _FIRST_GAUGE, HOT)
for _hot, _role in (
    (SPEED, Role.SPINDLE_SPEED),
    (LOAD, Role.SPINDLE_LOAD),
    (FEED, Role.FEED_RATE),
    (POWER, Role.POWER),
):
    _HOT_OF[_role - _FIRST_GAUGE] = _hot
_SCALE = np.array([0.0, 10.0, 0.0, 1.0])
"""What is integrated of a hot gauge: load in ‰, power in W."""

_MEASURES, _LOADS = len(REPORTED), len(LOAD_COLUMNS)
_POWERED_US, _RUNNING_US, _TURNING_US = (
    MEASURES.index(name) for name in ("powered_us", "program_running_us", "spindle_turning_us")
)
_CUT_US, _AIR_US, _HELD_US = (MEASURES.index(name) for name in ("in_cut_us", "air_cut_us", "feed_hold_us"))
_LOAD_US, _LOAD_PM = MEASURES.index("spindle_load_us"), MEASURES.index("spindle_load")
_FEED_LOSS, _SPINDLE_LOSS = MEASURES.index("feed_override_loss"), MEASURES.index("spindle_override_loss")
_RAPID_LOSS, _ENERGY_MJ = MEASURES.index("rapid_override_loss"), MEASURES.index("energy_mj")

Array = NDArray[np.int64]


# Rows


@compiled
def _flush(s: Any, machine: int, out: Array, used: Array) -> None:
    """Write the measures of the running minute as a row, if there are any. There is room for it."""
    busy = False
    for k in range(_MEASURES):
        busy = busy or s.acc[k] != 0
    if not busy:
        return
    row = new_row(out, used, FACTS)
    row[0], row[1], row[2], row[3], row[4] = machine, s.minute_us, s.shift, s.program, s.job_order
    for k in range(_MEASURES):
        row[5 + k] = s.acc[k]
        s.acc[k] = 0
    for k in range(_LOADS):
        row[5 + _MEASURES + k] = s.loads_us[k]
        s.loads_us[k] = 0


@compiled
def _write_interval(s: Any, machine: int, to_us: int, out: Array, used: Array) -> None:
    row = new_row(out, used, INTERVALS)
    row[0], row[1], row[2], row[3], row[4], row[5] = machine, s.since_us, to_us, s.state, s.cause, s.rule


@compiled
def _write_program(s: Any, machine: int, to_us: int, out: Array, used: Array) -> None:
    row = new_row(out, used, PROGRAMS)
    row[0], row[1], row[2], row[3] = machine, s.program_since_us, to_us, s.program


# Time


@compiled
def _span_gap(s: Any, gap: int, from_us: int, counters: int) -> None:
    """What these counters (bits) read next spans a stretch without trusted data: right in sum, unknown in time.

    `gap`: the source whose gap it was, or NO_STATE.
    """
    if counters == 0:
        return
    s.last_gap_from_us[gap] = from_us
    s.after_gap = int(s.after_gap) | counters
    for kind in range(3):
        s.gap_credit[3 * gap + kind] = 0
        if counters >> kind & 1 != 0:
            s.spanned[kind] = gap


@compiled
def _classify(s: Any) -> None:
    """The time class that state, calendar and orders give."""
    situation = s.situation
    if situation == _BUSY and s.no_order != 0:
        situation = _NO_ORDER
    s.time_class = TIME_CLASS[s.state, situation]
    s.counted = KNOWN_BUSY[s.time_class]


@compiled
def _mind_load(s: Any) -> None:
    """Whether time goes by the load of spindle 1: it turns in known busy time, and its load is trusted."""
    known = int(s.load_known) & ~int(s.hidden_load) & 1
    s.load_counts = LOAD if known != 0 and s.turning != 0 and s.counted != 0 else HOT


@compiled
def _settle(s: Any, k: Any, machine: int, out: Array, used: Array) -> bool:
    """Decide at `at_us` from the inputs what has changed, and close the interval of the state before."""
    turns, feeding = turning(s), int(s.feeding) & ~int(s.hidden_feed)
    if s.dirty == DECIDE and not _decide(s, k, machine, turns, feeding, out, used):
        return False
    loads = turns & ~int(s.hidden_load)
    cuts = feeding != 0 and loads & int(s.loaded) != 0
    air = s.running != 0 and feeding != 0 and not cuts and k.idle_levels > 0 and loads & int(s.load_known) != 0
    _mind_load(s)
    s.in_cut = 1 if cuts else 0
    s.air_cut = 1 if air else 0
    s.dirty = 0
    return True


@compiled
def _decide(s: Any, k: Any, machine: int, turns: int, feeding: int, out: Array, used: Array) -> bool:
    """The state, its time class and what else is true of the machine from now on."""
    if not room(used, DOUBTS, 1):
        return False
    moving = turns != 0 or feeding != 0
    if k.channels == 0:
        execution = execution_of(s.words)
        state, cause, rule = decide(
            s.words,
            by_control(s.words),
            execution,
            _mode(s),
            moving,
            _silence(s, k, execution),
            s.failed != 0,
            k.red_stops != 0,
        )
        running, held = execution == _ACTIVE, is_feed_held(s.words, execution)
    else:
        state, cause, rule, running, held = _decide_channels(s, k, moving)
    if state != s.state or cause != s.cause or rule != s.rule:
        if s.at_us > s.since_us:
            if not room(used, INTERVALS, 1):
                return False
            _write_interval(s, machine, s.at_us, out, used)
            if s.state == _UNKNOWN and s.cause >= _FROM_SAMPLES:
                # A counter that went on telling knows when its parts were made, whatever else could not be trusted. One
                # of a machine that says it is not available does: its line is whole, and it does nothing.
                gone = k.bit[_ONLINE] if s.cause == _OFFLINE else 0
                _span_gap(s, _NO_STATE, s.since_us, int(s.missed) | counters_of(k, gone))
            s.since_us = s.at_us
        s.state, s.cause, s.rule = state, cause, rule
    if state == _STOPPED:
        s.failed = 1
    elif state == _PRODUCING:
        s.failed = 0
    s.turning = 1 if turns != 0 else 0
    _look(s, machine, 0 if state == _UNKNOWN else doubtful(s, k, turns), out, used)
    s.powered = 1 if s.off == 0 or s.gone & k.bit[_POWER_ROLE] != 0 else 0
    s.running = 1 if running else 0
    s.feed_held = 1 if held else 0
    _classify(s)
    return True


@compiled
def _mode(s: Any) -> Any:
    return np.int64(s.words[_MODE])  # of one width with that of a channel, or all rules are compiled twice


@compiled
def _decide_channels(s: Any, k: Any, moving: bool) -> tuple[int, int, int, bool, bool]:
    """(state, cause, rule, does a program run, is a feed held) of a machine with several channels.

    As long as one of them tells its execution, those that do not have no say, nor have farther witnesses. A channel
    without a mode of its own has that of the machine. Everything else is said of the machine as a whole.
    """
    told, spoken = False, False
    for channel in range(CHANNELS - 1):
        said, _ = said_by_channel(s, k, channel)
        told = told or said >= 0
        spoken = spoken or said != NOT_GIVEN
    execution = int(s.words[_EXECUTION]) if told else execution_of(s.words)
    if spoken and execution == NOTHING_SAID:
        execution = NOTHING_TRUSTED
    control = told or by_control(s.words)
    failed, red_stops, mode = s.failed != 0, k.red_stops != 0, _mode(s)
    silence = 0 if told else _silence(s, k, execution)
    found = decide(s.words, control, execution, mode, moving, silence, failed, red_stops)
    running, held = execution == _ACTIVE, execution >= 0 and is_feed_held(s.words, execution)
    first = execution >= 0
    for channel in range(CHANNELS - 1):
        execution, own = said_by_channel(s, k, channel)
        if execution < 0:
            continue
        of = mode if own == NOT_GIVEN else own
        other = decide(s.words, control, execution, of, moving, silence, failed, red_stops)
        found = among(found, other) if first else other
        first = True
        running = running or execution == _ACTIVE
        held = held or is_feed_held(s.words, execution)
    return found[0], found[1], found[2], running, held


@compiled
def _silence(s: Any, k: Any, execution: int) -> int:
    """Why nobody says what the machine does: the cause of the first source that is gone and could say so, 0 none."""
    if execution >= 0 or s.gone == 0:
        return 0
    for slot in range(_SOURCES):
        bit = 1 << slot
        if s.gone & k.witnesses & bit != 0:
            return int(s.gap_cause[slot]) if s.gaps & bit != 0 else _OFFLINE
    return 0


@compiled
def _look(s: Any, machine: int, how: int, out: Array, used: Array) -> None:
    """How it is not known whether a spindle turns, from now on; 0: it is known. There is room for a row."""
    if how == s.blind_how:
        return
    if s.blind_how != 0:
        write_blind(s, machine, s.at_us, out, used)
    s.blind_us, s.blind_how = s.at_us, how


@compiled
def _enter_segment(s: Any, k: Any, segments: NDArray[np.void]) -> bool:
    """Look up what the calendar says from `at_us` on. False if it does not reach there."""
    low, high = k.first, k.end
    while low < high:
        middle = (low + high) // 2
        if segments[middle].start_us <= s.at_us:
            low = middle + 1
        else:
            high = middle
    if low == k.first or low == k.end:
        return False
    s.situation = segments[low - 1].situation
    s.shift = segments[low - 1].shift
    s.segment_end_us = segments[low].start_us
    _classify(s)
    _mind_load(s)
    return True


@compiled
def _spend(s: Any, k: Any, until: int) -> None:
    """Book the time up to `until`, which lies in the running minute and segment."""
    spent = until - s.at_us
    area_up_to(s, until)
    s.acc[s.time_class] += spent
    if s.counted != 0:
        s.acc[_POWERED_US] += spent * s.powered
        s.acc[_RUNNING_US] += spent * s.running
        s.acc[_CUT_US] += spent * s.in_cut
        s.acc[_AIR_US] += spent * s.air_cut
        s.acc[_HELD_US] += spent * s.feed_held
        if s.turning != 0:
            s.acc[_TURNING_US] += spent
            if s.load_counts == LOAD:
                s.acc[_LOAD_US] += spent
                s.acc[_LOAD_PM] += s.area[LOAD]
        if s.state == _PRODUCING:
            _lose(s, k, spent)
    if s.area[POWER] != 0 and k.has_energy == 0 and s.gaps & k.bit[_POWER_ROLE] == 0:
        energy = s.energy_rest + s.area[POWER]
        s.acc[_ENERGY_MJ] += energy // _UJ_PER_MJ
        s.energy_rest = energy % _UJ_PER_MJ
    s.area[:] = 0
    s.at_us = until


@compiled
def _lose(s: Any, k: Any, spent: int) -> None:
    """Override losses of producing time, in ‰·µs, each by itself."""
    if s.feed_pm >= 0 and s.gone & k.bit[_FEED_OVERRIDE] == 0:
        s.acc[_FEED_LOSS] += spent * (_WHOLE_PM - s.feed_pm)
    if s.spindle_pm >= 0 and s.gone & k.bit[_SPINDLE_OVERRIDE] == 0:
        s.acc[_SPINDLE_LOSS] += spent * (_WHOLE_PM - s.spindle_pm)
    if s.rapid != 0 and s.rapid_pm >= 0 and s.gone & (k.bit[_RAPID] | k.bit[_RAPID_OVERRIDE]) == 0:
        s.acc[_RAPID_LOSS] += spent * (_WHOLE_PM - s.rapid_pm)


@compiled
def _advance(s: Any, k: Any, machine: int, until: int, segments: NDArray[np.void], out: Array, used: Array) -> bool:
    """Book the time up to `until` under the present state. False: an output is full or the calendar ends."""
    if s.at_us >= until:
        return True
    if s.dirty != 0 and not _settle(s, k, machine, out, used):
        return False
    while s.at_us < until:
        if s.at_us >= s.segment_end_us and not _enter_segment(s, k, segments):
            return False
        minute_end = s.minute_us + _MINUTE
        stop = min(until, minute_end, s.segment_end_us)
        if stop == minute_end and not room(used, FACTS, 1):
            return False
        _spend(s, k, stop)
        if stop == minute_end:
            _flush(s, machine, out, used)
            s.minute_us = minute_end
            s.energy_rest = 0  # a minute does not depend on what was known before it
    s.horizon_us = min(s.minute_us + _MINUTE, s.segment_end_us)
    return True


# What happens at an instant


@compiled
def _open_gap(s: Any, k: Any, source: int, cause: int) -> None:
    if s.gaps >> source & 1 == 0:
        s.gaps = int(s.gaps) | 1 << source
        s.gap_from_us[source], s.gap_cause[source] = s.at_us, cause
        look_again(s, k)


@compiled
def _close_gap(s: Any, k: Any, machine: int, source: int, programs: NDArray[np.void], out: Array, used: Array) -> bool:
    """End the open gap of a source at `at_us`; what its counters read inside it is booked here, at once and marked."""
    if s.gaps >> source & 1 == 0:
        return True
    rows = 3 * EVENT_ROOM
    if not room(used, CREDITS, 3) or not room(used, EVENTS, rows) or not room(used, DOUBTS, rows):
        return False
    counters = counters_of(k, 1 << source)
    for kind in range(3):
        # What came before the first contact with the source is in no figure.
        fresh = s.gap_cause[source] == _NO_DATA_YET and s.counter_us[kind] == s.gap_from_us[source]
        if counters >> kind & 1 != 0 and s.counter[kind] == NO_COUNT and fresh:
            s.counter_us[kind] = s.at_us
    _span_gap(s, source, s.gap_from_us[source], counters)
    s.gaps = int(s.gaps) & ~(1 << source)
    s.gap_from_us[source], s.gap_cause[source] = NOT_IN_GAP, 0
    look_again(s, k)
    count_what_a_gap_held(s, k, machine, counters, pri_of(s.program, s.at_us, programs), out, used)
    return True


@compiled
def _select_program(s: Any, machine: int, program: int, programs: NDArray[np.void], out: Array, used: Array) -> bool:
    """Another part program: the running minute is split, the program's interval closed."""
    if program == s.program:
        return True
    if not room(used, FACTS, 1) or not room(used, PROGRAMS, 1):
        return False
    _flush(s, machine, out, used)
    if s.at_us > s.program_since_us:
        _write_program(s, machine, s.at_us, out, used)
        s.program_since_us = s.at_us
    may_make(s, pri_of(s.program, s.at_us, programs))  # another standard time may have come into force since
    s.program = program
    may_make(s, pri_of(program, s.at_us, programs))
    return True


@compiled
def _take_job(s: Any, k: Any, machine: int, role: int, key: int, state: int, out: Array, used: Array) -> bool:
    """What is said of job and order; another order on the machine splits the running minute."""
    if not room(used, FACTS, 1):
        return False
    if role == _ORDER:
        s.order = key
    elif role == _JOB:
        if s.job not in (NO_KEY, key) and k.counter == _BY_JOB:
            start_over(s, True)
        s.job = key
    else:
        s.job_state = state
    order, none = order_on_machine(s, k)
    if order != s.job_order:
        _flush(s, machine, out, used)
        s.job_order = order
    if none != s.no_order:
        s.no_order = none
        touch(s)
    return True


@compiled
def _take_run(s: Any, k: Any, value: float) -> None:
    """The number of the run: another one announces that a counter of the run starts over."""
    if not 0.0 <= value < _GREATEST_RUN:
        return
    run = int(value)
    if k.counter == _BY_RUN and s.runs not in (NO_COUNT, run):
        start_over(s, False)
    s.runs = run


@compiled
def _take_scrap(
    s: Any, machine: int, parts: int, program: int, programs: NDArray[np.void], out: Array, used: Array
) -> bool:
    """Scrap parts that a person tells, of the named program or (0) the selected one."""
    if program in (0, s.program):
        enter_scrap(s, parts, pri_of(s.program, s.at_us, programs))
        return True
    if not room(used, FACTS, 2):
        return False
    selected = s.program
    _flush(s, machine, out, used)
    s.program = program
    enter_scrap(s, parts, pri_of(program, s.at_us, programs))
    _flush(s, machine, out, used)
    s.program = selected
    return True


@compiled
def _apply(
    s: Any, k: Any, machine: int, role: int, channel: int, value: float, key: int, quality: int, flags: int,
    programs: NDArray[np.void], out: Array, used: Array,
) -> bool:  # fmt: skip
    """The effect of a count, program, job, alarm or gap's edge at `at_us`. False: no room, nothing has changed."""
    trusted = quality <= _TRUSTED
    if role <= _SCRAP:
        if quality != _GOOD:
            distrust(s, role - _TOTAL)
            return True
        return count(s, k, machine, role - _TOTAL, value, flags, pri_of(s.program, s.at_us, programs), out, used)
    if role == _GAP_OPEN:
        _open_gap(s, k, channel - 1, int(value))
        return True
    if role == _GAP_CLOSE:
        return _close_gap(s, k, machine, channel - 1, programs, out, used)
    if role == _SCRAP_ENTRY:
        return _take_scrap(s, machine, int(value), key, programs, out, used)
    if role == _JOB_STATE:
        return _take_job(s, k, machine, role, key, word(value, trusted), out, used)
    if not trusted:
        return True
    if role == _PROGRAM:
        return _select_program(s, machine, key, programs, out, used)
    if role in (_ORDER, _JOB):
        return _take_job(s, k, machine, role, key, NOT_TRUSTED, out, used)
    if role == _ALARM:
        take_alarm(s, k, key, int(value))
    elif role == _RUNS:
        _take_run(s, k, value)
    elif role == _ENERGY and quality == _GOOD:
        meter(s, k, value, flags)
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
    machines: NDArray[np.void],
    segments: NDArray[np.void],
    programs: NDArray[np.void],
    out: Array,
    used: Array,
) -> int:
    """Fold samples from position `first` on; returns the position of the first sample not folded.

    Columns as in core.samples.order, tables as in core.plant.tables, outputs as in core.engine.outputs.
    """
    for i in range(first, machine.shape[0]):
        r: Any = np.int64(role[i])  # one width of integers, one compilation of what is called
        if r >= _STORED:
            continue
        m: Any = np.int64(machine[i])
        s, k, at = states[m], machines[m], event_us[i]
        trusted, code = quality[i] <= _TRUSTED, 0
        if r < _WORDS:
            code = word(value[i], trusted)
            if s.said[r] == code:
                continue
        elif r < _FIRST_POINT and s.at_us <= at < s.horizon_us and trusted:
            # Most samples are of hot gauges between their gates: no branch asks what they are, they are multiplied.
            hot = _HOT_OF[r - _FIRST_GAUGE] if channel[i] == 1 else HOT
            if s.low[hot] <= value[i] <= s.high[hot]:
                s.area[hot] += s.last[hot] * (at - s.since[hot])
                if hot == s.load_counts:
                    s.loads_us[load_class(s)] += at - s.since[hot]
                s.since[hot] = at
                s.last[hot] = int(np.rint(value[i] * _SCALE[hot]))
                s.shown[hot] = value[i]
                continue
        if at > s.at_us and not _advance(s, k, m, at, segments, out, used):
            return i
        place: Any = np.int64(channel[i])
        if r < _WORDS:
            say(s, k, r, code)
        elif r < _FIRST_POINT:
            take_gauge(s, k, r, place, value[i], trusted and value[i] == value[i])
        else:
            # A program that changes at the very start of a shift leaves what was counted there to the new shift.
            if s.at_us >= s.segment_end_us and not _enter_segment(s, k, segments):
                return i
            if not _apply(s, k, m, r, place, value[i], key[i], quality[i], flags[i], programs, out, used):
                return i
    return int(machine.shape[0])


@compiled
def advance_machines(
    states: NDArray[np.void],
    first: int,
    which: NDArray[np.int64],
    until_us: NDArray[np.int64],
    machines: NDArray[np.void],
    segments: NDArray[np.void],
    out: Array,
    used: Array,
) -> int:
    """Book time of the machines `which[first:]` up to `until_us`; returns the position of the first not finished."""
    for i in range(first, which.shape[0]):
        m = which[i]
        if not _advance(states[m], machines[m], m, until_us[i], segments, out, used):
            return i
    return int(which.shape[0])


@compiled
def close_views(
    states: NDArray[np.void], first: int, which: NDArray[np.int64], machines: NDArray[np.void], out: Array, used: Array
) -> int:
    """Write running minute, interval and program of copied states as rows; returns the first machine not written."""
    for i in range(first, which.shape[0]):
        m = which[i]
        s = states[m]
        if not room(used, FACTS, 1) or not room(used, INTERVALS, 2) or not room(used, PROGRAMS, 1):
            return i
        if not room(used, DOUBTS, 5):
            return i
        _settle(s, machines[m], m, out, used)
        _flush(s, m, out, used)
        _write_interval(s, m, OPEN_END, out, used)
        _write_program(s, m, OPEN_END, out, used)
        doubt_lasting(s, machines[m], m, out, used)
        if s.blind_how != 0 and s.blind_us < s.at_us:
            write_blind(s, m, OPEN_END, out, used)
    return int(which.shape[0])
