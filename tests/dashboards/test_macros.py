"""Macro expansion against Grafana's own documented results."""

from datetime import UTC, datetime

import pytest

from dashboards.macros import Window, expand

WINDOW = Window(datetime(2018, 4, 12, 18, 0, tzinfo=UTC), datetime(2018, 4, 12, 18, 5, 0, 500000, tzinfo=UTC))
TIMESCALE = Window(WINDOW.start, WINDOW.end, timescale=True)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("$__timeFrom()::timestamptz", "'2018-04-12T18:00:00Z'::timestamptz"),
        ("$__timeTo()", "'2018-04-12T18:05:00.5Z'"),
        ("$__timeFilter(t)", "t BETWEEN '2018-04-12T18:00:00Z' AND '2018-04-12T18:05:00.5Z'"),
        ("$__unixEpochFrom()", "1523556000"),
        ("$__timeGroup(t,'5m')", "floor(extract(epoch from t)/300)*300"),
        ("$__interval, $__interval_ms", "1s, 1000"),
        ("$__timeEpoch(t)", 'extract(epoch from t) as "time"'),
        ("$__unixEpochFilter(t)", "t >= 1523556000 AND t <= 1523556300"),
        ("$__unixEpochNanoFrom()", "1523556000000000000"),
        ("$__unixEpochGroup(t,'5m')", "floor((t)/300)*300"),
        ("${__from}", "1523556000000"),
        ("$__timeFilter(date_trunc('day', t))", None),
        ("SELECT 1 -- $__nonsense(x)", "SELECT 1 "),
        ("SELECT 'no -- comment', 'it''s'", "SELECT 'no -- comment', 'it''s'"),
    ],
)
def test_macros_expand_as_grafana_does(sql: str, expected: str | None) -> None:
    if expected is None:
        assert expand(sql, WINDOW).startswith("date_trunc('day' BETWEEN")
    else:
        assert expand(sql, WINDOW) == expected


def test_time_groups_become_buckets_on_timescaledb() -> None:
    assert expand("$__timeGroupAlias(t, 5m)", TIMESCALE) == "time_bucket('300.000s',t) AS \"time\""


def test_the_interval_of_a_long_window_is_one_that_people_use() -> None:
    week = Window(WINDOW.start, datetime(2018, 4, 19, 18, tzinfo=UTC))
    assert expand("$__interval", week) == "15m"
    assert expand("$__interval", Window(week.start, week.end, points=100)) == "2h"


def test_site_names_are_quoted_for_sql() -> None:
    assert expand("ARRAY[${site:sqlstring}]", WINDOW, {"site": ["a", "o'b"]}) == "ARRAY['a','o''b']"


def test_unknown_macros_and_bare_variables_are_refused() -> None:
    for text in ("$__timeSomething(t)", "${site}", "${nobody:sqlstring}", "$__timeGroup(t)"):
        with pytest.raises(KeyError):
            expand(text, WINDOW, {"site": ["a"]})
