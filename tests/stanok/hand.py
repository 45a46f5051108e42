"""A clock that a test sets by hand."""

from __future__ import annotations


class HandClock:
    """Scenario time as it was set last; it runs, and at the pace of real time."""

    def __init__(self, now_us: int) -> None:
        self.now = now_us

    def now_us(self) -> int:
        return self.now

    def from_real_us(self, real_us: int) -> int:
        return real_us

    def scale(self) -> float:
        return 1.0

    def running(self) -> bool:
        return True

    def catching_up(self) -> bool:
        return False
