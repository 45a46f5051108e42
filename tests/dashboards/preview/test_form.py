"""The preview's form on a real database and spool: what it takes in, and that no other page can send it."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from core.units import HOUR_US, us_from_datetime
from dashboards.preview.server import HOST, Preview
from stanok.operator import Operator
from stanok.plantfile import load_plant
from stanok.preview import preview
from tests.dashboards.preview.test_server import get
from tests.dashboards.test_queries import NOON

DEMO = Path(__file__).parents[3] / "simulators/plants/demo.toml"
FIELDS = {
    "kind": "reason",
    "machine": "minsk/lathe-1",
    "since": "2026-03-24T08:00",
    "until": "2026-03-24T09:30",
    "reason": "tool",
    "author": "Анна <b>",
    "note": "",
}


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(load_plant(DEMO), tmp_path, us_from_datetime(NOON))


@pytest.fixture
def served(database: str, operator: Operator) -> Iterator[Preview]:
    with preview(database, 0, lambda: operator) as found:
        yield found


def token(found: Preview) -> str:
    shown = re.search(r'name="token" value="([^"]+)"', get(found, "/ru/tell")[2].decode())
    assert shown is not None
    return shown[1]


def post(found: Preview, fields: dict[str, str], **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, urlsplit(found.url).port or 0, timeout=20)
    origin = {"Origin": found.url.rstrip("/"), "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request("POST", "/en/tell", urlencode(fields), {**origin, **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_reason_from_the_form_is_an_entry_and_twice_it_is_one(served: Preview, operator: Operator) -> None:
    key = token(served)
    assert b'<a href="/ru/tell">' in get(served, "/ru/shop_floor")[2]
    for sign in ("✓", "="):
        status, body = post(served, {**FIELDS, "token": key})
        (entry,) = operator.entries()
        assert status == 200
        assert f'<p role="status">{entry.id} {sign} minsk/lathe-1</p>' in body
    assert (entry.author, entry.reason) == ("Анна <b>", "tool")
    assert entry.to_us - entry.from_us == HOUR_US * 3 // 2
    assert "<b>" not in body
    assert "Инструмент" in get(served, "/ru/tell")[2].decode()


def test_what_is_refused_is_said_on_the_page_with_the_fields_still_filled(served: Preview, operator: Operator) -> None:
    status, body = post(served, {**FIELDS, "until": "2026-03-24T07:00", "note": "long story", "token": token(served)})
    assert (status, operator.entries()) == (200, [])
    assert "--from is not before --to" in body
    assert 'value="long story"' in body
    scrap = {**FIELDS, "kind": "scrap", "parts": "2", "program": "", "token": token(served)}
    assert "is known to have made 0 good parts" in post(served, scrap)[1]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", ""])
def test_another_page_cannot_send_it_even_with_the_token(served: Preview, operator: Operator, origin: str) -> None:
    assert post(served, {**FIELDS, "token": token(served)}, Origin=origin)[0] == 403
    assert operator.entries() == []


def test_nothing_is_taken_without_the_token_or_under_another_name(served: Preview, operator: Operator) -> None:
    assert post(served, FIELDS)[0] == 403
    assert post(served, {**FIELDS, "token": "ünknown"})[0] == 403
    assert post(served, {**FIELDS, "token": token(served)}, Host="evil.example")[0] == 404
    assert post(served, {**FIELDS, "note": "x" * 20_000, "token": token(served)})[0] == 413
    assert operator.entries() == []


def test_a_preview_without_a_plant_has_no_form(database: str) -> None:
    with preview(database, 0) as found:
        assert get(found, "/en/tell")[0] == 404
        assert b"/tell" not in get(found, "/en/stops")[2]
        assert post(found, FIELDS)[0] == 404
