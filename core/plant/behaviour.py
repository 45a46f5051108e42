"""What a plant file says of a machine's own ways: counters, loads, lamps. Declared, never guessed from data."""

from __future__ import annotations

from dataclasses import dataclass

from core.plant.reader import Reader, shown

COUNTERS = ("life", "job", "run")
"""How long a part counter counts on: for ever, for one job, for one run of the program."""

IDLE_LEVELS = 4
"""Speeds at which the load of a spindle turning in air can be taught."""

_GREATEST_WIDTH = 2.0**53
_GREATEST_SPEED = 1e6
_GREATEST_POWER_W = 1e8


@dataclass(frozen=True)
class Behaviour:
    """Ways of one machine; every field has a default that changes nothing.

    `counter`: one of COUNTERS. `counter_width`: number of values a part counter has (65 536, 10 000), 0 not known.
    `idle_load`: (speed up to [min⁻¹], load in air [%]) by rising speed; without it cutting is not told from air.
    `off_below_w`: power at or below which the control is off [W], 0 not known. `red_light_stops`: a red lamp is a
    stop although the control says more.
    """

    counter: str = "life"
    counter_width: int = 0
    idle_load: tuple[tuple[float, float], ...] = ()
    off_below_w: float = 0.0
    red_light_stops: bool = False


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
    )
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
