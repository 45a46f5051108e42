"""What the fold writes and one database transaction stores: columns with their units, and `Changes`.

Facts are additive integers; no ratio is ever stored. Columns of one closed machine-minute's time classes
sum to 60 000 000 µs over its rows. Storage, oracle and boards read the names of columns from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.samples.batch import SampleBatch
from core.samples.entries import Entry
from core.samples.records import Quarantine
from core.vocabulary import TimeClass

FACT_KEYS = ("machine", "minute_us", "shift", "program", "job_order")
"""`machine` is a position in the plant; shift, program and job_order are ids (0 none)."""

TIME_COLUMNS = tuple(member.name.lower() for member in TimeClass)
"""µs per time class."""

COUNT_COLUMNS = (
    "parts_total",
    "parts_good",
    "parts_scrap",
    "parts_no_standard",
    "credit_total_us",
    "credit_good_us",
    "credit_gap_total_us",
    "credit_gap_good_us",
)
"""Parts [1], standard-time credits PRI·parts [µs] (those booked after a gap apart).

`parts_no_standard` counts parts of programs without a standard time: effectiveness and OEE are undefined with them.
"""

SPINDLE_COLUMNS = (
    "powered_us",
    "program_running_us",
    "spindle_turning_us",
    "in_cut_us",
    "air_cut_us",
    "feed_hold_us",
    "spindle_load_us",
    "spindle_load",
    "feed_override_loss",
    "spindle_override_loss",
    "rapid_override_loss",
    "energy_mj",
)
"""Known time inside PBT by what control and spindle did [µs] (kpi.md §3.7); of all time: energy [mJ].

`spindle_load`: ∫ load of spindle 1 over turning time [‰·µs], `spindle_load_us`: that time as far as it is known.
The override losses: ∫ (1000 ‰ - override) over producing time [‰·µs], each by itself, below 0 above 100 %.
"""

LOAD_CLASS_PM = 100
LOAD_COLUMNS = tuple(f"load_{percent}_us" for percent in range(0, 101, LOAD_CLASS_PM // 10))
"""The load histogram: the time of `spindle_load_us` by classes of load of 10 %, named after their lower end [µs].

The last class takes all from 100 % on. A load counts as rounded to ‰; the classes of a row sum to `spindle_load_us`.
"""

REPORTED = TIME_COLUMNS + COUNT_COLUMNS + SPINDLE_COLUMNS
"""What a plant's bundle carries of them: with another column, everything that was sent before would be revised."""
MEASURES = REPORTED + LOAD_COLUMNS

FACT = np.dtype([(name, "<i8") for name in FACT_KEYS + MEASURES])
"""One row of `fact_minute`, all int64."""

INTERVAL = np.dtype(
    [
        ("machine", "<i8"),
        ("from_us", "<i8"),
        ("to_us", "<i8"),  # OPEN_END while it lasts
        ("state", "<i8"),
        ("cause", "<i8"),
        ("rule", "<i8"),
    ]
)
"""A half-open stretch in one state."""

PROGRAM_INTERVAL = np.dtype([("machine", "<i8"), ("from_us", "<i8"), ("to_us", "<i8"), ("program", "<i8")])
"""A half-open stretch with one part program selected; `program` is its id."""

GAP_CREDIT = np.dtype(
    [
        (name, "<i8")
        for name in ("machine", "gap_from_us", "credit_good_us", "credit_total_us", "parts", "booked_us", "source")
    ]
)
"""What the first part counts after a gap booked so far: parts and credits made somewhere inside it.

The values are totals of that gap, not additions; the last row of a gap counts. `booked_us`: when it was booked.
`source`: rank of the source whose gap it is, NO_SOURCE for time in which samples gave no trusted state.
"""

COUNTER_EVENT = np.dtype(
    [(name, "<i8") for name in ("machine", "counter", "what", "from_us", "at_us", "last", "reading", "parts")]
)
"""What a part counter (0 total, 1 good, 2 scrap) did other than count on; `what` is a CounterEvent.

`last` was read at `from_us`, `reading` at `at_us`; `parts` were booked for it. After a RESET parts may be missing.
"""

COUNT_GAP = np.dtype(
    [
        (name, "<i8")
        for name in (
            "machine", "counter", "cause", "from_us", "to_us", "parts",
            "credit_us", "least_us", "most_us", "pri_us", "booked_us",
        )
    ]
)  # fmt: skip
"""A half-open stretch in which it is not known how many parts one counter stands for: `data_gap` of scope `count`.

With counter UNSEEN or BY_SPEED it is not known whether a spindle turns, scope `gauge`: `booked_us` is `to_us`, the rest
says nothing.
`parts` and their credit `credit_us` were booked for it at `booked_us`; `least_us` to `most_us` may have been made, or
NOT_LIMITED by what was read but only by time; `pri_us`: greatest standard time of a part. `to_us` and `booked_us` are
OPEN_END while it lasts.
"""
NOT_LIMITED = -1
UNSEEN, BY_SPEED = -1, -2
"""What stands for a counter where it is not known whether a spindle turns: none is seen to, or one does by its speed
alone, since its `rotating` is not trusted."""

OPEN_END = -1
NO_SOURCE = -1


@dataclass(frozen=True)
class RawRows:
    """Samples for the raw tables, with where they came from; arrays are parallel to `batch`.

    `row` is the position of a sample inside its spool record.
    """

    batch: SampleBatch
    source_id: NDArray[np.int64]
    spool: NDArray[np.int32]
    """Index into `Changes.spools`."""
    record: NDArray[np.int64]
    row: NDArray[np.int32]


