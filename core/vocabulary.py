"""The words of Stanok as fixed integer codes: states, causes, time classes, signals. Words without behaviour.

Codes are written to the spool and to the database: never renumber, only append.
Signal names, units and words: see docs/en/signals.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache


class Quality(IntEnum):
    """How far a value can be believed."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2
    STALE = 3


class Flag(IntFlag):
    """Facts about one sample. The two lowest bits hold the `ClockChoice`."""

    CLOCK_MASK = 0b11
    INITIAL = 1 << 2
    GAP_BEFORE = 1 << 3
    OVERFLOW = 1 << 4
    HISTORICAL = 1 << 5
    DUPLICATE_SUSPECT = 1 << 6
    CLOCK_SUSPECT = 1 << 7
    FORCED = 1 << 8
    RESET = 1 << 9
    RETAINED = 1 << 10
    IN_DOUBT = 1 << 11
    """Came while its source did not know yet what had been missed before: no proof of life."""


class ClockChoice(IntEnum):
    """Which clock `event_us` came from."""

    SOURCE = 0
    SERVER = 1
    ARRIVAL = 2


class State(IntEnum):
    """What a machine does. UNKNOWN means no trusted data and nothing else."""

    UNKNOWN = 0
    PRODUCING = 1
    IDLE = 2
    SETUP = 3
    PLANNED_STOP = 4
    UNPLANNED_STOP = 5


class Cause(IntEnum):
    """Why a machine is in its state. 1 to 9 come from gap records, the others from samples.

    From 80 on: why it is not known how many parts were made, in gaps of scope `count` only.
    """

    NONE = 0
    SILENT = 1
    DISCONNECTED = 2
    RESTART = 3
    NO_DATA_YET = 4
    SESSION_LOST = 5
    OFFLINE = 10
    BAD_DATA = 11
    NOT_AVAILABLE = 12
    NO_STATE_INPUT = 13
    ESTOP = 20
    OUT_OF_SERVICE = 21
    ALARM = 22
    MAINTENANCE = 23
    REPAIR = 24
    SETUP = 30
    MANUAL = 31
    WARM_UP = 32
    DRY_RUN = 33
    INTERRUPTED = 40
    FEED_HOLD = 41
    OPTIONAL_STOP = 42
    WAIT_LOAD = 43
    WAIT_UNLOAD = 44
    WAIT_TOOL = 45
    WAIT_MATERIAL = 46
    WAIT_OPERATOR = 47
    WAIT_SERVICE = 48
    WAIT_OTHER = 49
    OVERRIDE_ZERO = 50
    READY = 60
    PROGRAM_END = 61
    STOPPED = 62
    STANDING = 63
    MODE_UNCLEAR = 70
    UNMAPPED = 71
    COUNTER_RESET = 80
    COUNTER_SET = 81
    COUNTER_CORRECTED = 82
    COUNTER_OVER = 83
    COUNTER_JUMPED = 84
    JOB_CHANGED = 85
    PROGRAM_CHANGED = 86


class Situation(IntEnum):
    """What the calendar and the orders say of a moment. Rows of the table state x situation -> time class."""

    BUSY = 0
    BUSY_NO_ORDER = 1
    PLANNED_DOWN = 2
    OUTSIDE = 3


class TimeClass(IntEnum):
    """The stored time classes, one column of `fact_minute` each, in the order of the columns."""

    APT = 0
    APT_NO_ORDER = 1
    AUST = 2
    ADET_IDLE = 3
    ADET_STOP = 4
    ADOT_IDLE = 5
    ADOT_SETUP = 6
    ADOT_STOP = 7
    PLANNED_STATE = 8
    PLANNED_CALENDAR = 9
    PLANNED_FAILURE = 10
    UNKNOWN = 11
    APT_OUT = 12
    AUST_OUT = 13
    UNKNOWN_OUT = 14


class Execution(IntEnum):
    """`ctrl.execution`"""

    ACTIVE = 0
    INTERRUPTED = 1
    FEED_HOLD = 2
    OPTIONAL_STOP = 3
    WAIT = 4
    READY = 5
    COMPLETED = 6
    STOPPED = 7
    OTHER = 8


