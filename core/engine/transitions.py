"""Which condition leads to which state and which time class: tables with id and version.

State rules 0 to 8 (docs/en/truth.md): the first rule that holds decides. The compiled fold calls `decide` with what
`execution_of` makes of the nearest witness, and `among` picks one of several channels. Plain arithmetic on codes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.engine.jit import compiled
from core.engine.state import NOT_GIVEN
from core.vocabulary import (
    CYCLE_OFF,
    Cause,
    Execution,
    ItemState,
    Light,
    Mode,
    OpMode,
    Role,
    Situation,
    State,
    TimeClass,
    WaitFor,
)

RULES = "stanok-state-3"
"""Id and version of the rules; part of `CODE_VERSION`, printed with every result."""


def _time_classes() -> NDArray[np.int8]:
    t = TimeClass
    outside = {
        State.PRODUCING: t.APT_OUT,
        State.SETUP: t.AUST_OUT,
        State.IDLE: t.PLANNED_CALENDAR,
        State.UNPLANNED_STOP: t.PLANNED_FAILURE,
        State.PLANNED_STOP: t.PLANNED_CALENDAR,
        State.UNKNOWN: t.UNKNOWN_OUT,
    }
    table = {
        Situation.BUSY: {
            State.PRODUCING: t.APT,
            State.SETUP: t.AUST,
            State.IDLE: t.ADET_IDLE,
            State.UNPLANNED_STOP: t.ADET_STOP,
            State.PLANNED_STOP: t.PLANNED_STATE,
            State.UNKNOWN: t.UNKNOWN,
        },
        Situation.BUSY_NO_ORDER: {
            State.PRODUCING: t.APT_NO_ORDER,
            State.SETUP: t.ADOT_SETUP,
            State.IDLE: t.ADOT_IDLE,
            State.UNPLANNED_STOP: t.ADOT_STOP,
            State.PLANNED_STOP: t.PLANNED_STATE,
            State.UNKNOWN: t.UNKNOWN,
        },
        Situation.PLANNED_DOWN: outside,
        Situation.OUTSIDE: outside,
    }
    return np.array([[table[situation][state] for situation in Situation] for state in State], np.int8)


TIME_CLASS = _time_classes()
"""[state, situation] -> time class, after ISO 22400-2 (profile stanok-iso22400-1)."""

_NOT_BUSY = (
    TimeClass.PLANNED_STATE,
    TimeClass.PLANNED_CALENDAR,
    TimeClass.PLANNED_FAILURE,
    TimeClass.APT_OUT,
    TimeClass.AUST_OUT,
    TimeClass.UNKNOWN_OUT,
)
KNOWN_BUSY = np.array([member not in (*_NOT_BUSY, TimeClass.UNKNOWN) for member in TimeClass])
"""[time class]: planned busy time (PBT) with a trusted state, the base of spindle figures."""

# Numba freezes module constants of plain int; enumeration members are turned into such here.
_EXECUTION, _MODE, _OP_MODE, _ITEM = int(Role.EXECUTION), int(Role.MODE), int(Role.OP_MODE), int(Role.ITEM_STATE)
_WAIT_FOR, _ONLINE, _ESTOP, _HOLD = int(Role.WAIT_FOR), int(Role.ONLINE), int(Role.ESTOP), int(Role.FEED_HOLD)
_DRY, _SINGLE, _WARM, _ZERO = int(Role.DRY_RUN), int(Role.SINGLE_BLOCK), int(Role.WARM_UP), int(Role.OVERRIDE_ZERO)
_ACTIVE, _INTERRUPTED, _HELD = int(Execution.ACTIVE), int(Execution.INTERRUPTED), int(Execution.FEED_HOLD)
_OPTIONAL, _WAIT, _READY = int(Execution.OPTIONAL_STOP), int(Execution.WAIT), int(Execution.READY)
_COMPLETED, _STOPPED, _EX_OTHER = int(Execution.COMPLETED), int(Execution.STOPPED), int(Execution.OTHER)
_AUTOMATIC, _REMOTE, _EDIT, _MODE_OTHER = int(Mode.AUTOMATIC), int(Mode.REMOTE), int(Mode.EDIT), int(Mode.OTHER)
_UNAVAILABLE, _IT_NOT, _IT_YES = int(ItemState.NOT_AVAILABLE), int(ItemState.NOT_EXECUTING), int(ItemState.EXECUTING)
_OUT_OF_SERVICE = int(ItemState.OUT_OF_SERVICE)
_ALARM, _REPAIR = int(Role.ALARM_STOP), int(Role.REPAIR)
_CYCLE, _CYCLE_OFF = int(Role.CYCLE), int(CYCLE_OFF)
_RED, _YELLOW, _GREEN, _BLUE = (
    int(Role.LIGHT_RED), int(Role.LIGHT_YELLOW), int(Role.LIGHT_GREEN), int(Role.LIGHT_BLUE)
)  # fmt: skip
_ON, _BLINK = int(Light.ON), int(Light.BLINK)
_OP_SETUP, _OP_MAINTENANCE = int(OpMode.SETUP), int(OpMode.MAINTENANCE)
_PLANNED = int(State.PLANNED_STOP)
_UNKNOWN, _PRODUCING, _IDLE = int(State.UNKNOWN), int(State.PRODUCING), int(State.IDLE)
_SETUP, _UNPLANNED = int(State.SETUP), int(State.UNPLANNED_STOP)

_C_OFFLINE, _C_BAD, _C_UNAVAILABLE = int(Cause.OFFLINE), int(Cause.BAD_DATA), int(Cause.NOT_AVAILABLE)
_C_NO_INPUT, _C_ESTOP, _C_NONE = int(Cause.NO_STATE_INPUT), int(Cause.ESTOP), int(Cause.NONE)
_C_SETUP, _C_MANUAL, _C_WARM, _C_DRY = int(Cause.SETUP), int(Cause.MANUAL), int(Cause.WARM_UP), int(Cause.DRY_RUN)
_C_HOLD, _C_OPTIONAL, _C_INTERRUPTED = int(Cause.FEED_HOLD), int(Cause.OPTIONAL_STOP), int(Cause.INTERRUPTED)
_C_ZERO, _C_READY, _C_END = int(Cause.OVERRIDE_ZERO), int(Cause.READY), int(Cause.PROGRAM_END)
_C_STOPPED, _C_STANDING, _C_POWER_OFF = int(Cause.STOPPED), int(Cause.STANDING), int(Cause.POWER_OFF)
_C_MAINTENANCE, _C_REPAIR = int(Cause.MAINTENANCE), int(Cause.REPAIR)
_C_OUT, _C_ALARM = int(Cause.OUT_OF_SERVICE), int(Cause.ALARM)
_C_UNCLEAR, _C_UNMAPPED = int(Cause.MODE_UNCLEAR), int(Cause.UNMAPPED)
_WAIT_OTHER = int(WaitFor.OTHER)
_WAIT_CAUSE = np.zeros(len(WaitFor), np.int8)
for _wait, _cause in {
    WaitFor.NOTHING: Cause.WAIT_OTHER,
    WaitFor.LOAD: Cause.WAIT_LOAD,
    WaitFor.UNLOAD: Cause.WAIT_UNLOAD,
    WaitFor.TOOL: Cause.WAIT_TOOL,
    WaitFor.MATERIAL: Cause.WAIT_MATERIAL,
    WaitFor.OPERATOR: Cause.WAIT_OPERATOR,
    WaitFor.SERVICE: Cause.WAIT_SERVICE,
    WaitFor.OTHER: Cause.WAIT_OTHER,
}.items():
    _WAIT_CAUSE[_wait] = _cause


_WEIGHT = np.zeros(len(State), np.int8)
"""Of the states of several channels the heaviest is the machine's (signals.md §4)."""
for _state, _weight in ((State.PRODUCING, 4), (State.UNPLANNED_STOP, 3), (State.SETUP, 2), (State.IDLE, 1)):
    _WEIGHT[_state] = _weight

