"""Publishing against a stand-in for Grafana's HTTP API on loopback.

No Grafana can be had where these tests run, so this is the one place with a stand-in: it keeps folders and boards as
Grafana does, and fails in the ways that Grafana and the proxies before it fail. The client library is the real one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from core.errors import InputError, OutsideError, StanokError
from dashboards import boards
from dashboards.alerts import FOLDER, GROUP, RULES
from dashboards.catalogue import LANGUAGES
from dashboards.publish import Mark, Source, publish, publish_alerts, publish_marks, publish_source
from stanok.publish import mark_time, source_of
from storage.pg.connect import connect
from storage.pg.registry import load_registry
from tests.dashboards.known import MACHINE, START, write_known

TOKEN = "a-token"
REGISTRY = f"""
[[programme]]
name = "renewal"
[[site]]
name = "minsk"
country = "BY"
stratum = "turning"
[[cell]]
name = "minsk/shafts"
machines = ["{MACHINE}"]
[[project]]
name = "P"
programme = "renewal"
site = "minsk"
cells = ["minsk/shafts"]
baseline_from = 2025-01-01
baseline_to = 2025-09-30
baseline_tier = "B0"
begins = 2025-10-01
act = 2025-11-20
[[asset]]
inventory = "17"
site = "minsk"
project = "P"
machine = "{MACHINE}"
act = 2025-11-20
"""
BOARDS = [name.replace("_", "-") for name in boards.BOARDS]


class Grafana(ThreadingHTTPServer):
    """What a Grafana remembers, and how it shall fail: path -> (status, body)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folders: dict[str, str] = {}
        self.boards: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, Any] = {}
        self.source: dict[str, Any] = {"uid": "stanok", "type": "grafana-postgresql-datasource"}
        self.well = True
        self.marks: dict[int, dict[str, Any]] = {}
        self.faults: dict[str, tuple[int, bytes]] = {}
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def changes(self) -> list[str]:
        """Requests that change something."""
        return [request for request in self.requests if not request.startswith("GET")]