class Mode(IntEnum):
    """`ctrl.mode`: the control's mode switch."""

    AUTOMATIC = 0
    MDI = 1
    MANUAL = 2
    HANDLE = 3
    REFERENCE = 4
    TEACH = 5
    EDIT = 6
    REMOTE = 7
    OTHER = 8


class OpMode(IntEnum):
    """`ctrl.op_mode`: what the machine is being used for."""

    NONE = 0
    PRODUCTION = 1
    SETUP = 2
    MAINTENANCE = 3
    OTHER = 4


class ItemState(IntEnum):
    """`ctrl.item_state` after OPC 40001-1."""

    NOT_AVAILABLE = 0
    OUT_OF_SERVICE = 1
    NOT_EXECUTING = 2
    EXECUTING = 3
    OTHER = 4


class WaitFor(IntEnum):
    """`ctrl.wait_for`"""

    NOTHING = 0
    LOAD = 1
    UNLOAD = 2
    TOOL = 3
    MATERIAL = 4
    OPERATOR = 5
    SERVICE = 6
    OTHER = 7


class JobState(IntEnum):
    """`job.state`: of the job on the machine."""

    WAITING = 0
    RUNNING = 1
    INTERRUPTED = 2
    ENDED = 3
    ABORTED = 4
    OTHER = 5


class Light(IntEnum):
    """`light.*`: one lamp of a stack light."""

    OFF = 0
    ON = 1
    BLINK = 2
    OTHER = 3


class AlarmClass(IntEnum):
    """What an alarm stands for: `raw` of an `alarm.edge` sample, -1 if the source does not say."""

    STOP = 0
    WARNING = 1
    INFO = 2
    OPERATOR = 3
    TOOL = 4
    MATERIAL = 5
    MEASURING = 6
    UTILITY = 7
    MAINTENANCE = 8


class CounterEvent(IntEnum):
    """What a part counter did other than count on: `what` of a row of `counter_event`."""

    ROLLOVER = 0
    CORRECTION = 1
    RESET = 2
    PRESET = 3
    DROPPED = 4
    CONFIRMED = 5


class Role(IntEnum):
    """What the fold does with a signal; never stored.

    0 to `WORDS` - 1 index the state inputs (`words`) of a machine's state, from `FIRST_GAUGE` on come values that last,
    from `FIRST_POINT` on what happens at an instant. OVERRIDE_ZERO and ALARM_STOP follow from other signals; REPAIR,
    SCRAP_ENTRY, GAP_OPEN and GAP_CLOSE are no signals but what the engine tells its fold.
    """

    EXECUTION = 0
    MODE = 1
    OP_MODE = 2
    ITEM_STATE = 3
    WAIT_FOR = 4
    ONLINE = 5
    ESTOP = 6
    FEED_HOLD = 7
    DRY_RUN = 8
    SINGLE_BLOCK = 9
    WARM_UP = 10
    OVERRIDE_ZERO = 11
    ALARM_STOP = 12
    REPAIR = 13
    LIGHT_RED = 14
    LIGHT_YELLOW = 15
    LIGHT_GREEN = 16
    LIGHT_BLUE = 17
    SPINDLE_ROTATING = 20
    SPINDLE_SPEED = 21
    SPINDLE_LOAD = 22
    SPINDLE_OVERRIDE = 23
    FEED_RATE = 24
    FEED_OVERRIDE = 25
    RAPID = 26
    RAPID_OVERRIDE = 27
    POWER = 28
    PART_TOTAL = 40
    PART_GOOD = 41
    PART_SCRAP = 42
    ENERGY = 43
    RUNS_DONE = 44
    PROGRAM = 45
    JOB_ORDER = 46
    JOB_ID = 47
    JOB_STATE = 48
    ALARM = 49
    GAP_OPEN = 50
    GAP_CLOSE = 51
    SCRAP_ENTRY = 52
    STORED = 63


WORDS = 20
"""Width of the state input row; roles below it are state inputs."""
FIRST_GAUGE = int(Role.SPINDLE_ROTATING)
FIRST_POINT = int(Role.PART_TOTAL)


