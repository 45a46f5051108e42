"""The slow, obvious definition of what a part counter's readings mean. Plain Python, no code shared with core.

Written from signals.md §5.12 and docs/en/truth.md, in their order.
"""

from __future__ import annotations

from fractions import Fraction

SMALL = 10
TENTH = 100_000
LONG = 10**13
USUAL_WIDTHS = sorted([2**15, 2**16, 2**31, 2**32, *(10**n for n in range(4, 10))])


def most(elapsed: int, rate: Fraction, standard: int | None) -> int:
    """Three times what the greatest plausible rate makes, and what may always come at once."""
    each = Fraction(standard) / rate if standard else Fraction(TENTH)
    return int(3 * min(elapsed, LONG) / each) + SMALL


class Counter:
    """One counter: what it read last, and what its next reading will mean."""

    def __init__(self, kind: str, width: int) -> None:
        self.kind, self.width = kind, width
        self.last = self.jump = self.held = None  # (reading, instant)
        self.after_gap = self.fresh = self.announced = self.missed = False

    def new_job(self, now: int) -> None:
        if self.kind == "job" and not (self.last and self.last[1] >= now):
            self.fresh = True

    def new_run(self) -> None:
        if self.kind == "run":
            self.announced = True

    def in_gap(self, reading: int, now: int, reset: bool) -> None:
        if (reading, now) not in (self.last, self.jump):
            self.announced = self.announced or reset
            self.held = reading

    def end_gap(self, now: int, rate: Fraction, standard: int | None):
        if self.held is None:
            return None
        reading, self.held = self.held, None
        return self._read(reading, now, rate, standard)

    def read(self, reading: int, now: int, reset: bool, rate: Fraction, standard: int | None):
        """(parts, whether they span a gap, events) of one reading."""
        if (reading, now) in (self.last, self.jump):
            return 0, False, []
        self.announced = self.announced or reset
        return self._read(reading, now, rate, standard)

    def _read(self, reading, now, rate, standard):
        events = []
        spans, parts, what = self.after_gap, 0, None
        if self.last is not None and not self.fresh:
            if self.jump:
                parts += self._decide_jump(reading, now, events)
            more, what = self._difference(reading, now, rate, standard)
            if what not in (None, "held_back"):
                events.append((what, self.last[1], now, self.last[0], reading, more))
            parts += more
        if what == "held_back":
            self.jump = reading, now
            return parts, spans, events
        self.last, self.jump = (reading, now), None
        self.after_gap = self.fresh = self.announced = False
        return parts, spans, events

    def _decide_jump(self, reading, now, events):
        (jump, at), self.jump = self.jump, None
        was, since = self.last
        if reading < jump or self.announced:
            events.append(("dropped", since, now, was, jump, 0))
            return 0
        possible = jump - was <= min(at - since, LONG) // TENTH + SMALL
        parts = jump - was if possible else 0
        events.append(("confirmed" if possible else "preset", since, now, was, jump, parts))
        self.last = jump, at
        return parts

    def _difference(self, reading, now, rate, standard):
        last, since = self.last
        limit = most(now - since, rate, standard)
        if self.announced:
            return (reading, None) if reading <= limit else (0, "preset")
        if reading >= last:
            return (reading - last, None) if reading - last <= limit else (0, "held_back")
        tops = [self.width] if self.width else [w for w in USUAL_WIDTHS if 0 < w - last <= 100 and reading <= 100]
        for top in tops:
            if last < top and top - last + reading <= limit:
                return top - last + reading, "rollover"
        if last - reading <= SMALL and reading > SMALL:
            return 0, "correction"
        return (reading, "reset") if reading <= limit else (0, "preset")
