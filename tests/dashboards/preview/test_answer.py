"""What a board's page is told: choices, windows, and a failure that stays in its own panel."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.errors import InputError, OutsideError
from dashboards.preview.answer import Wish, answer, wish
from dashboards.preview.drawing import Column, Result

NOW = datetime(2026, 3, 24, 12, tzinfo=UTC)
SITES = {"type": "query", "name": "site", "query": "SITES", "multi": True, "includeAll": True}
AREAS = {"type": "query", "name": "area", "query": "AREAS ${site:csv}"}


def board(*sql: str, variables: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    panels = [{"id": at, "type": "table", "options": {}, "targets": [{"rawSql": text}]} for at, text in enumerate(sql)]
    return {"time": {"from": "now-8h", "to": "now"}, "panels": panels, "templating": {"list": variables or []}}


class Database:
    """Remembers what it was asked; knows sites, areas, and how to fail."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, sql: str) -> Result:
        self.asked.append(sql)
        if sql.startswith("fail"):
            raise OutsideError("PostgreSQL does not answer this query: no")
        names = {"SITES": ["minsk", "ural"], "AREAS minsk": ["turning"]}.get(sql, ["x"])
        return Result([Column("name", "string")], [(name,) for name in names])


def told(what: dict[str, Any], wanted: Wish, ask: Database) -> dict[str, Any]:
    return answer(what, "en", wanted, NOW, ask, timescale=False)


def test_a_query_that_fails_shows_its_sentence_and_the_others_their_rows() -> None:
    found = told(board("fail", "good", "bad $__nonsense(x)", "${nobody:csv}"), Wish(), Database())["panels"]
    assert found["0"] == {"kind": "error", "sentence": "PostgreSQL does not answer this query: no"}
    assert found["1"]["kind"] == "table"
    assert found["2"]["sentence"] == "$__nonsense is no macro of Grafana's PostgreSQL data source"
    assert found["3"]["sentence"] == "${nobody} is no variable of this board"


def test_stretches_of_annotations_are_shaded_in_lines_over_time() -> None:
    ends = (datetime(2026, 3, 24, 9, tzinfo=UTC), datetime(2026, 3, 24, 10, tzinfo=UTC))

    def ask(sql: str) -> Result:
        if sql == "gaps":
            return Result([Column("time", "time"), Column("timeend", "time")], [ends])
        return Result([Column("time", "time"), Column("speed", "number")], [(ends[0], 1.0)])

    what = board("speeds", "list")
    what["panels"][0]["type"] = "timeseries"
    what["annotations"] = {"list": [{"iconColor": "#BBBBBB", "target": {"rawSql": "gaps"}}]}
    found = answer(what, "en", Wish(), NOW, ask, timescale=False)["panels"]
    (shape,) = found["0"]["layout"]["shapes"]
    assert (shape["x0"], shape["x1"], shape["fillcolor"]) == ("2026-03-24T09:00:00", "2026-03-24T10:00:00", "#BBBBBB")
    assert "layout" not in found["1"]


def test_all_is_every_value_and_a_value_that_does_not_exist_is_dropped() -> None:
    ask = Database()
    told(board("sites ${site:sqlstring}", variables=[SITES]), Wish(), ask)
    told(board("sites ${site:sqlstring}", variables=[SITES]), Wish(chosen={"site": ["ural", "o'hara"]}), ask)
    told(board("sites ${site:sqlstring}", variables=[SITES]), Wish(chosen={"site": ["o'hara"]}), ask)
    assert [sql for sql in ask.asked if sql != "SITES"] == [
        "sites 'minsk','ural'",
        "sites 'ural'",
        "sites 'minsk','ural'",
    ]


def test_a_variable_may_use_the_ones_before_it_and_takes_one_value() -> None:
    found = told(board(variables=[SITES, AREAS]), Wish(chosen={"site": ["minsk"]}), Database())["variables"]
    assert [(one["name"], one["chosen"], one["values"]) for one in found] == [
        ("site", ["minsk"], ["minsk"]),
        ("area", ["turning"], ["turning"]),
    ]


def test_custom_and_typed_variables_are_known_and_others_are_refused_by_name() -> None:
    custom = {"type": "custom", "name": "unit", "query": "hours : h,days : d", "current": {"value": "d"}}
    typed = {"type": "textbox", "name": "like", "query": ""}
    found = told(board(variables=[custom, typed]), Wish(chosen={"like": ["'; --"]}), Database())["variables"]
    assert (found[0]["options"], found[0]["values"], found[1]["values"]) == (
        [("hours", "h"), ("days", "d")],
        ["d"],
        ["'; --"],
    )
    with pytest.raises(InputError, match="variables of kind adhoc"):
        told(board(variables=[{"type": "adhoc", "name": "x"}]), Wish(), Database())


def test_the_window_is_the_boards_own_or_the_addresss_in_the_readers_zone() -> None:
    assert told(board(), Wish(), Database())["window"] == ["2026-03-24T04:00:00", "2026-03-24T12:00:00"]
    wanted = wish({"from": ["now/d"], "to": ["now"], "tz": ["Europe/Minsk"], "var-site": ["a", "b"]})
    assert told(board(), wanted, Database())["window"] == ["2026-03-24T00:00:00", "2026-03-24T15:00:00"]
    assert wanted.chosen == {"site": ["a", "b"]}
    with pytest.raises(InputError, match="ends before it begins"):
        told(board(), Wish("now", "now-1h"), Database())


@pytest.mark.parametrize("name", ["Nowhere/Nothing", "../../etc/passwd", "x" * 500, "/etc/hosts"])
def test_a_zone_that_is_none_is_utc(name: str) -> None:
    assert wish({"tz": [name]}).zone is UTC
    assert wish({"tz": ["Asia/Yekaterinburg"]}).zone == ZoneInfo("Asia/Yekaterinburg")
