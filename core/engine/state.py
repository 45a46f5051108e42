"""A machine's state as a structured numpy record: finite memory, no lifetime sums, no hidden padding.

Invariants: everything before `at_us` has been booked. Gauges may have been seen since, before `horizon_us`: a hot gauge
between its gates changes no yes or no, and its area is kept apart until time is booked. `acc` and `loads_us` hold the
measures of the minute that began at `minute_us` for the selected program and order, and are empty at every minute
boundary; `dirty` is set when inputs changed at `at_us` and nothing has been decided yet. A snapshot is the bytes of one
record.

The fields that nearly every sample touches come first and fill four cache lines, those of slow gauges follow; a record
is an odd number of lines, so that the first lines of many machines do not fall into the same places of a cache.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from core.engine.jit import records
from core.facts.schema import LOAD_COLUMNS, REPORTED
from core.plant.model import MOST_SOURCES
from core.units import floor_minute
from core.vocabulary import WORDS, Cause, Role, State

NOT_GIVEN = -1
"""A state input that the machine has never sent."""
NOT_TRUSTED = -2
"""A state input whose last value was bad or stale."""
NO_COUNT = -1
"""A part counter without a baseline; no reading."""
NO_KEY = -1
"""A job or order that has never been named; 0 is one that was named empty."""
NOT_IN_GAP = -1
GAPS = MOST_SOURCES + 1
"""Gaps whose parts may still be told: the last one of each source, and the last time without a trusted state."""
NO_STATE = MOST_SOURCES
"""Place of the latter."""
NOT_BAD = -1
UNKNOWN_PM = -1
"""A load or an override without a trusted value."""

DECIDE_CUT, DECIDE = 1, 2
"""What `dirty` asks for: whether the machine cuts, or all of its state."""

SPINDLES = 4
"""Spindles whose load can tell cutting from air; whether a spindle turns is known of 31."""
ALARMS = 16
"""Standing alarms of class stop that are known by their code. Of more only the number is kept: one raised twice is then
counted twice, and its end is that of any of them."""

CHANNELS = 4
"""Channels with an execution and a mode of their own."""
PHASES = 3
"""Phases whose current is known."""
UNKNOWN_MA = -1
"""A current without a trusted value."""

HOT = 4
"""Gauges that most samples are of: speed and load of spindle 1, feed of channel 1, power."""
SPEED, LOAD, FEED, POWER = range(HOT)

_LINE = 64
_FIELDS: list[tuple[str, str] | tuple[str, str, tuple[int, ...]]] = [
    # What nearly every sample touches.
    ("at_us", "<i8"),
    ("horizon_us", "<i8"),  # before this a gauge between its gates needs no booking
    ("low", "<f8", (HOT + 1,)),  # gates of the hot gauges; those of the last, for all others, are closed
    ("high", "<f8", (HOT + 1,)),
    ("since", "<i8", (HOT,)),  # until when the area reaches
    ("last", "<i8", (HOT,)),  # what is integrated: ‰, W
    ("area", "<i8", (HOT,)),  # ‰·µs, W·µs since at_us
    ("shown", "<f8", (HOT,)),  # value, NaN if not trusted
    ("load_counts", "<i4"),  # LOAD where time is booked by the load of spindle 1, otherwise HOT
    ("loads_us", "<i4", (len(LOAD_COLUMNS),)),  # the running minute by class of that load
    ("rotating", "<u4"),  # bit n-1: spindle n turns
    ("rotating_known", "<u4"),  # bit n-1: spindle n says itself whether it turns
    ("speed_known", "<u4"),  # bit n-1: the speed of spindle n can be trusted
    ("fast", "<u4"),  # bit n-1: |speed| of spindle n above 1 per minute
    ("feeding", "<u4"),  # bit n-1: feed rate of channel n above 0
    ("loaded", "<u4"),  # bit n-1: load of spindle n says that it cuts
    ("load_known", "<u4"),
    ("load_pm", "<i8", (SPINDLES,)),  # of spindles 2 to 4; the first is hot
    ("speed", "<f8", (SPINDLES,)),
    ("feed_pm", "<i4"),
    # What the others do.
    ("minute_us", "<i8"),
    ("segment_end_us", "<i8"),
    ("shift", "<i8"),
    ("since_us", "<i8"),
    ("program", "<i8"),
    ("program_since_us", "<i8"),
    ("job_order", "<i8"),  # on the machine: the key of facts
    ("order", "<i8"),  # last named by job.order
    ("job", "<i8"),  # last named by job.id
    ("runs", "<i8"),
    ("blind_us", "<i8"),  # since when the state is known, but not whether a spindle turns,
    ("blind_how", "<i8"),  # UNSEEN or BY_SPEED
    ("gap_from_us", "<i8", (MOST_SOURCES,)),
    ("last_gap_from_us", "<i8", (GAPS,)),
    ("counter", "<i8", (3,)),  # total, good, scrap: the last reading that counted
    ("counter_us", "<i8", (3,)),  # before the first reading: since when one is missing
    ("bad_us", "<i8", (3,)),  # the first reading that cannot be trusted since the last that counted
    ("pri_least", "<i8", (3,)),  # standard times of the programs selected since then, µs
    ("pri_most", "<i8", (3,)),
    ("jump", "<i8", (3,)),  # a reading too high to be believed, held back
    ("jump_us", "<i8", (3,)),
    ("held", "<i8", (3,)),  # readings inside a gap, booked when it closes
    ("gap_credit", "<i8", (3 * GAPS,)),  # for each good µs, total µs, parts booked after it
    ("energy", "<i8"),  # last reading of the meter, mJ
    ("energy_rest", "<i8"),  # µJ below one mJ
    ("acc", "<i8", (len(REPORTED),)),
    ("alarms", "<i8", (ALARMS,)),
    ("alarms_known", "<i4"),
    ("alarms_more", "<i4"),
    ("spindle_pm", "<i4"),
    ("rapid_pm", "<i4"),
    ("rapid", "<u4"),
    ("feed_known", "<u4"),  # bit n-1: the feed rate of channel n is trusted
    ("current_ma", "<i4", (PHASES,)),
    ("channel_execution", "i1", (CHANNELS - 1,)),  # of channels 2 to 4, as said; the first one's is a word
    ("channel_mode", "i1", (CHANNELS - 1,)),
    ("hidden_rotating", "<u4"),  # bit n-1: what is known of spindle n or channel n comes from a source that is gone
    ("hidden_speed", "<u4"),
    ("hidden_load", "<u4"),
    ("hidden_feed", "<u4"),
    ("words", "i1", (WORDS,)),  # what is believed
    ("said", "i1", (WORDS,)),  # what was said last
    ("job_state", "i1"),
    ("gap_cause", "i1", (MOST_SOURCES,)),
    ("gaps", "u1"),  # bit of each source that is in a gap
    ("gone", "u1"),  # and of those that say themselves that they are off line
    ("state", "i1"),
    ("cause", "i1"),
    ("rule", "i1"),
    ("failed", "i1"),  # stopped unplanned, and not produced since
    ("situation", "i1"),  # by the calendar
    ("no_order", "i1"),
    ("time_class", "i1"),
    ("counted", "i1"),  # known time inside PBT
    ("off", "i1"),  # power says that the control is off
    ("powered", "i1"),
    ("running", "i1"),
    ("turning", "i1"),
    ("in_cut", "i1"),
    ("air_cut", "i1"),
    ("feed_held", "i1"),
    ("dirty", "i1"),
    ("after_gap", "u1"),  # bit k: the next reading of counter k spans a gap,
    ("spanned", "i1", (3,)),  # and which
    ("missed", "u1"),  # bit k: since its last good reading counter k told something that cannot be trusted
    ("fresh", "u1"),  # bit k: the next reading of counter k is its baseline
    ("announced", "u1"),  # bit k: counter k starts over with its next reading
]


def _padded() -> np.dtype[np.void]:
    size = np.dtype(_FIELDS).itemsize
    lines = -(-size // _LINE)
    lines += 1 - lines % 2
    return np.dtype([*_FIELDS, ("rest", "u1", (lines * _LINE - size,))])


STATE = _padded()
MEANING = 1
"""Raised when a field, or what a snapshot holds beside the state, comes to mean something else under the same name."""
LAYOUT = f"{MEANING}-{hashlib.blake2b(repr(STATE.descr).encode(), digest_size=6).hexdigest()}"
"""Names the fields and what they mean: the bytes of a snapshot can be read where it is the same."""


def new_states(machines: int) -> NDArray[np.void]:
    """States of machines that have not been heard of yet."""
    room = np.zeros(machines * STATE.itemsize + _LINE, "u1")
    first = -room.ctypes.data % _LINE
    states = room[first : first + machines * STATE.itemsize].view(STATE)
    states["words"] = states["said"] = NOT_GIVEN
    states["words"][:, Role.REPAIR] = states["said"][:, Role.REPAIR] = 0  # told by people: silence is no
    for name in ("job_state", "channel_execution", "channel_mode"):
        states[name] = NOT_GIVEN
    states["current_ma"] = UNKNOWN_MA
    for name in ("counter", "jump", "held", "energy", "runs"):
        states[name] = NO_COUNT
    for name in ("order", "job"):
        states[name] = NO_KEY
    for name in ("load_pm", "feed_pm", "spindle_pm", "rapid_pm"):
        states[name] = UNKNOWN_PM
    states["bad_us"] = NOT_BAD
    for name in ("gap_from_us", "last_gap_from_us"):
        states[name] = NOT_IN_GAP
    states["speed"] = np.nan
    states["shown"] = np.nan
    states["low"], states["high"] = np.inf, -np.inf
    states["load_counts"] = HOT
    return records(states)


def begin(state: NDArray[np.void], at_us: int, unheard: int = 0) -> None:
    """Start one machine at the minute of its first contact. `unheard`: bits of sources that have not spoken there."""
    start = floor_minute(at_us)
    for name in ("at_us", "minute_us", "since_us", "program_since_us"):
        state[name] = start
    state["since"] = state["counter_us"] = start
    state["state"], state["cause"], state["rule"] = State.UNKNOWN, Cause.NO_DATA_YET, 0
    state["dirty"] = DECIDE
    state["gaps"] = state["gone"] = unheard
    state["gap_from_us"], state["gap_cause"] = NOT_IN_GAP, 0
    for slot in range(MOST_SOURCES):
        if unheard >> slot & 1:
            state["gap_from_us"][..., slot], state["gap_cause"][..., slot] = start, Cause.NO_DATA_YET


def since_us(state: np.void) -> int:
    """From when on a state wants to be given samples: in a gap from its beginning, their effect is still to come."""
    in_gap = state["gap_from_us"][state["gap_from_us"] != NOT_IN_GAP]
    return int(min([state["at_us"], *in_gap]))
