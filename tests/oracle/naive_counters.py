"""The slow, obvious definition of what a part counter's readings mean. Plain Python, no code shared with core.

Written from signals.md §5.12 and docs/en/truth.md, in their order. A doubt is a stretch in which nobody can say how
many parts were made, or of which program: (cause, from, to or None while it lasts, parts booked, their credit, the
least credit, the greatest or None if only time limits it, the greatest standard time of a part, when it was booked).
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


def conceivable(elapsed: int, rate: Fraction, standard: int | None) -> int:
    """Ten times that, for a standard time may be ten times too long; without one ten parts a second."""
    return 10 * most(elapsed, rate, standard) if standard else min(elapsed, LONG) // TENTH + SMALL


class Counter:
    """One counter: what it read last, and what its next reading will mean."""

    def __init__(self, kind: str, width: int, begin: int) -> None:
        self.kind, self.width, self.begin = kind, width, begin
        self.last = self.jump = self.held = None  # (reading, instant)
        self.after_gap = self.fresh = self.announced = self.missed = False
        self.bad_at = None  # the first reading that could not be trusted since the last that counted
        self.standards = {0}  # of the programs selected since then

    def select(self, before: int, standard: int, now: int) -> None:
        """A program, whose parts may be read next, too; the one before had no time if the last reading was just now."""
        if self.last and self.last[1] == now and not self.jump:
            self.standards = {standard}
        else:
            self.standards |= {before, standard}

    def new_job(self, now: int) -> None:
        if self.kind == "job" and not (self.last and self.last[1] >= now):
            self.fresh = True

    def new_run(self) -> None:
        if self.kind == "run":
            self.announced = True

    def bad(self, now: int) -> None:
        self.missed = True
        self.bad_at = now if self.bad_at is None else self.bad_at

    def repeated(self, reading: int, now: int) -> bool:
        self.missed = False
        if (reading, now) not in (self.last, self.jump):
            return False
        self.bad_at = None if self.bad_at == now else self.bad_at
        return True

    def in_gap(self, reading: int, now: int, reset: bool) -> None:
        if not self.repeated(reading, now):
            self.announced = self.announced or reset
            self.held = reading

    def end_gap(self, now: int, rate: Fraction, standard: int | None):
        if self.held is None:
            return None
        reading, self.held = self.held, None
        return self._read(reading, now, rate, standard)

    def read(self, reading: int, now: int, reset: bool, rate: Fraction, standard: int | None):
        """(parts, whether they span a gap, events, doubts) of one reading."""
        if self.repeated(reading, now):
            return 0, False, [], []
        self.announced = self.announced or reset
        return self._read(reading, now, rate, standard)

    def doubt(self, now: int):
        """What is in doubt at the end of all that is known, or None."""
        since = self.last[1] if self.last else self.begin
        if not self.last:
            cause = "no_data_yet"
        elif self.jump:
            cause = "counter_jumped"
        elif self.fresh:
            cause = "job_changed"
        elif self.bad_at is not None and self.bad_at < now:
            cause = "bad_data"
        else:
            return None
        return (cause, since, None, 0, 0, 0, None, max(self.standards), None) if since < now else None

    def _read(self, reading, now, rate, standard):
        events, doubts = [], []
        each = standard or 0
        spans, parts, what = self.after_gap, 0, None
        self.standards.add(each)
        if self.last is None:
            self._doubt(doubts, "no_data_yet", self.begin, now, 0, each, 0, None, now)
        elif self.fresh:
            self._doubt(doubts, "job_changed", self.last[1], now, 0, each, 0, None, now)
        else:
            forgotten = self.jump is not None and self.announced
            if self.jump:
                parts += self._decide_jump(reading, now, rate, each, events, doubts)
            more, what = self._difference(reading, now, rate, standard)
            if what not in (None, "held_back"):
                events.append((what, self.last[1], now, self.last[0], reading, more))
            self._doubt_of(doubts, what, reading, more, now, each, forgotten)
            parts += more
        if what == "held_back":
            self.jump = reading, now
            return parts, spans, events, doubts
        self.last, self.jump = (reading, now), None
        self.after_gap = self.fresh = self.announced = False
        self.bad_at, self.standards = None, {each}
        return parts, spans, events, doubts

    def _doubt_of(self, doubts, what, reading, more, now, each, forgotten):
        """The doubt that a difference leaves, if it leaves one."""
        distrusted = self.bad_at is not None and self.bad_at < now
        unlimited = {  # cause and least number of parts
            "reset": ("counter_reset", more),
            "preset": ("counter_set", 0),
            "correction": ("counter_corrected", 0),
            "rollover": None if self.width else ("counter_over", reading),
        }.get(what)
        if what is None and self.announced and (self.after_gap or forgotten or distrusted):
            unlimited = "counter_reset", more
        if unlimited:
            self._doubt(doubts, unlimited[0], self.last[1], now, more, each, unlimited[1], None, now)
        elif what is None and distrusted:
            self._doubt(doubts, "bad_data", self.last[1], now, more, each, more, more, now)
        elif what is None and len(self.standards) > 1 and more > (0 if self.after_gap else 1):
            self._doubt(doubts, "program_changed", self.last[1], now, more, each, more, more, now)

    def _doubt(self, doubts, cause, since, until, parts, each, least, most, now):
        if since < until:
            low, high = min(self.standards), max(self.standards)
            limit = None if most is None else most * high
            doubts.append((cause, since, until, parts, parts * each, least * low, limit, high, now))

    def _decide_jump(self, reading, now, rate, each, events, doubts):
        (jump, at), self.jump = self.jump, None
        was, since = self.last
        if reading < jump or self.announced:
            events.append(("dropped", since, now, was, jump, 0))
            return 0
        possible = jump - was <= conceivable(at - since, rate, each)
        parts = jump - was if possible else 0
        events.append(("confirmed" if possible else "preset", since, now, was, jump, parts))
        cause = "counter_jumped" if possible else "counter_set"
        self._doubt(doubts, cause, since, at, parts, each, 0, parts if possible else None, now)
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