class Store(IntEnum):
    """Which raw table keeps a signal: events are few and kept long, gauges are many and kept short."""

    EVENT = 0
    GAUGE = 1


@dataclass(frozen=True)
class Meaning:
    """What a signal name stands for.

    `channel` is the spindle, axis or channel number of the name (1 where the name has none);
    `words` lists the canonical words of an enumeration, their index is the code; `unit` as in docs/en/signals.md.
    """

    role: Role
    store: Store
    kind: str
    """One of bool, word, float, counter, text."""
    unit: str
    channel: int = 1
    words: type[IntEnum] | None = None


_PATTERNS: tuple[tuple[str, Role, Store, str, str, type[IntEnum] | None], ...] = (
    (r"conn\.online", Role.ONLINE, Store.EVENT, "bool", "", None),
    (r"ctrl\.execution", Role.EXECUTION, Store.EVENT, "word", "", Execution),
    (r"ctrl\.mode", Role.MODE, Store.EVENT, "word", "", Mode),
    (r"ctrl\.op_mode", Role.OP_MODE, Store.EVENT, "word", "", OpMode),
    (r"ctrl\.item_state", Role.ITEM_STATE, Store.EVENT, "word", "", ItemState),
    (r"ctrl\.estop", Role.ESTOP, Store.EVENT, "bool", "", None),
    (r"ctrl\.feed_hold", Role.FEED_HOLD, Store.EVENT, "bool", "", None),
    (r"ctrl\.dry_run", Role.DRY_RUN, Store.EVENT, "bool", "", None),
    (r"ctrl\.single_block", Role.SINGLE_BLOCK, Store.EVENT, "bool", "", None),
    (r"ctrl\.optional_stop", Role.STORED, Store.EVENT, "bool", "", None),
    (r"ctrl\.warm_up", Role.WARM_UP, Store.EVENT, "bool", "", None),
    (r"ctrl\.door_open", Role.STORED, Store.EVENT, "bool", "", None),
    (r"ctrl\.wait_for", Role.WAIT_FOR, Store.EVENT, "word", "", WaitFor),
    (r"prog\.name", Role.PROGRAM, Store.EVENT, "text", "", None),
    (r"prog\.(sub|line|block)", Role.STORED, Store.EVENT, "text", "", None),
    (r"job\.id", Role.JOB_ID, Store.EVENT, "text", "", None),
    (r"job\.order", Role.JOB_ORDER, Store.EVENT, "text", "", None),
    (r"job\.state", Role.JOB_STATE, Store.EVENT, "word", "", JobState),
    (r"job\.runs_planned", Role.STORED, Store.EVENT, "counter", "1", None),
    (r"job\.runs_done", Role.RUNS_DONE, Store.EVENT, "counter", "1", None),
    (r"part\.total", Role.PART_TOTAL, Store.EVENT, "counter", "1", None),
    (r"part\.good", Role.PART_GOOD, Store.EVENT, "counter", "1", None),
    (r"part\.scrap", Role.PART_SCRAP, Store.EVENT, "counter", "1", None),
    (r"part\.target", Role.STORED, Store.EVENT, "counter", "1", None),
    (r"spindle\.(\d+)\.rotating", Role.SPINDLE_ROTATING, Store.EVENT, "bool", "", None),
    (r"spindle\.(\d+)\.speed", Role.SPINDLE_SPEED, Store.GAUGE, "float", "min⁻¹", None),
    (r"spindle\.(\d+)\.speed_cmd", Role.STORED, Store.GAUGE, "float", "min⁻¹", None),
    (r"spindle\.(\d+)\.load", Role.SPINDLE_LOAD, Store.GAUGE, "float", "%", None),
    (r"spindle\.(\d+)\.override", Role.SPINDLE_OVERRIDE, Store.GAUGE, "float", "%", None),
    (r"spindle\.(\d+)\.power", Role.STORED, Store.GAUGE, "float", "W", None),
    (r"spindle\.(\d+)\.torque", Role.STORED, Store.GAUGE, "float", "N·m", None),
    (r"spindle\.(\d+)\.temp", Role.STORED, Store.GAUGE, "float", "°C", None),
    (r"feed\.(\d+)\.rate", Role.FEED_RATE, Store.GAUGE, "float", "mm/min", None),
    (r"feed\.(\d+)\.rate_cmd", Role.STORED, Store.GAUGE, "float", "mm/min", None),
    (r"feed\.(\d+)\.override", Role.FEED_OVERRIDE, Store.GAUGE, "float", "%", None),
    (r"feed\.(\d+)\.rapid", Role.RAPID, Store.EVENT, "bool", "", None),
    (r"feed\.(\d+)\.rapid_override", Role.RAPID_OVERRIDE, Store.GAUGE, "float", "%", None),
    (r"axis\.[A-Z]\d?\.(?:load|pos)", Role.STORED, Store.GAUGE, "float", "", None),
    (r"tool\.id", Role.STORED, Store.EVENT, "text", "", None),
    (r"power\.active", Role.POWER, Store.GAUGE, "float", "W", None),
    (r"power\.(?:current\.l[123]|voltage|factor)", Role.STORED, Store.GAUGE, "float", "", None),
    (r"energy\.import", Role.ENERGY, Store.GAUGE, "counter", "Wh", None),
    (r"time\.(?:power_on|operating|cutting|cycle)", Role.STORED, Store.GAUGE, "counter", "s", None),
    (r"alarm\.count", Role.STORED, Store.EVENT, "counter", "1", None),
    (r"alarm\.edge", Role.ALARM, Store.EVENT, "text", "", None),
    (r"light\.red", Role.LIGHT_RED, Store.EVENT, "word", "", Light),
    (r"light\.yellow", Role.LIGHT_YELLOW, Store.EVENT, "word", "", Light),
    (r"light\.green", Role.LIGHT_GREEN, Store.EVENT, "word", "", Light),
    (r"light\.blue", Role.LIGHT_BLUE, Store.EVENT, "word", "", Light),
    (r"light\.white", Role.STORED, Store.EVENT, "word", "", Light),
)


