"""The preview's server on a real database: what it serves, to whom, and that nothing can be written through it."""

from __future__ import annotations

import http.client
import json
import socket
import struct
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.errors import InputError, OutsideError
from dashboards.build import BUILT
from dashboards.preview.reader import session
from dashboards.preview.server import HOST, Preview, read_boards
from stanok.preview import preview
from storage.pg.connect import connect
from storage.pg.readers import ROLE, board_role
from tests.stanok.house import wait_for


@pytest.fixture
def served(database: str) -> Iterator[Preview]:
    with preview(database, 0) as found:
        yield found


def get(found: Preview, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection(HOST, urlsplit(found.url).port or 0, timeout=20)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def data(found: Preview, query: str = "") -> dict[str, Any]:
    told: dict[str, Any] = json.loads(get(found, f"/en/shop_floor/data?{query}")[2])
    return told


def test_the_address_leads_to_a_board_in_the_browsers_language(served: Preview) -> None:
    assert get(served, "/", **{"Accept-Language": "ru-RU,ru"})[1]["Location"] == "/ru/shop_floor"
    assert get(served, "/")[1]["Location"] == "/en/shop_floor"
    status, _, body = get(served, "/ru/shop_floor")
    assert (status, body.count(b'class="panel"')) == (200, 7)
    assert "Цех" in body.decode()


def test_a_browser_that_leaves_in_the_middle_leaves_no_traceback(
    served: Preview, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG", "stanok.preview")
    with socket.create_connection((HOST, urlsplit(served.url).port or 0), 20) as leaving:
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # gone without a farewell
        leaving.sendall(b"GET /static/plotly.min.js HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        leaving.recv(1000)
    wait_for(lambda: "left before the answer" in caplog.text, "nobody noticed that the browser left", 20)
    assert "Traceback" not in capfd.readouterr().err + caplog.text
    assert get(served, "/en/shop_floor")[0] == 200


def test_a_page_names_no_other_host_and_forbids_them(served: Preview) -> None:
    _, headers, body = get(served, "/en/shop_floor")
    assert b"://" not in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert len(get(served, "/static/plotly.min.js")[2]) > 1_000_000


@pytest.mark.parametrize(
    "path", ["/en/nothing", "/xx/shop_floor", "/static/../server.py", "/static/server.py", "/en/shop_floor/x"]
)
def test_what_is_not_there_is_not_found(served: Preview, path: str) -> None:
    assert get(served, path)[0] == 404


def test_a_page_of_the_web_cannot_read_boards_by_renaming_this_computer(served: Preview) -> None:
    assert get(served, "/en/shop_floor/data", Host="evil.example")[0] == 421
    assert get(served, "/en/shop_floor/data", Host="localhost:1")[0] == 200


def test_it_listens_on_this_computer_only(served: Preview) -> None:
    port = urlsplit(served.url).port
    assert port is not None
    with socket.socket() as other:
        other.bind(("127.0.0.2", port))  # would be taken if the preview listened on every address


def test_an_empty_database_gives_panels_without_rows_and_no_error(served: Preview) -> None:
    assert {panel["kind"] for panel in data(served)["panels"].values()} == {"stat", "empty"}


def test_a_window_that_cannot_be_read_is_told_and_the_page_stays(served: Preview) -> None:
    assert "is no time like" in data(served, "from=soon")["trouble"]


def test_a_database_that_is_gone_is_told(database: str) -> None:
    with Preview(database.replace("127.0.0.1:", "127.0.0.1:1").rpartition(":1")[0] + ":9/none", None) as found:
        assert "PostgreSQL" in data(found)["trouble"]


def test_queries_run_as_the_role_of_boards_and_can_write_nothing(database: str) -> None:
    with connect(database) as connection:
        assert board_role(connection) == ROLE
    with session(database, ROLE) as found:
        assert found.ask("select current_user").rows == [(ROLE,)]
        for forbidden in (
            "select * from stanok.site",
            "select pg_read_file('/etc/hostname')",
            "create table board.mine (x int)",
            "select 1; select 2",
        ):
            with pytest.raises(OutsideError, match="does not answer this query"):
                found.ask(forbidden)
    with session(database, None) as found, pytest.raises(OutsideError, match="read-only"):
        found.ask("delete from stanok.site returning 1")


def test_a_port_that_is_taken_is_named(database: str, served: Preview) -> None:
    with pytest.raises(InputError, match="cannot be listened on"):
        preview(database, urlsplit(served.url).port or 0)


def test_a_folder_without_boards_and_a_broken_board_are_named(tmp_path: Any) -> None:
    assert set(read_boards(BUILT)) == {"en", "ru"}
    with pytest.raises(InputError, match="no built board"):
        read_boards(tmp_path)
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json: is no board"):
        read_boards(tmp_path)
