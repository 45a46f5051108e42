"""Random seeds of tests: the same in every run of the suite, others on request, printed always.

A suite that draws new seeds finds errors in changes that have nothing to do with them. So each test has its own seeds,
which never change; `STANOK_TEST_SEED=random` draws new ones, `STANOK_TEST_SEED=N` repeats one.
"""

from __future__ import annotations

import os
import random
from zlib import crc32

BELOW = 10**6


def seeds(name: str, count: int = 1) -> list[int]:
    """`count` different seeds of the test `name`; just the one that STANOK_TEST_SEED gives, if it is a number."""
    asked = os.environ.get("STANOK_TEST_SEED", "")
    if asked.isdigit():
        found = [int(asked)]
    else:
        draw = random.SystemRandom() if asked == "random" else random.Random(crc32(name.encode()))
        found = draw.sample(range(BELOW), count)
    print(*(f"STANOK_TEST_SEED={seed}" for seed in found))
    return found


def seed(name: str) -> int:
    """The seed of a test that wants one."""
    return seeds(name)[0]