@cache
def meaning(signal: str) -> Meaning | None:
    """What a signal name stands for, or None for a name that is not in the vocabulary."""
    for pattern, role, store, kind, unit, words in _PATTERNS:
        found = re.fullmatch(pattern, signal)
        if found:
            channel = int(found[1]) if found.groups() and found[1].isdigit() else 1
            return Meaning(role, store, kind, unit, channel, words) if 1 <= channel <= 31 else None
    return None


@cache
def signal_names() -> tuple[str, ...]:
    """Every signal name, numbered ones as number 1 and axes as X: what a misspelt name is compared with."""
    names: list[str] = []
    for pattern, *_ in _PATTERNS:
        plain = pattern.replace(r"(\d+)", "1").replace(r"[A-Z]\d?", "X").replace("[123]", "1").replace("\\.", ".")
        before, _, choice = plain.replace("(?:", "(").partition("(")
        choices, _, after = choice.partition(")")
        names += [before + word + after for word in choices.split("|")]
    return tuple(names)


def word_code(words: type[IntEnum], text: str) -> int | None:
    """The code of a canonical word such as `feed_hold`, or None if it is not one."""
    member = words.__members__.get(text.strip().upper())
    return None if member is None else int(member)


SIGNAL_RANK = {
    Role.GAP_CLOSE: 0,
    Role.RUNS_DONE: 5,
    Role.PART_TOTAL: 10,
    Role.PART_GOOD: 11,
    Role.PART_SCRAP: 12,
    Role.SCRAP_ENTRY: 13,
    Role.PROGRAM: 30,
    Role.JOB_ORDER: 31,
    Role.JOB_ID: 31,
    Role.JOB_STATE: 31,
    Role.GAP_OPEN: 100,
}
"""Order of samples of one machine at the same microsecond (canonical order, docs/en/truth.md).

Parts come before program and job, because a part finished at the instant of a change was made by the old one; the
number of the run comes before them, because it announces that a counter of the run starts over.
A gap closes before and opens after the samples of its microsecond. Everything else has `OTHER_RANK`.
"""
OTHER_RANK = 20
