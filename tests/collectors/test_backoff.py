"""Pauses between attempts: doubling, bounded, shaken."""

from __future__ import annotations

import random

from collectors.backoff import Backoff


def test_pauses_double_up_to_the_most_and_are_shortened_by_at_most_a_half() -> None:
    backoff = Backoff(first_s=1, most_s=60, rng=random.Random(7))
    full = [1, 2, 4, 8, 16, 32, 60, 60]
    for pause_s, whole_s in zip((backoff.next() for _ in full), full, strict=True):
        assert whole_s / 2 <= pause_s <= whole_s


def test_after_a_reset_the_first_pause_is_short_again() -> None:
    backoff = Backoff(rng=random.Random(7))
    for _ in range(10):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1


def test_the_same_seed_gives_the_same_pauses() -> None:
    one, other = (Backoff(rng=random.Random(3)) for _ in range(2))
    assert [one.next() for _ in range(5)] == [other.next() for _ in range(5)]
