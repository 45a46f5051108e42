"""A machine's state as a structured numpy record: finite memory, no lifetime sums, no hidden padding.

Invariants: everything before `at_us` has been folded; `acc` holds the measures of the minute that began at
`minute_us` for the selected program and is empty at every minute boundary; `dirty` is set when inputs changed at
`at_us` and the state has not been decided yet. A snapshot is the bytes of one record.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.facts.schema import MEASURES
from core.units import floor_minute
from core.vocabulary import WORDS, Cause, State

NOT_GIVEN = -1
"""A state input that the machine has never sent."""
NOT_TRUSTED = -2
"""A state input whose last value was bad or stale."""
NO_COUNT = -1
"""A part counter without a baseline."""
NOT_IN_GAP = -1

STATE = np.dtype(
    [
        ("at_us", "<i8"),
        ("minute_us", "<i8"),
        ("segment_end_us", "<i8"),
        ("shift", "<i8"),
        ("since_us", "<i8"),
        ("program", "<i8"),
        ("program_since_us", "<i8"),
        ("gap_from_us", "<i8"),
        ("last_gap_from_us", "<i8"),
        ("counter", "<i8", (3,)),  # total, good, scrap: the last trusted reading
        ("held", "<i8", (3,)),  # readings inside a gap, booked when it closes
        ("gap_credit", "<i8", (3,)),  # good µs, total µs, parts booked after the last gap
        ("acc", "<i8", (len(MEASURES),)),
        ("speed", "<f8"),  # of spindle 1, for the live board
        ("rotating", "<u4"),  # bit n-1: spindle n turns
        ("rotating_known", "<u4"),  # bit n-1: spindle n says itself whether it turns
        ("fast", "<u4"),  # bit n-1: |speed| of spindle n above 1 per minute
        ("feeding", "<u4"),  # bit n-1: feed rate of channel n above 0
        ("words", "i1", (WORDS,)),
        ("gap_cause", "i1"),
        ("state", "i1"),
        ("cause", "i1"),
        ("rule", "i1"),
        ("situation", "i1"),
        ("turning", "i1"),
        ("dirty", "i1"),
        ("after_gap", "u1"),  # bit k: the next reading of counter k spans a gap
    ]
)


def new_states(machines: int) -> NDArray[np.void]:
    """States of machines that have not been heard of yet."""
    states = np.zeros(machines, STATE).view(np.recarray)
    states["words"] = NOT_GIVEN
    states["counter"] = NO_COUNT
    states["held"] = NO_COUNT
    states["gap_from_us"] = NOT_IN_GAP
    states["last_gap_from_us"] = NOT_IN_GAP
    return states


def begin(state: NDArray[np.void], at_us: int) -> None:
    """Start one machine at the minute of its first contact; until the contact itself its time is UNKNOWN."""
    start = floor_minute(at_us)
    for name in ("at_us", "minute_us", "since_us", "program_since_us"):
        state[name] = start
    state["state"], state["cause"], state["rule"] = State.UNKNOWN, Cause.NO_DATA_YET, 0
    state["dirty"] = 1
    if at_us > start:
        state["gap_from_us"], state["gap_cause"] = start, Cause.NO_DATA_YET
