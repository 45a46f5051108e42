"""Grafana's words for ends of a time window."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from core.errors import InputError
from dashboards.preview.window import moment

NOW = datetime(2026, 3, 24, 9, 40, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("now-8h", datetime(2026, 3, 24, 1, 40, 7, tzinfo=UTC)),
        ("now-1d+30m", datetime(2026, 3, 23, 10, 10, 7, tzinfo=UTC)),
        ("now/d", datetime(2026, 3, 23, 21, 0, tzinfo=UTC)),
        ("now-1d/d", datetime(2026, 3, 22, 21, 0, tzinfo=UTC)),
        ("now/m", datetime(2026, 3, 24, 9, 40, tzinfo=UTC)),
        ("1774345207500", datetime(2026, 3, 24, 9, 40, 7, 500_000, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_the_readers_zone(text: str, expected: datetime) -> None:
    assert moment(text, NOW, ZoneInfo("Europe/Minsk")) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "now-", "now-5y", "now/w", "9" * 40, "now-99999999999999d"])
def test_what_is_no_moment_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError, match="is no time like now-8h"):
        moment(text, NOW)