NOTHING_SAID = -1
NOTHING_TRUSTED = -2
"""What `execution_of` says where no witness can be believed: there never was one, or it is not trusted now."""


@compiled
def execution_of(words: NDArray[np.int8]) -> int:
    """What the machine does, as an execution word, from the nearest witness that is trusted: execution before item
    state before lights before spindle, feed or power (signals.md §4). NOTHING_SAID or NOTHING_TRUSTED if there is none.
    """
    execution, item = words[_EXECUTION], words[_ITEM]
    if execution >= 0:
        return int(execution)
    if item >= 0:
        return _ACTIVE if item == _IT_YES else (_READY if item == _IT_NOT else _EX_OTHER)
    red, yellow, green, blue = words[_RED], words[_YELLOW], words[_GREEN], words[_BLUE]
    if red >= 0 or yellow >= 0 or green >= 0 or blue >= 0:
        if green == _ON:
            return _ACTIVE
        return _INTERRUPTED if green == _BLINK or yellow in (_ON, _BLINK) else _READY
    cycle = words[_CYCLE]
    if cycle >= 0:
        return int(cycle) if cycle != _CYCLE_OFF else _STOPPED
    never = execution == NOT_GIVEN and item == NOT_GIVEN and cycle == NOT_GIVEN
    never = never and max(red, yellow, green, blue) == NOT_GIVEN
    return NOTHING_SAID if never and min(red, yellow, green, blue) == NOT_GIVEN else NOTHING_TRUSTED


@compiled
def by_control(words: NDArray[np.int8]) -> bool:
    """Whether the control itself says what the machine does, by execution or item state."""
    return bool(words[_EXECUTION] >= 0 or words[_ITEM] >= 0)


