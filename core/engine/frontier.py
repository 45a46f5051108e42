"""How far sources have spoken, and machines with them. Pure arithmetic on arrays by lane (core.plant.lanes).

Invariants: a machine has come as far as the least of its sources; one in a logged gap does not count; where all are in
one, time goes on with the engine's tick.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.plant.lanes import Lanes
from core.plant.model import Source
from core.units import FAR_US, SECOND_US

NEVER = -1
_DEFAULT_SILENCE_S = 9.0
"""Three missed keep-alives of 3 s (docs/en/truth.md, Silence)."""


def silence_us(source: Source) -> int:
    """Real time without proof of life after which a source counts as silent."""
    if source.settings.get("liveness") == "interval":
        return int(3 * float(source.settings.get("max_interval_s", 3.0)) * SECOND_US)
    return int(float(source.settings.get("silence_s", _DEFAULT_SILENCE_S)) * SECOND_US)


def frontiers(
    lanes: Lanes,
    spoken_us: NDArray[np.int64],
    lateness_us: NDArray[np.int64],
    gap_from_us: NDArray[np.int64],
    tick_us: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[machines] up to where everything has been said that comes in order, and up to where all have spoken.

    By lane: `spoken_us`, before which everything has been said; `gap_from_us`, NEVER outside a gap.
    """
    settled = np.full(len(lanes.first), FAR_US)
    present, late, since = settled.copy(), np.zeros_like(settled), np.full_like(settled, NEVER)
    in_gap = gap_from_us != NEVER
    machine, live = lanes.machine, ~in_gap
    np.minimum.at(settled, machine[live], (spoken_us - lateness_us)[live])
    np.minimum.at(present, machine[live], spoken_us[live])
    np.maximum.at(late, machine, lateness_us)
    np.maximum.at(since, machine[in_gap], gap_from_us[in_gap])
    silent = settled == FAR_US
    return np.where(silent, tick_us - late, settled), np.where(silent, np.maximum(tick_us, since), present)
