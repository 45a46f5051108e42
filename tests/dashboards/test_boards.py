"""Built boards: current, complete in both languages, understood by the SDK's models, and by our own rules."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards import catalogue as catalogues
from dashboards.alerts import provisioned
from dashboards.boards import BOARDS
from dashboards.build import BUILT, built_boards, write_boards
from dashboards.catalogue import LANGUAGES, Catalogue, catalogue
from dashboards.palette import STATE_COLOURS
from dashboards.preview.form import Teller, form_page
from dashboards.preview.page import page

REPORTS = BUILT.parent / "reports"
CORE_PANELS = {"table", "stat", "bargauge", "state-timeline", "timeseries", "barchart"}
KPI = re.compile(r"\b(?:oee|availability|effectiveness|quality_ratio)\b")
"""A panel whose query has one of these must give its definition."""


@pytest.fixture(params=sorted(path.relative_to(BUILT).as_posix() for path in BUILT.glob("*/*.json")))
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BUILT / request.param).read_text(encoding="utf-8"))
    return found


def test_committed_boards_equal_a_fresh_build(tmp_path: Any) -> None:
    fresh = {path.relative_to(tmp_path): path.read_bytes() for path in write_boards(tmp_path)}
    committed = {path.relative_to(BUILT): path.read_bytes() for path in BUILT.rglob("*") if path.is_file()}
    assert fresh == committed, "run: stanok boards build"


def test_building_twice_gives_the_same_bytes() -> None:
    assert list(built_boards()) == list(built_boards())


def test_the_sdk_models_lose_no_key_of_a_board(board: dict[str, Any]) -> None:
    register_default_plugins()
    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    assert set(paths_in(board)) - set(paths_in(again)) == set()


def test_the_round_trip_would_find_a_misspelt_key(board: dict[str, Any]) -> None:
    register_default_plugins()
    board["refrsh"] = "5s"
    again = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    assert set(paths_in(board)) - set(paths_in(again)) == {"refrsh"}


def test_panels_have_unique_ids_words_and_a_core_type(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    for panel in board["panels"]:
        assert panel["title"].strip()
        assert len(panel["description"]) > 20
        assert panel["type"] in CORE_PANELS
        assert "libraryPanel" not in panel


def test_panels_stay_on_the_grid_and_do_not_overlap(board: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)


def test_every_figure_has_a_unit(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        config = panel["fieldConfig"]
        for override in config["overrides"]:
            assert any(item["id"] == "unit" and item["value"] for item in override["properties"]), override["matcher"]
        assert config["overrides"] or config["defaults"].get("unit"), panel["title"]


def test_every_variable_is_defined_and_quoted_for_sql(board: dict[str, Any]) -> None:
    variables = board["templating"]["list"]
    defined = [variable["name"] for variable in variables]
    assert len(defined) == len(set(defined))
    asking = [target["rawSql"] for panel in board["panels"] for target in panel["targets"]]
    asking += [text for note in board["annotations"]["list"] if (text := note["target"].get("rawSql"))]
    for place, variable in enumerate(variables):  # a choice may rest on those before it
        assert set(re.findall(r"\$\{(\w+)", variable["query"])) <= set(defined[:place])
    for sql in [*asking, *(variable["query"] for variable in variables)]:
        for name, style in re.findall(r"\$\{(\w+)(?::(\w+))?\}", sql):
            assert name in defined
            assert style == "sqlstring"
        assert not re.search(r"\$(?!__|\{)\w", sql), sql


def test_links_lead_to_boards_that_are_there_and_keep_the_time_window(board: dict[str, Any]) -> None:
    language = board["tags"][1]
    uids = {f"stanok-{name.replace('_', '-')}-{language}": name for name in BOARDS}
    properties = [i for p in board["panels"] for o in p["fieldConfig"]["overrides"] for i in o["properties"]]
    for link in (link for item in properties if item["id"] == "links" for link in item["value"]):
        found = re.fullmatch(r"/d/([\w-]+)\?(.*)\$\{__url_time_range\}", link["url"])
        assert found is not None, link
        target = json.loads((BUILT / language / f"{uids[found[1]]}.json").read_text("utf-8"))
        defined = {variable["name"] for variable in target["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", found[2])) <= defined
        assert link["title"]
    assert all(link["keepTime"] for link in board["links"])
    assert any(link["type"] == "dashboards" and link["tags"] == board["tags"] for link in board["links"])


def test_one_drills_down_from_the_plant_to_the_stop() -> None:
    way = [("plant", "plant"), ("plant", "machine"), ("machine", "shift"), ("shift", "stops")]
    for start, end in way:
        text = (BUILT / "en" / f"{start}.json").read_text("utf-8")
        assert f"/d/stanok-{end}-en?" in text, (start, end)


def test_everything_asks_the_one_data_source(board: dict[str, Any]) -> None:
    asking = [*board["panels"], *board["templating"]["list"], *(t for p in board["panels"] for t in p["targets"])]
    assert {item["datasource"]["uid"] for item in asking} == {"stanok"}


def test_queries_read_published_views_only(board: dict[str, Any]) -> None:
    for panel in board["panels"]:
        sql = panel["targets"][0]["rawSql"]
        views = re.findall(r"\bboard\.\w+", sql)
        assert views
        assert not re.search(r"\b(?:stanok|stanok_formula|public|pg_catalog)\.", sql), sql
        assert not re.search(r"\b(?:now|clock_timestamp)\(|current_(?:timestamp|date)", sql, re.IGNORECASE), sql


def test_kpi_panels_say_how_the_figure_is_defined(board: dict[str, Any]) -> None:
    shown = [panel for panel in board["panels"] if KPI.search(panel["targets"][0]["rawSql"])]
    for panel in shown:
        assert re.search("Σ|above|выше|То же", panel["description"]), panel["title"]
        assert re.search("ISO 22400-2|ИСО 22400-2|Bases|Базы|20 %", panel["description"]), panel["title"]
    assert shown or board["uid"].split("-")[1] in ("stops", "spindle", "programmes", "health")


def test_a_state_has_the_same_colour_on_every_board() -> None:
    states = {state.name.lower(): colour for state, colour in STATE_COLOURS.items()}
    mapped = re.compile(rf'"({"|".join(states)})": \{{\s*"color": "(#\w+)"')
    seen = {
        found
        for path in BUILT.glob("*/*.json")
        if path.stem != "programmes"
        for found in mapped.findall(path.read_text("utf-8"))
    }
    # On the board of programmes the same words are verdicts on machines that were bought.
    assert seen == set(states.items())


@pytest.mark.parametrize("name", BOARDS)
def test_boards_differ_by_language_in_uid_and_words_but_not_in_shape(name: str) -> None:
    boards = [json.loads((BUILT / language / f"{name}.json").read_text("utf-8")) for language in LANGUAGES]
    assert len({board["uid"] for board in boards}) == len(LANGUAGES)
    assert len({board["title"] for board in boards}) == len(LANGUAGES)
    shapes = [[(panel["id"], panel["type"], panel["gridPos"]) for panel in board["panels"]] for board in boards]
    assert shapes[0] == shapes[1]
    # Russian words in an English board, or the other way round, would be a key taken from the wrong catalogue.
    for board, language in zip(boards, LANGUAGES, strict=True):
        titles = " ".join(panel["title"] for panel in board["panels"])
        assert bool(re.search("[а-яё]", titles)) == (language == "ru")


def test_every_language_has_the_same_words_and_none_is_empty() -> None:
    keys = {language: set(catalogue(language).words) for language in LANGUAGES}
    assert len({frozenset(found) for found in keys.values()}) == 1, keys
    for language in LANGUAGES:
        assert [key for key, text in catalogue(language).words.items() if not text.strip()] == []


def test_no_words_lie_about_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"folder"}  # asked for by publish

    def listen(self: Catalogue, key: str) -> str:
        asked.add(key)
        return self.words[key]

    monkeypatch.setattr(catalogues.Catalogue, "__getitem__", listen)
    list(built_boards())
    page(json.loads((BUILT / "en" / "shop_floor.json").read_text(encoding="utf-8")), "en", "shop_floor", {"en": {}})
    form_page("en", Teller([], {"en": []}, lambda _, __: ""), "")
    asked.add("form.not_ours")  # by the server
    sources = "".join(path.read_text(encoding="utf-8") for path in REPORTS.glob("*.py"))
    names = set(re.findall(r"\w+", sources))
    printed = ("report.", "programmes.report.", "column.", "reason.")
    asked |= {key for key in catalogue("en").words if key.startswith(printed) and key.rpartition(".")[2] in names}
    provisioned()
    assert set(catalogue("en").words) - asked == set()


def paths_in(found: Any, prefix: str = "") -> Iterator[str]:
    """Every path of keys of a JSON value."""
    if isinstance(found, dict):
        for key, value in found.items():
            yield f"{prefix}{key}"
            yield from paths_in(value, f"{prefix}{key}.")
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from paths_in(value, f"{prefix}{index}.")
