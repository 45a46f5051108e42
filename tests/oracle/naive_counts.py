"""The slow, obvious bounds of output where counters leave something open: every story that agrees with what was read.

Plain Python, no code shared with core. Seconds are counted one by one. Written from docs/en/truth.md, Bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

POSSIBLE = {"apt", "apt_no_order", "apt_out", "aust", "adot_setup", "aust_out", "unknown", "unknown_out"}


@dataclass(frozen=True)
class Uncertain:
    """A count gap [s]: its counter changes good parts by `good` and others by `scrap`; None: it lasts, no limit."""

    good: int
    scrap: int
    start: int
    end: int | None
    credit: int
    least: int
    most: int | None
    longest: int
    booked: int | None


def made(gap: Uncertain, seconds: list[str], window: tuple[int, int], rate: Fraction) -> tuple[int, list[Fraction]]:
    """(what was booked in the window, every amount of standard time that may have been made in it)."""
    first, end = window
    here = [at for at in range(first, end) if gap.start <= at and (gap.end is None or at < gap.end)]
    possible = sum(seconds[at] in POSSIBLE for at in here)
    greatest = possible * rate + gap.longest  # one part may have been begun before
    if gap.most is not None:
        greatest = min(greatest, Fraction(gap.most))
    booked = gap.credit if gap.booked is not None and first <= gap.booked < end else 0
    whole = gap.start >= first and gap.booked is not None and gap.booked < end
    least = Fraction(gap.least if whole else 0)
    greatest = max(greatest, least, Fraction(booked))
    return booked, [least + (greatest - least) * step / 3 for step in range(4)]


def stories(
    gaps: list[Uncertain], seconds: list[str], window: tuple[int, int], rate: Fraction, good: int, scrap: int
) -> tuple[list[tuple[Fraction, Fraction]], bool]:
    """(standard time of good parts, of others) in every story, and whether a story had to be left out: nobody makes
    fewer parts than none. `good` and `scrap` were booked in the window."""
    choices = []
    for gap in gaps:
        if gap.start < window[1] and (gap.booked is None or gap.booked >= window[0]):
            booked, amounts = made(gap, seconds, window, rate)
            choices.append([(gap.good * (x - booked), gap.scrap * (x - booked)) for x in amounts])
    found = [(good + sum(g for g, _ in story), scrap + sum(s for _, s in story)) for story in product(*choices)]
    kept = [(g, s) for g, s in found if g >= 0 and s >= 0]
    return kept, len(kept) < len(found)
