"""Small bundles made by hand, signed with a key of their own, for tests of whoever reads them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.facts.schema import REPORTED
from core.units import HOUR_US
from storage.bundle import FIRST, Bundle, Machine, Made, Result, Standard, new_key, signed

KEY, PEM = new_key()
NOW = datetime(2026, 4, 1, tzinfo=UTC)
DAY = date(2026, 3, 23)
MACHINE = "minsk/lathe-1"


def sums(**found: int) -> list[int]:
    """Sums in the order of the columns; what is not named is 0."""
    return [found.get(name, 0) for name in REPORTED]


def result(day: date = DAY, shift: str = "1", machine: str = MACHINE, **found: Any) -> Result:
    """A shift of eight hours from 06:00, in which a part was made in four hours."""
    start = datetime(day.year, day.month, day.day, 6, tzinfo=UTC) if shift else None
    settings: dict[str, Any] = {
        "machine": machine,
        "day": day,
        "shift": shift,
        "start": start,
        "end": start and start + timedelta(hours=8),
        "made": [Made("SHAFT", sums(apt=4 * HOUR_US, adet_idle=4 * HOUR_US, parts_total=1, parts_good=1))],
        "lost": [],
    }
    return Result(**{**settings, **found})


def bundle(results: Sequence[Result] = (), number: int = 1, previous: bytes = FIRST, **found: Any) -> Bundle:
    """A bundle of the plant minsk with these results, or one shift."""
    settings: dict[str, Any] = {
        "plant": "minsk",
        "title": "Минск",
        "zone": "Europe/Minsk",
        "number": number,
        "previous": previous.hex(),
        "made": NOW,
        "pseudonyms": False,
        "definition": "test",
        "software": "test",
        "columns": list(REPORTED),
        "machines": [Machine(MACHINE, "Токарный центр 1", "turning")],
        "standards": [Standard("SHAFT", NOW, 95_000_000, "technologist")],
        "results": list(results) or [result()],
    }
    return Bundle(**{**settings, **found})


def file(made: Bundle, key: Ed25519PrivateKey = KEY) -> bytes:
    """The signed file."""
    return signed(made, key)[0]


def digest(made: Bundle) -> bytes:
    """What the next bundle carries."""
    return signed(made, KEY)[1]
