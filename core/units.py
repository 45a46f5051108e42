"""Integer microseconds and friends. Every time in Stanok is an int64 count of UTC microseconds since 1970."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
FAR_US = 32_503_680_000_000_000
"""The year 3000: later than any instant that is believed, and one that a datetime can hold."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us_from_datetime(moment: datetime) -> int:
    """Exact UTC microseconds of an aware datetime; a naive one is refused because its zone is a guess."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; attach the zone the clock runs in")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def datetime_from_us(us: int) -> datetime:
    """The aware UTC datetime of a count of microseconds."""
    return _EPOCH + timedelta(microseconds=int(us))


def floor_minute(us: int) -> int:
    """The start of the minute that contains `us`."""
    return us - us % MINUTE_US


def ceil_minute(us: int) -> int:
    """The first minute boundary at or after `us`."""
    return -(-us // MINUTE_US) * MINUTE_US


def natural_id(*parts: str | int) -> int:
    """A positive 63-bit id of a natural key, so that two runs over the same input write the same rows.

    The parts are joined with a separator that no name may contain; 0 is never returned, it means "none".
    """
    text = "\x1f".join(str(part) for part in parts)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1
