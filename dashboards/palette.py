"""Colours, units and thresholds: the same meaning has the same look on every board, in every report.

Colours are Okabe and Ito's set (Color Universal Design, 2008), which people with any common colour blindness tell
apart, and a grey that stays apart from them (tests/dashboards/test_palette.py measures it). A state is always written
out as well, so colour is never the only carrier.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.vocabulary import State

GOOD = "#009E73"
WATCH = "#F0E442"
BAD = "#D55E00"
NO_DATA = "#BBBBBB"

STATE_COLOURS: Mapping[State, str] = {
    State.UNKNOWN: NO_DATA,
    State.PRODUCING: GOOD,
    State.IDLE: WATCH,
    State.SETUP: "#0072B2",
    State.PLANNED_STOP: "#56B4E9",
    State.UNPLANNED_STOP: BAD,
}
"""Grey belongs to missing data alone: silence is not downtime."""

Words = Mapping[str, tuple[str, str | None]]
"""Value in a view -> (words for a person, colour)."""

LINE, SECOND, THIRD, FOURTH, FIFTH, PALE = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
"""The same set for figures that are no states, in the order in which a chart takes them."""

Steps = tuple[tuple[float | None, str], ...]
"""Lower limits with the colour from there on; the first has no limit."""

OEE_STEPS: Steps = ((None, BAD), (0.65, WATCH), (0.85, GOOD))
"""65 % and 85 % are the customary marks of OEE boards; no machine is judged by them in Stanok itself."""

COVERAGE_STEPS: Steps = ((None, BAD), (0.80, WATCH), (0.95, GOOD))
"""Publish from 95 %, publish flagged from 80 %, below do not publish (docs/en/truth.md)."""

LAG_STEPS: Steps = ((None, GOOD), (10.0, WATCH), (60.0, BAD))
"""[s] A dead source must be seen within 10 s (promise G4); after a minute nobody should call a board live."""

ANY_STEPS: Steps = ((None, GOOD), (1.0, WATCH))
"""Counts of trouble: none is fine, one deserves a look."""

SKEW_STEPS: Steps = ((None, WATCH), (-2.0, GOOD), (2.0, WATCH), (60.0, BAD))
"""[s] From 2 s on an offset is shown, from 60 s on the source's clock is not believed (docs/en/truth.md)."""

LEFT_STEPS: Steps = ((None, BAD), (6.0, WATCH), (24.0, GOOD))
"""[h] Until a spool is full: a working day to react is fine, a quarter of one is not."""

RATIO = "percentunit"
SECONDS = "s"
MINUTES = "m"
HOURS = "h"
COUNT = "locale"  # thousands apart; "short" would write 1.46 K
PLAIN = "none"
TEXT = "string"
SPEED = "rotrpm"
PERCENT = "percent"
WATT = "watt"
ENERGY = "kwatth"
BYTES = "decbytes"
"""Grafana's names of units."""
