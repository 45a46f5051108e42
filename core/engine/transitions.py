"""Which condition leads to which state and which time class: tables with id and version.

State rules 0, 1 and 4 to 8 (docs/en/truth.md): the first rule that holds decides. Rules 2 and 3 (maintenance,
alarms, out of service) are not active yet. The compiled fold calls `decide`; it is plain arithmetic on codes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.engine.jit import compiled
from core.engine.state import NOT_GIVEN
from core.vocabulary import Cause, Execution, ItemState, Mode, OpMode, Role, Situation, State, TimeClass, WaitFor

RULES = "stanok-state-1"
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

# Numba freezes module constants of plain int; enumeration members are turned into such here.
_EXECUTION, _MODE, _OP_MODE, _ITEM = int(Role.EXECUTION), int(Role.MODE), int(Role.OP_MODE), int(Role.ITEM_STATE)
_WAIT_FOR, _ONLINE, _ESTOP, _HOLD = int(Role.WAIT_FOR), int(Role.ONLINE), int(Role.ESTOP), int(Role.FEED_HOLD)
_DRY, _SINGLE, _WARM, _ZERO = int(Role.DRY_RUN), int(Role.SINGLE_BLOCK), int(Role.WARM_UP), int(Role.OVERRIDE_ZERO)
_ACTIVE, _INTERRUPTED, _HELD = int(Execution.ACTIVE), int(Execution.INTERRUPTED), int(Execution.FEED_HOLD)
_OPTIONAL, _WAIT, _READY = int(Execution.OPTIONAL_STOP), int(Execution.WAIT), int(Execution.READY)
_COMPLETED, _STOPPED, _EX_OTHER = int(Execution.COMPLETED), int(Execution.STOPPED), int(Execution.OTHER)
_AUTOMATIC, _REMOTE, _EDIT, _MODE_OTHER = int(Mode.AUTOMATIC), int(Mode.REMOTE), int(Mode.EDIT), int(Mode.OTHER)
_UNAVAILABLE, _IT_NOT, _IT_YES = int(ItemState.NOT_AVAILABLE), int(ItemState.NOT_EXECUTING), int(ItemState.EXECUTING)
_OP_SETUP = int(OpMode.SETUP)
_UNKNOWN, _PRODUCING, _IDLE = int(State.UNKNOWN), int(State.PRODUCING), int(State.IDLE)
_SETUP, _UNPLANNED = int(State.SETUP), int(State.UNPLANNED_STOP)

_C_OFFLINE, _C_BAD, _C_UNAVAILABLE = int(Cause.OFFLINE), int(Cause.BAD_DATA), int(Cause.NOT_AVAILABLE)
_C_NO_INPUT, _C_ESTOP, _C_NONE = int(Cause.NO_STATE_INPUT), int(Cause.ESTOP), int(Cause.NONE)
_C_SETUP, _C_MANUAL, _C_WARM, _C_DRY = int(Cause.SETUP), int(Cause.MANUAL), int(Cause.WARM_UP), int(Cause.DRY_RUN)
_C_HOLD, _C_OPTIONAL, _C_INTERRUPTED = int(Cause.FEED_HOLD), int(Cause.OPTIONAL_STOP), int(Cause.INTERRUPTED)
_C_ZERO, _C_READY, _C_END = int(Cause.OVERRIDE_ZERO), int(Cause.READY), int(Cause.PROGRAM_END)
_C_STOPPED, _C_STANDING = int(Cause.STOPPED), int(Cause.STANDING)
_C_UNCLEAR, _C_UNMAPPED = int(Cause.MODE_UNCLEAR), int(Cause.UNMAPPED)
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


@compiled
def decide(words: NDArray[np.int8], moving: bool, gap_cause: int) -> tuple[int, int, int]:
    """(state, cause, rule) of a machine from its state inputs.

    `words`: codes by role, NOT_GIVEN or NOT_TRUSTED; `moving`: spindle turning or feed above 0;
    `gap_cause`: cause of an open gap, 0 none.
    """
    execution, item = words[_EXECUTION], words[_ITEM]
    if gap_cause != 0:
        return _UNKNOWN, gap_cause, 0
    if words[_ONLINE] == 0:
        return _UNKNOWN, _C_OFFLINE, 0
    # Only execution and item state say what a machine does; a switch that is still trusted does not.
    if execution < 0 and item < 0:
        never = execution == NOT_GIVEN and item == NOT_GIVEN
        return _UNKNOWN, _C_NO_INPUT if never else _C_BAD, 0
    if item == _UNAVAILABLE:
        return _UNKNOWN, _C_UNAVAILABLE, 0
    if words[_ESTOP] == 1:
        return _UNPLANNED, _C_ESTOP, 1
    if execution < 0:
        execution = _ACTIVE if item == _IT_YES else (_READY if item == _IT_NOT else _EX_OTHER)
    mode = words[_MODE]
    automatic = mode < 0 or mode in (_AUTOMATIC, _REMOTE)
    unclear = mode in (_EDIT, _MODE_OTHER)
    manual = not automatic and not unclear
    active = execution == _ACTIVE
    if words[_OP_MODE] == _OP_SETUP:
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
            return _IDLE, _WAIT_CAUSE[max(words[_WAIT_FOR], 0)], 6
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
        return _IDLE, _C_STOPPED, 7
    if manual:
        return _IDLE, _C_STANDING, 7
    return _IDLE, _C_UNMAPPED, 8