@dataclass(frozen=True)
class Live:
    """What boards show of a machine now."""

    machine: int
    as_of_us: int
    settled_us: int
    state: int
    cause: int
    rule: int
    since_us: int
    program: int
    shift: int
    spindle_turning: bool
    spindle_speed: float


@dataclass(frozen=True)
class Frontier:
    """How far one source has spoken for one machine. -1 for never; `gap_from_us` -1 when no gap is open."""

    machine: int
    source_id: int
    last_event_us: int
    last_heartbeat_us: int
    last_life_us: int
    gap_from_us: int
    heard_us: int = -1
    """When the last proof of life arrived, by the collector's clock."""


@dataclass(frozen=True)
class Snapshot:
    """A machine's state after all samples before the full hour `hour_us`."""

    machine: int
    hour_us: int
    code_version: str
    state: bytes


@dataclass(frozen=True)
class GapRow:
    """A gap record as it is stored: an input of every later fold. `to_us` OPEN_END while it lasts."""

    machine: int
    source_id: int
    from_us: int
    to_us: int
    cause: int
    recovered: bool


@dataclass(frozen=True)
class Repair:
    """A stretch of one machine's past, folded again: its rows replace everything in it.

    Facts of minutes in [from_us, until_us); intervals and program intervals that begin in their own [from, until);
    counter events and count gaps booked in [from_us, until_us); snapshots after `from_us` and before `until_us`.
    With `to_present` all later ones of these, too, where the live tail goes on.
    """

    machine: int
    from_us: int
    until_us: int
    to_present: bool
    facts: NDArray[np.void]
    intervals: NDArray[np.void]
    intervals_from: int
    intervals_until: int
    programs: NDArray[np.void]
    programs_from: int
    programs_until: int
    credits: NDArray[np.void]
    snapshots: Sequence[Snapshot]
    counter_events: NDArray[np.void] = field(default_factory=lambda: np.empty(0, COUNTER_EVENT))
    count_gaps: NDArray[np.void] = field(default_factory=lambda: np.empty(0, COUNT_GAP))


@dataclass(frozen=True)
class Late:
    """A stretch of the past that is to be folded again: a `recompute_request`."""

    machine: int
    from_us: int
    to_us: int
    cause: str


@dataclass(frozen=True)
class ShiftRow:
    """One shift instance, for the dimension table."""

    id: int
    site: int
    name: str
    production_day: str
    start_us: int
    end_us: int


@dataclass(frozen=True)
class Changes:
    """Everything one transaction writes.

    `facts` replaces, for each machine in `facts_from`, all rows from that minute on; `intervals` and
    `program_intervals` replace all rows of the machines in `intervals_from` / `program_intervals_from` that begin at or
    after that instant. UNKNOWN intervals are the `data_gap` rows of scope `state`.
    `closed_until_us`: minutes of a machine before this are closed, later ones open.
    """

    spools: Sequence[str]
    cursors: Mapping[str, int]
    tick_us: int
    raw: RawRows
    facts: NDArray[np.void]
    facts_from: Mapping[int, int]
    closed_until_us: Mapping[int, int]
    intervals: NDArray[np.void]
    intervals_from: Mapping[int, int]
    program_intervals: NDArray[np.void]
    program_intervals_from: Mapping[int, int]
    gap_credits: NDArray[np.void]
    live: Sequence[Live] = ()
    frontiers: Sequence[Frontier] = ()
    snapshots: Sequence[Snapshot] = ()
    late: Sequence[Late] = ()
    quarantine: Sequence[tuple[str, int, str, int, Quarantine]] = ()
    """(spool id, record, source name, received_us, item)"""
    programs: Mapping[int, str] = field(default_factory=dict)
    """Part programs by id that are not in the plant file but were seen."""
    orders: Mapping[int, str] = field(default_factory=dict)
    """Job orders by id that were seen for the first time in this run."""
    counter_events: NDArray[np.void] = field(default_factory=lambda: np.empty(0, COUNTER_EVENT))
    count_gaps: NDArray[np.void] = field(default_factory=lambda: np.empty(0, COUNT_GAP))
    count_gaps_from: Mapping[int, int] = field(default_factory=dict)
    """`count_gaps` replaces all of these machines that last, or were booked at or after that instant."""
    shifts: Sequence[ShiftRow] = ()
    gap_rows: Sequence[GapRow] = ()
    """All gap records of the machines and sources in `gap_rows_from` that begin at or after that instant."""
    gap_rows_from: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """By position of the machine and id of the source. Records of sources that it has no more go with the first."""
    entries: Sequence[tuple[str, int, Entry]] = ()
    """(spool id, record, what a person told)"""
    repairs: Sequence[Repair] = ()
    repaired: tuple[Sequence[int], int] = ((), 0)
    """Machines whose recompute requests up to that number are done with the repairs."""

    @classmethod
    def of_past(cls, repairs: Sequence[Repair]) -> Changes:
        """Nothing but stretches of the past."""
        none = np.empty(0, "i8")
        raw = RawRows(SampleBatch.empty(), none, none.astype("i4"), none, none.astype("i4"))
        kinds = (FACT, INTERVAL, PROGRAM_INTERVAL, GAP_CREDIT)
        facts, intervals, programs, credits = (np.empty(0, kind) for kind in kinds)
        return cls((), {}, -1, raw, facts, {}, {}, intervals, {}, programs, {}, credits, repairs=repairs)
