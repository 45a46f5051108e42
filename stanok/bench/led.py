"""A clock that is led: scenario time stands until whoever plays a scenario moves it on, as far as it has been heard.

Invariants: it never runs backwards; every process and thread that reads it sees an instant up to which everything that
happened has been handed to the protocols. Real instants (a server's own time stamps) become what it showed then.
"""

from __future__ import annotations

from bisect import bisect_right

from stanok.clock import real_now_us

_KEPT = 50_000
"""Moves that are remembered: a minute of them at a thousand a second."""


class LedClock:
    """A `core.ports.Clock` that moves by `move` alone, one scenario second a real one as limits go."""

    def __init__(self, at_us: int) -> None:
        self._real = [real_now_us()]
        self._shown = [at_us]

    def move(self, to_us: int) -> None:
        """Show `to_us` from now on; an instant that is over changes nothing."""
        if to_us <= self._shown[-1]:
            return
        self._real.append(real_now_us())
        self._shown.append(to_us)
        if len(self._real) > 2 * _KEPT:
            del self._real[:_KEPT], self._shown[:_KEPT]

    def now_us(self) -> int:
        return self._shown[-1]

    def from_real_us(self, real_us: int) -> int:
        """What it showed at an instant of the wall clock; the first that it remembers before that."""
        return self._shown[max(0, bisect_right(self._real, real_us) - 1)]

    def scale(self) -> float:
        return 1.0

    def running(self) -> bool:
        return True
