"""Every combination of state inputs leads to exactly one rule, the one that the plain-language oracle names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.engine.state import NOT_GIVEN, NOT_TRUSTED
from core.engine.transitions import KNOWN_BUSY, TIME_CLASS, by_control, decide, execution_of
from core.vocabulary import (
    WORDS,
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
from tests.oracle.naive_oee import state_of

INPUTS = {
    "ctrl.execution": (Role.EXECUTION, [None, "bad", *Execution]),
    "ctrl.mode": (Role.MODE, [None, Mode.AUTOMATIC, Mode.MANUAL, Mode.EDIT]),
    "ctrl.op_mode": (Role.OP_MODE, [None, OpMode.SETUP, OpMode.MAINTENANCE]),
    "ctrl.item_state": (Role.ITEM_STATE, [None, "bad", *ItemState]),
    "ctrl.wait_for": (Role.WAIT_FOR, [None, WaitFor.TOOL]),
    "ctrl.estop": (Role.ESTOP, [None, True]),
    "alarm": (Role.ALARM_STOP, [None, True]),
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
    return int(value)  # type: ignore[call-overload,no-any-return]  # any word of the table


def spoken(inputs: dict[str, object]) -> dict[str, object]:
    """Inputs as the oracle reads them: words by name, None where not trusted, nothing where never given."""
    out: dict[str, object] = {}
    for name, value in inputs.items():
        if value is not None:
            member = getattr(value, "name", None)
            out[name] = None if value == "bad" else (member.lower() if member else value)
    return out


def agreed(inputs: dict[str, object], words: NDArray[np.int8], before: dict[str, bool]) -> int:
    """The rule that fold and oracle both name; `before`: failed, red_stops, moving."""
    failed, red_stops, moving = before["failed"], before["red_stops"], before["moving"]
    said = {**inputs, "spindle.1.rotating": True} if moving else inputs
    state, cause, rule = decide(
        words, by_control(words), execution_of(words), words[Role.MODE], moving, 0, failed, red_stops
    )
    found = State(state).name.lower(), Cause(cause).name.lower(), rule
    assert found == state_of(said, None, failed, red_stops), said
    return rule


def combinations(
    table: dict[str, tuple[Role, list[Any]]],
) -> Iterator[tuple[dict[str, object], NDArray[np.int8]]]:
    """Every combination of the inputs, for the oracle and as the words of a state."""
    words, names = np.full(WORDS, NOT_GIVEN, np.int8), list(table)
    for values in product(*(choices for _, choices in table.values())):
        for name, value in zip(names, values, strict=True):
            words[table[name][0]] = code(name, value)
        yield spoken(dict(zip(names, values, strict=True))), words


def test_every_combination_has_exactly_one_rule_and_the_oracle_names_the_same() -> None:
    rules: Counter[int] = Counter()
    unmapped: set[tuple[object, ...]] = set()
    for inputs, words in combinations(INPUTS):
        for moving in (False, True):
            rule = agreed(inputs, words, {"failed": False, "red_stops": False, "moving": moving})
            rules[rule] += 1
            if rule == 8:
                unmapped.add(tuple(inputs.get(name) for name in ("ctrl.execution", "ctrl.item_state", "ctrl.mode")))
    assert set(rules) == set(range(9))
    print("combinations by rule:", dict(sorted(rules.items())))
    print("rule 8 (execution, item state, mode):", *sorted(map(str, unmapped)), sep="\n  ")


LIGHTS: dict[str, tuple[Role, list[Any]]] = {
    **{f"light.{colour}": (Role[f"LIGHT_{colour.upper()}"], ["bad", *Light]) for colour in ("red", "green")},
    **{
        f"light.{colour}": (Role[f"LIGHT_{colour.upper()}"], [None, Light.OFF, Light.ON])
        for colour in ("yellow", "blue")
    },
    "ctrl.execution": (Role.EXECUTION, [None, Execution.READY]),
    "ctrl.mode": (Role.MODE, [None, Mode.MANUAL, Mode.OTHER]),
    "ctrl.op_mode": (Role.OP_MODE, [None, OpMode.SETUP, OpMode.MAINTENANCE]),
    "alarm": (Role.ALARM_STOP, [None, True]),
    "repair": (Role.REPAIR, [None, True]),
}


WORDS_OF_CONTROLS: dict[str, tuple[Role, list[Any]]] = {
    "ctrl.execution": (Role.EXECUTION, [None, "bad", *Execution]),
    "ctrl.mode": (Role.MODE, [None, "bad", *Mode]),
    "ctrl.op_mode": (Role.OP_MODE, [None, "bad", *OpMode]),
    "ctrl.item_state": (Role.ITEM_STATE, [None, ItemState.EXECUTING, ItemState.OUT_OF_SERVICE]),
    "ctrl.wait_for": (Role.WAIT_FOR, [None, *WaitFor]),
}


def test_every_word_of_a_control_has_the_rule_that_the_oracle_names() -> None:
    for inputs, words in combinations(WORDS_OF_CONTROLS):
        agreed(inputs, words, {"failed": False, "red_stops": False, "moving": False})


def test_every_combination_of_lights_alarms_and_repairs_has_the_rule_that_the_oracle_names() -> None:
    for inputs, words in combinations(LIGHTS):
        for failed, red_stops in product((False, True), repeat=2):
            agreed(inputs, words, {"failed": failed, "red_stops": red_stops, "moving": False})


def test_spindle_figures_rest_on_known_time_inside_planned_busy_time() -> None:
    assert [t for t in TimeClass if KNOWN_BUSY[t]] == [t for t in TimeClass if t < TimeClass.PLANNED_STATE]


def test_a_gap_is_unknown_whatever_the_inputs_say() -> None:
    words = np.zeros(WORDS, np.int8)
    assert tuple(decide(words, True, 0, 0, True, int(Cause.SILENT), False, False)) == (State.UNKNOWN, Cause.SILENT, 0)


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
