"""What should be done by now: targets follow the calendar, not the clock on the wall.

Invariant: a target grows only in planned busy time, so it stands still in breaks and reaches itself at the last planned
minute.
"""

from __future__ import annotations

import numpy as np

from core.plant.calendar import Segments
from core.vocabulary import Situation


def busy_us(calendar: Segments, from_us: int, to_us: int) -> int:
    """Planned busy time in [from_us, to_us) [µs]; the calendar's first segment begins at or before `from_us`."""
    starts = np.clip(calendar.start_us, from_us, to_us)
    lengths = np.diff(np.append(starts, to_us))
    return int(lengths[calendar.situation == Situation.BUSY].sum())


def target_by(target: int, calendar: Segments, from_us: int, to_us: int, as_of_us: int) -> float:
    """The part of a window's target that is due at `as_of_us`, in the target's unit; 0 without planned time."""
    planned = busy_us(calendar, from_us, to_us)
    return target * busy_us(calendar, from_us, min(as_of_us, to_us)) / planned if planned else 0.0
