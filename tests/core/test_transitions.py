"""Every combination of state inputs leads to exactly one rule, the one that the plain-language oracle names."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np

from core.engine.state import NOT_GIVEN, NOT_TRUSTED
from core.engine.transitions import TIME_CLASS, decide
from core.vocabulary import (
    WORDS,
    Cause,
    Execution,
    ItemState,
    Mode,
    OpMode,
    Role,
    Situation,
    State,
    TimeClass,
    WaitFor,
)
from tests.oracle.naive_oee import state_of

INPUTS = {
    "ctrl.execution": (Role.EXECUTION, [None, "bad", *Execution]),
    "ctrl.mode": (Role.MODE, [None, "bad", *Mode]),
    "ctrl.op_mode": (Role.OP_MODE, [None, OpMode.PRODUCTION, OpMode.SETUP]),
    "ctrl.item_state": (Role.ITEM_STATE, [None, "bad", *ItemState]),
    "ctrl.wait_for": (Role.WAIT_FOR, [None, WaitFor.NOTHING, WaitFor.TOOL]),
    "ctrl.estop": (Role.ESTOP, [None, False, True]),
    "ctrl.feed_hold": (Role.FEED_HOLD, [None, True]),
    "feed.1.override": (Role.OVERRIDE_ZERO, [None, 0.0]),
    "ctrl.dry_run": (Role.DRY_RUN, [None, True]),
    "ctrl.warm_up": (Role.WARM_UP, [None, True]),
}


def code(name: str, value: object) -> int:
    if value is None:
        return NOT_GIVEN
    if value == "bad":
        return NOT_TRUSTED
    if name == "feed.1.override":
        return int(value == 0.0)
    return int(value)  # type: ignore[call-overload,no-any-return]


def spoken(inputs: dict[str, object]) -> dict[str, object]:
    """Inputs as the oracle reads them: words by name, None where not trusted, nothing where never given."""
    out: dict[str, object] = {}
    for name, value in inputs.items():
        if value is not None:
            member = getattr(value, "name", None)
            out[name] = None if value == "bad" else (member.lower() if member else value)
    return out


def test_every_combination_has_exactly_one_rule_and_the_oracle_names_the_same() -> None:
    rules: Counter[int] = Counter()
    words = np.full(WORDS, NOT_GIVEN, np.int8)
    names = list(INPUTS)
    for values in product(*(choices for _, choices in INPUTS.values())):
        for name, value in zip(names, values, strict=True):
            words[INPUTS[name][0]] = code(name, value)
        for moving in (False, True):
            inputs = spoken(dict(zip(names, values, strict=True)))
            if moving:
                inputs["spindle.1.rotating"] = True
            state, cause, rule = decide(words, moving, 0)
            found = State(state).name.lower(), Cause(cause).name.lower(), rule
            assert found == state_of(inputs, None), inputs
            rules[rule] += 1
    assert set(rules) == {0, 1, 4, 5, 6, 7, 8}
    print("combinations by rule:", dict(sorted(rules.items())))


def test_a_gap_is_unknown_whatever_the_inputs_say() -> None:
    words = np.zeros(WORDS, np.int8)
    assert tuple(decide(words, True, int(Cause.SILENT))) == (State.UNKNOWN, Cause.SILENT, 0)


def test_only_missing_data_is_unknown_time_and_it_is_never_any_other_class() -> None:
    unknown = {TimeClass.UNKNOWN, TimeClass.UNKNOWN_OUT}
    for state, situation in product(State, Situation):
        assert (TIME_CLASS[state, situation] in unknown) == (state is State.UNKNOWN)


def test_the_time_class_table_is_that_of_the_standard() -> None:
    t = TimeClass
    assert [[TimeClass(c) for c in row] for row in TIME_CLASS] == [
        [t.UNKNOWN, t.UNKNOWN, t.UNKNOWN_OUT, t.UNKNOWN_OUT],
        [t.APT, t.APT_NO_ORDER, t.APT_OUT, t.APT_OUT],
        [t.ADET_IDLE, t.ADOT_IDLE, t.PLANNED_CALENDAR, t.PLANNED_CALENDAR],
        [t.AUST, t.ADOT_SETUP, t.AUST_OUT, t.AUST_OUT],
        [t.PLANNED_STATE, t.PLANNED_STATE, t.PLANNED_CALENDAR, t.PLANNED_CALENDAR],
        [t.ADET_STOP, t.ADOT_STOP, t.PLANNED_FAILURE, t.PLANNED_FAILURE],
    ]