class Handler(BaseHTTPRequestHandler):
    server: Grafana

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        uid = path.rpartition("/")[2]
        found: Any = None
        if path.endswith("/health"):
            found = {"status": "OK" if self.server.well else "ERROR"}
        elif "/datasources/uid/" in path:
            # Grafana tells that there is a password, never which.
            source = {key: value for key, value in self.server.source.items() if key != "secureJsonData"}
            found = {**source, "id": 1, "version": 4} if source else None
        elif "/dashboards/uid/" in path and uid in self.server.boards:
            body = self.server.boards[uid]
            meta = {"folderUid": body["folderUid"], "url": f"/d/{uid}/x"}
            found = {"dashboard": {**body["dashboard"], "id": 7, "version": 3}, "meta": meta}
        elif "/rule-groups/" in path:
            rules = [{**rule, "updated": "now"} for rule in self.server.rules.get("rules", [])]
            found = {**self.server.rules, "rules": rules} if self.server.rules else None
        elif path.endswith("/annotations"):
            asked = parse_qs(query)
            start, end = (int(asked[name][0]) for name in ("from", "to"))
            marks = [mark for mark in self.server.marks.values() if start <= mark["time"] <= end]
            found = [mark for mark in marks if set(asked["tags"]) <= set(mark["tags"])]
        elif uid in self.server.folders:
            found = {"uid": uid, "title": self.server.folders[uid], "version": 1}
        self.answer(*((404, {"message": "not found"}) if found is None else (200, found)))

    def do_POST(self) -> None:
        body = self.body()
        if self.path.endswith("/api/folders"):
            self.server.folders[body["uid"]] = body["title"]
            self.answer(200, body)
        elif self.path.endswith("/api/datasources"):
            self.server.source = body
            self.answer(200, {"id": 1})
        elif self.path.endswith("/api/annotations"):
            number = max(self.server.marks, default=0) + 1
            self.server.marks[number] = {**body, "id": number}
            self.answer(200, {"id": number})
        else:
            uid = body["dashboard"]["uid"]
            self.server.boards[uid] = body
            self.answer(200, {"uid": uid, "url": f"/d/{uid}/x", "status": "success"})

    def do_PUT(self) -> None:
        body = self.body()
        if "/datasources/" in self.path:
            self.server.source, self.server.well = body, True
        elif "/folders/" in self.path and "/rule-groups/" not in self.path:
            self.server.folders[self.path.rpartition("/")[2]] = body["title"]
        else:
            self.server.rules = body
        self.answer(200, body)

    def do_DELETE(self) -> None:
        del self.server.marks[int(self.path.rpartition("/")[2])]
        self.answer(200, {"message": "Annotation deleted"})

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def answer(self, status: int, body: Any) -> None:
        self.server.requests.append(f"{self.command} {self.path}")
        content = json.dumps(body).encode()
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            status, content = 401, b'{"message": "Invalid API key"}'
        for path, fault in self.server.faults.items():
            if self.path.startswith(path):
                status, content = fault
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the tests look at `requests`."""


@pytest.fixture
def grafana() -> Iterator[Grafana]:
    server = Grafana()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_each_language_gets_its_folder_and_its_board(grafana: Grafana) -> None:
    addresses = publish(grafana.url, TOKEN)
    assert set(grafana.folders) == {f"stanok-{language}" for language in LANGUAGES}
    assert set(grafana.boards) == {f"stanok-{name}-{language}" for name in BOARDS for language in LANGUAGES}
    for language in LANGUAGES:
        assert grafana.boards[f"stanok-shop-floor-{language}"]["folderUid"] == f"stanok-{language}"
        assert f"{grafana.url}/d/stanok-shop-floor-{language}/x" in addresses


def test_publishing_twice_is_the_same_as_publishing_once(grafana: Grafana) -> None:
    first = publish(grafana.url, TOKEN)
    done = list(grafana.changes)
    assert len(done) == len(LANGUAGES) * (1 + len(BOARDS))
    assert publish(grafana.url, TOKEN) == first
    assert grafana.changes == done, "the second run changed something"


def test_only_a_board_that_differs_or_lies_elsewhere_is_written(grafana: Grafana) -> None:
    publish(grafana.url, TOKEN)
    grafana.boards["stanok-stops-en"]["dashboard"]["title"] = "Mine"
    grafana.boards["stanok-plant-en"]["folderUid"] = "elsewhere"
    grafana.folders["stanok-ru"] = "Renamed"
    before = len(grafana.changes)
    publish(grafana.url, TOKEN)
    assert grafana.changes[before:] == ["POST /api/dashboards/db"] * 2 + ["PUT /api/folders/stanok-ru"]
    assert grafana.boards["stanok-stops-en"]["dashboard"]["title"] != "Mine"
    assert grafana.boards["stanok-plant-en"]["folderUid"] == "stanok-en"


SOURCE = Source("database:5432", "stanok", "boards", "secret")


def test_the_data_source_is_made_left_alone_and_mended(grafana: Grafana) -> None:
    grafana.source = {}
    assert publish_source(grafana.url, TOKEN, SOURCE).endswith(": made")
    assert grafana.source["uid"] == "stanok"
    assert grafana.source["jsonData"]["database"] == "stanok"
    assert grafana.source["secureJsonData"] == {"password": "secret"}
    done = list(grafana.changes)
    assert publish_source(grafana.url, TOKEN, SOURCE).endswith(": as it was")
    assert grafana.changes == done
    assert publish_source(grafana.url, TOKEN, replace(SOURCE, user="other")).endswith(": changed")
    grafana.well = False  # another password, which Grafana never tells
    assert publish_source(grafana.url, TOKEN, replace(SOURCE, user="other", password="new")).endswith(": changed")
    assert grafana.source["secureJsonData"] == {"password": "new"}


def test_marks_are_those_of_the_window_and_no_others(grafana: Grafana) -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC)
    marks = [Mark(start + timedelta(hours=8 * n), "shift", "minsk", f"Минск · {n % 3 + 1}") for n in range(30)]
    window = (start, start + timedelta(days=7))
    assert publish_marks(grafana.url, TOKEN, marks, window) == (22, 0), "both ends of the week, and nothing after it"
    assert grafana.marks[1]["tags"] == ["stanok", "shift", "site:minsk"]
    done = list(grafana.changes)
    assert publish_marks(grafana.url, TOKEN, marks, window) == (0, 0)
    assert grafana.changes == done
    grafana.marks[90] = {**grafana.marks[1], "id": 90}  # twice
    grafana.marks[91] = {**grafana.marks[1], "id": 91, "text": "no more"}
    grafana.marks[92] = {**grafana.marks[1], "id": 92, "tags": ["somebody's"]}
    assert publish_marks(grafana.url, TOKEN, marks[1:], window) == (0, 3)
    assert 92 in grafana.marks
    assert publish_marks(grafana.url, TOKEN, [], (start - timedelta(days=9), start - timedelta(days=1))) == (0, 0)


def test_shift_changes_of_a_database_become_marks_and_twice_is_once(grafana: Grafana, known_history: str) -> None:
    assert mark_time(grafana.url, TOKEN, known_history) == "annotations: 1 added, 0 taken away"
    (found,) = grafana.marks.values()
    assert (found["time"], found["text"]) == (round(START.timestamp() * 1000), "Минск · 1")
    assert mark_time(grafana.url, TOKEN, known_history) == "annotations: 0 added, 0 taken away"


def test_commissioning_dates_of_a_registry_become_marks(grafana: Grafana, database: str) -> None:
    write_known(database)
    with connect(database) as connection:
        load_registry(connection, {"registry.toml": REGISTRY}, START)
    mark_time(grafana.url, TOKEN, database)
    (found,) = (mark for mark in grafana.marks.values() if "commissioned" in mark["tags"])
    assert found["text"].startswith(MACHINE)
    assert datetime.fromtimestamp(found["time"] / 1000, UTC) == datetime(2025, 11, 19, 21, tzinfo=UTC), (
        "Minsk's midnight"
    )


def test_the_address_of_a_data_source_is_read_and_a_password_in_it_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("secret\n")
    assert source_of("postgresql://boards@database/stanok", file, timescale=False) == SOURCE
    given = source_of("postgresql://b@[::1]:5433/s?sslmode=disable", None, timescale=True)
    assert given == Source("[::1]:5433", "s", "b", "", "disable", True)
    for address, words in (
        ("database:5432", "write it like"),
        ("postgresql://b:secret@h/s", "a password in an address"),
        ("postgresql://b@h/s?options=x", "only sslmode"),
    ):
        with pytest.raises(InputError, match=words):
            source_of(address, None, timescale=False)


def test_alert_rules_get_a_folder_of_their_own_and_twice_is_once(grafana: Grafana) -> None:
    assert publish_alerts(grafana.url, TOKEN) == f"{grafana.url}/alerting/list"
    first = grafana.rules
    done = list(grafana.changes)
    publish_alerts(grafana.url, TOKEN)
    assert grafana.rules == first
    assert grafana.changes == done
    assert grafana.folders == {"stanok-alerts": FOLDER}
    assert (first["title"], first["interval"], len(first["rules"])) == (GROUP, 60, len(RULES))
    assert {rule["folderUID"] for rule in first["rules"]} == {"stanok-alerts"}
    assert done[-1] == "PUT /api/v1/provisioning/folders/stanok-alerts/rule-groups/stanok"


def test_a_token_that_may_not_provision_alerts_is_named(grafana: Grafana) -> None:
    grafana.faults["/api/v1/provisioning"] = (403, b'{"message": "Access denied"}')
    with pytest.raises(InputError, match="refuses the token"):
        publish_alerts(grafana.url, TOKEN)


def test_a_grafana_below_a_path_is_found(grafana: Grafana) -> None:
    publish(f"{grafana.url}/plant/grafana/", TOKEN, languages=["en"])
    assert all(request.split()[1].startswith("/plant/grafana/api/") for request in grafana.requests)


def test_an_empty_answer_is_no_error(grafana: Grafana) -> None:
    grafana.faults["/api/datasources"] = (204, b"")
    assert len(publish(grafana.url, TOKEN)) == len(LANGUAGES) * len(BOARDS)


def test_an_editor_who_may_not_see_data_sources_can_publish(grafana: Grafana) -> None:
    grafana.faults["/api/datasources"] = (403, b'{"message": "Access denied"}')
    assert len(publish(grafana.url, TOKEN)) == len(LANGUAGES) * len(BOARDS)


@pytest.mark.parametrize(
    ("path", "status", "body", "kind", "words"),
    [
        ("/api/datasources", 404, b'{"message": "Data source not found"}', InputError, "no data source with the uid"),
        ("/api/folders", 403, b'{"message": "Access denied"}', InputError, "refuses the token"),
        ("/api/dashboards", 412, b'{"message": "version mismatch"}', InputError, "version mismatch"),
        ("/api/dashboards", 500, b'{"message": "database is locked"}', OutsideError, "database is locked"),
        ("/api/dashboards", 502, b"Bad Gateway", OutsideError, "Bad Gateway"),
        ("/api/dashboards", 502, b"no message from upstream", OutsideError, "text error"),
    ],
)
def test_failures_become_one_sentence(
    grafana: Grafana, path: str, status: int, body: bytes, kind: type[StanokError], words: str
) -> None:
    grafana.faults[path] = (status, body)
    with pytest.raises(kind, match=words) as raised:
        publish(grafana.url, TOKEN)
    assert grafana.url in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_wrong_token_is_named(grafana: Grafana) -> None:
    with pytest.raises(InputError, match="refuses the token"):
        publish(grafana.url, "another")
    assert grafana.boards == {}


def test_a_wrong_address_and_a_silent_one_are_told_apart() -> None:
    with pytest.raises(InputError, match="no address of a Grafana"):
        publish("grafana.plant", TOKEN)
    with pytest.raises(OutsideError, match="cannot be reached"):
        publish("http://127.0.0.1:9", TOKEN, timeout_s=1.0)
