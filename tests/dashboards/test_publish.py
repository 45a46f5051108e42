"""Publishing against a stand-in for Grafana's HTTP API on loopback.

No Grafana can be had where these tests run, so this is the one place with a stand-in: it keeps folders and boards as
Grafana does, and fails in the ways that Grafana and the proxies before it fail. The client library is the real one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.errors import InputError, OutsideError, StanokError
from dashboards import boards
from dashboards.alerts import FOLDER, GROUP, RULES
from dashboards.catalogue import LANGUAGES
from dashboards.publish import publish, publish_alerts

TOKEN = "a-token"
BOARDS = [name.replace("_", "-") for name in boards.BOARDS]


class Grafana(ThreadingHTTPServer):
    """What a Grafana remembers, and how it shall fail: path -> (status, body)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folders: dict[str, str] = {}
        self.boards: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, Any] = {}
        self.faults: dict[str, tuple[int, bytes]] = {}
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Grafana

    def do_GET(self) -> None:
        uid = self.path.rpartition("/")[2]
        if "/api/datasources/uid/" in self.path:
            self.answer(200, {"uid": uid, "type": "grafana-postgresql-datasource"})
        elif uid in self.server.folders:
            self.answer(200, {"uid": uid, "title": self.server.folders[uid]})
        else:
            self.answer(404, {"message": "folder not found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/api/folders"):
            self.server.folders[body["uid"]] = body["title"]
            self.answer(200, body)
        else:
            uid = body["dashboard"]["uid"]
            self.server.boards[uid] = body
            self.answer(200, {"uid": uid, "url": f"/d/{uid}/x", "status": "success"})

    def do_PUT(self) -> None:
        self.server.rules = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer(200, self.server.rules)

    def answer(self, status: int, body: dict[str, Any]) -> None:
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
    publish(grafana.url, TOKEN)
    folders, boards = dict(grafana.folders), dict(grafana.boards)
    publish(grafana.url, TOKEN)
    assert (grafana.folders, grafana.boards) == (folders, boards)
    assert grafana.requests.count("POST /api/folders") == len(LANGUAGES)


def test_alert_rules_get_a_folder_of_their_own_and_twice_is_once(grafana: Grafana) -> None:
    assert publish_alerts(grafana.url, TOKEN) == f"{grafana.url}/alerting/list"
    first = grafana.rules
    publish_alerts(grafana.url, TOKEN)
    assert grafana.rules == first
    assert grafana.folders == {"stanok-alerts": FOLDER}
    assert (first["title"], first["interval"], len(first["rules"])) == (GROUP, 60, len(RULES))
    assert {rule["folderUID"] for rule in first["rules"]} == {"stanok-alerts"}
    assert grafana.requests[-1] == "PUT /api/v1/provisioning/folders/stanok-alerts/rule-groups/stanok"


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
