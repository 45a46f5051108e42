"""What a plant file says of a machine's own ways: counters, loads, lamps. Declared, never guessed from data."""

from __future__ import annotations

from dataclasses import dataclass

from core.plant.reader import Reader, shown
from core.units import SECOND_US

COUNTERS = ("life", "job", "run")
"""How long a part counter counts on: for ever, for one job, for one run of the program."""

IDLE_LEVELS = 4
"""Speeds at which the load of a spindle turning in air can be taught."""

_GREATEST_WIDTH = 2.0**53
_GREATEST_SPEED = 1e6
_GREATEST_POWER_W = 1e8
_GREATEST_CURRENT_A = 1e5
_GREATEST_WAIT_S = 600.0
"""Time may be undecided for at most ten minutes: so far behind the present a minute can stay open."""
FEED_WAIT_S, STAND_WAIT_S = 10.0, 30.0
"""Longer than what a program does without feed, and than the longest tool change (signals.md §4)."""
POWER_MEAN_S, POWER_OFF_S = 5.0, 30.0
"""Over which time power is averaged before it says something, and after which time near the off level it is off."""
POWER_SIGNALS = ("power.active", "power.current.l1", "power.current.l2", "power.current.l3")


@dataclass(frozen=True)
class BySpindle:
    """What a machine does is told by spindle and feed: at work while a spindle turns and a feed is above 0.

    Not so for longer than `stand_wait_us`, or turning without feed for longer than `feed_wait_us`, it stands.
    """

    feed_wait_us: int
    stand_wait_us: int


@dataclass(frozen=True)
class ByPower:
    """What a machine does is told by the power or a current that it takes, `signal` of POWER_SIGNALS.

    Levels taught on the machine, in W or mA: control off, standing with its control on, cutting.
    """

    signal: str
    off: int
    standby: int
    cutting: int

    @property
    def limits(self) -> tuple[int, int, int]:
        """From where on it works, below which it works no more, below which it is off."""
        way = self.cutting - self.standby
        return self.standby + way // 4, self.standby + way * 3 // 20, (self.off + self.standby) // 2


@dataclass(frozen=True)
class Behaviour:
    """Ways of one machine; every field has a default that changes nothing.

    `counter`: one of COUNTERS. `counter_width`: number of values a part counter has (65 536, 10 000), 0 not known.
    `idle_load`: (speed up to [min⁻¹], load in air [%]) by rising speed; without it cutting is not told from air.
    `off_below_w`: power at or below which the control is off [W], 0 not known. `red_light_stops`: a red lamp is a
    stop although the control says more. `by_spindle`, `by_power`: at most one of them; who tells what the machine does
    while neither execution nor item state nor lights do.
    """

    counter: str = "life"
    counter_width: int = 0
    idle_load: tuple[tuple[float, float], ...] = ()
    off_below_w: float = 0.0
    red_light_stops: bool = False
    by_spindle: BySpindle | None = None
    by_power: ByPower | None = None

    @property
    def longest_wait_us(self) -> int:
        """How long it may take until it is decided what the machine did, 0 where nothing has to wait."""
        if self.by_spindle is not None:
            return self.by_spindle.stand_wait_us
        return round(max(POWER_MEAN_S, POWER_OFF_S) * SECOND_US) if self.by_power is not None else 0


USUAL = Behaviour()


def read_behaviour(table: Reader | None) -> Behaviour:
    """The table `machine.behaviour` of a plant file; USUAL if there is none. Complaints go to the reader."""
    if table is None:
        return USUAL
    counter = table.text("counter", "life")
    if counter not in COUNTERS:
        table.complain("counter", f"must be one of {', '.join(COUNTERS)}, not {shown(counter)}")
    red = table.text("red_light", "shown")
    if red not in ("shown", "stops"):
        table.complain("red_light", f'must be "shown" or "stops", not {shown(red)}')
    found = Behaviour(
        counter=counter,
        counter_width=int(table.number("counter_width", 2.0, _GREATEST_WIDTH, 0.0)),
        idle_load=_idle_load(table),
        off_below_w=table.number("off_below_w", 0.0, _GREATEST_POWER_W, 0.0),
        red_light_stops=red == "stops",
        by_spindle=_by_spindle(table),
        by_power=_by_power(table),
    )
    if found.by_spindle and found.by_power:
        table.complain("by_power", "stands beside by_spindle, which is nearer to the process; keep one of them")
    table.close()
    return found


def _idle_load(table: Reader) -> tuple[tuple[float, float], ...]:
    levels = []
    for level in table.tables("idle", required=False):
        levels.append((level.number("up_to", 0.0, _GREATEST_SPEED), level.number("load", 0.0, 1000.0)))
        level.close()
    if len(levels) > IDLE_LEVELS:
        table.complain("idle", f"has {len(levels)} levels; at most {IDLE_LEVELS} are kept")
    if levels != sorted(levels):
        table.complain("idle", "is not in the order of rising speeds")
    return tuple(levels[:IDLE_LEVELS])


def _by_spindle(table: Reader) -> BySpindle | None:
    found = table.table("by_spindle", required=False)
    if found is None:
        return None
    feed_s = found.number("feed_wait_s", 0.0, _GREATEST_WAIT_S, FEED_WAIT_S)
    stand_s = found.number("stand_wait_s", 0.0, _GREATEST_WAIT_S, STAND_WAIT_S)
    if feed_s > stand_s:
        found.complain("feed_wait_s", f"is {feed_s:g} s, longer than stand_wait_s with {stand_s:g} s")
    found.close()
    return BySpindle(round(feed_s * SECOND_US), round(stand_s * SECOND_US))


def _by_power(table: Reader) -> ByPower | None:
    found = table.table("by_power", required=False)
    if found is None:
        return None
    signal = found.text("signal", POWER_SIGNALS[0])
    if signal not in POWER_SIGNALS:
        found.complain("signal", f"must be one of {', '.join(POWER_SIGNALS)}, not {shown(signal)}")
    power = signal == POWER_SIGNALS[0]
    scale, most = (1, _GREATEST_POWER_W) if power else (1000, _GREATEST_CURRENT_A)
    off, standby, cutting = (
        round(scale * found.number(name, 0.0, most, default))
        for name, default in (("off", 0.0), ("standby", None), ("cutting", None))
    )
    if not off < standby < cutting:
        found.complain("standby", "must lie between off and cutting: teach the levels anew")
    found.close()
    return ByPower(signal, off, standby, cutting)
