"""How long to wait before the next attempt: doubling pauses with jitter. Pure; nobody sleeps here.

Invariant: every pause lies in [first_s / 2, most_s]; the jitter keeps many collectors from knocking together.
"""

from __future__ import annotations

import random


class Backoff:
    """Pauses that double from `first_s` to `most_s` seconds, each shortened by up to a half at random."""

    def __init__(self, first_s: float = 1.0, most_s: float = 60.0, rng: random.Random | None = None) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._rng = rng or random.Random()
        self._next_s = first_s

    def next(self) -> float:
        """The pause before the next attempt, in real seconds."""
        pause_s = self._next_s
        self._next_s = min(pause_s * 2, self._most_s)
        return pause_s * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin again with the shortest pause; called when an attempt has proven itself."""
        self._next_s = self._first_s