@compiled
def _is_power_off(words: NDArray[np.int8]) -> bool:
    """Whether the power says that the control is off, and no lights say more."""
    return bool(words[_CYCLE] == _CYCLE_OFF and max(words[_RED], words[_YELLOW], words[_GREEN], words[_BLUE]) < 0)


@compiled
def is_feed_held(words: NDArray[np.int8], execution: int) -> bool:
    """Whether a program is under way and its feed is held (kpi.md §3.7, feed-hold loss)."""
    under_way = execution in (_ACTIVE, _INTERRUPTED, _OPTIONAL, _WAIT)
    return bool(execution == _HELD or (under_way and words[_HOLD] == 1))


@compiled
def among(states: tuple[int, int, int], others: tuple[int, int, int]) -> tuple[int, int, int]:
    """Which of two channels' (state, cause, rule) is the machine's: producing if one is, otherwise unplanned_stop if
    one is, otherwise setup before idle; of equal ones the first.
    """
    return others if _WEIGHT[others[0]] > _WEIGHT[states[0]] else states


@compiled
def decide(
    words: NDArray[np.int8], control: bool, execution: int, mode: int,
    moving: bool, gap_cause: int, failed: bool, red_stops: bool,
) -> tuple[int, int, int]:  # fmt: skip
    """(state, cause, rule) of a machine, or of one of its channels, from its state inputs.

    `words`: codes by role, NOT_GIVEN or NOT_TRUSTED; `control`, `execution`: what `by_control` and `execution_of` make
    of them, `mode`: theirs, or those of another channel; `moving`: spindle turning or feed above 0; `gap_cause`: cause
    of an open gap, 0 none; `failed`: stopped unplanned before and has not produced since; `red_stops`: a red lamp is a
    stop although a nearer witness is trusted.
    """
    if gap_cause != 0:
        return _UNKNOWN, gap_cause, 0
    if words[_ONLINE] == 0:
        return _UNKNOWN, _C_OFFLINE, 0
    # Only execution, item state and lights say what a machine does; a switch that is still trusted does not.
    if execution < 0:
        return _UNKNOWN, _C_NO_INPUT if execution == NOTHING_SAID else _C_BAD, 0
    item = words[_ITEM]
    if item == _UNAVAILABLE:
        return _UNKNOWN, _C_UNAVAILABLE, 0
    if words[_ESTOP] == 1:
        return _UNPLANNED, _C_ESTOP, 1
    if words[_OP_MODE] == _OP_MAINTENANCE:
        if failed or words[_REPAIR] == 1:
            return _UNPLANNED, _C_REPAIR, 2
        return _PLANNED, _C_MAINTENANCE, 2
    automatic = mode < 0 or mode in (_AUTOMATIC, _REMOTE)
    unclear = mode in (_EDIT, _MODE_OTHER)
    manual = not automatic and not unclear
    active = execution == _ACTIVE
    if not manual and words[_OP_MODE] != _OP_SETUP:
        if item == _OUT_OF_SERVICE:
            return _UNPLANNED, _C_OUT, 3
        if not active and words[_ALARM] == 1:
            return _UNPLANNED, _C_ALARM, 3
        if (not control or red_stops) and (words[_RED] == _ON or words[_RED] == _BLINK):
            return _UNPLANNED, _C_ALARM, 3
    if words[_OP_MODE] == _OP_SETUP:
        return _SETUP, _C_SETUP, 4
    if not control and words[_BLUE] == _ON and execution == _READY:
        return _SETUP, _C_SETUP, 4
    if manual and (active or moving):
        return _SETUP, _C_MANUAL, 4
    if words[_WARM] == 1:
        return _SETUP, _C_WARM, 4
    if active and (words[_DRY] == 1 or words[_SINGLE] == 1):
        return _SETUP, _C_DRY, 4
    held = words[_HOLD] == 1
    zero = words[_ZERO] == 1
    if active and not manual and not held and not zero:
        return _PRODUCING, _C_UNCLEAR if unclear else _C_NONE, 5
    if automatic:
        if execution == _WAIT or (execution == _INTERRUPTED and words[_WAIT_FOR] > 0):
            return _IDLE, _WAIT_CAUSE[min(max(words[_WAIT_FOR], 0), _WAIT_OTHER)], 6
        if execution == _HELD or held:
            return _IDLE, _C_HOLD, 6
        if execution == _OPTIONAL:
            return _IDLE, _C_OPTIONAL, 6
        if execution == _INTERRUPTED:
            return _IDLE, _C_INTERRUPTED, 6
        if zero:
            return _IDLE, _C_ZERO, 6
    if execution == _READY:
        return _IDLE, _C_READY, 7
    if execution == _COMPLETED:
        return _IDLE, _C_END, 7
    if execution == _STOPPED:
        return _IDLE, _C_POWER_OFF if not control and _is_power_off(words) else _C_STOPPED, 7
    if manual:
        return _IDLE, _C_STANDING, 7
    return _IDLE, _C_UNMAPPED, 8
