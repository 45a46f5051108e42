"""Folders, boards, alert rules, the data source and marks in time into a running Grafana, and nothing twice.

Invariant: whatever is there as wanted is left alone, so a second run changes nothing. What was ours and is no more
goes: rules of the group, marks inside the published window.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.errors import InputError
from dashboards.alerts import FOLDER, GROUP, INTERVAL_S, provisioned
from dashboards.build import BUILT
from dashboards.catalogue import LANGUAGES, catalogue
from dashboards.grafana import Grafana, RefusedError, holds

SOURCE_UID = "stanok"
"""The data source that all boards name; the same as `dashboards.panels.SOURCE`."""
TAG = "stanok"
"""Every mark of ours has it; with it a second tag, which boards ask for (dashboards/boards/parts.py)."""
_MOST_MARKS = 5000
"""That Grafana is asked for; four weeks of three shifts at fifty plants."""


@dataclass(frozen=True)
class Source:
    """How Grafana reaches the database; `host` as Grafana sees it, `name:port`. The password only if it is given."""

    host: str
    database: str
    user: str
    password: str = ""
    sslmode: str = "require"
    timescale: bool = False


@dataclass(frozen=True)
class Mark:
    """An annotation: a moment, a second tag, the plant, and words."""

    at: datetime
    kind: str
    site: str
    text: str

    def body(self) -> dict[str, Any]:
        """As Grafana takes it."""
        tags = [TAG, self.kind, f"site:{self.site}"]
        return {"time": round(self.at.timestamp() * 1000), "text": self.text, "tags": tags}


def publish(
    url: str, token: str, languages: Sequence[str] = LANGUAGES, built: Path = BUILT, timeout_s: float = 10.0
) -> list[str]:
    """Put the built boards of `languages` into Grafana at `url` and return the addresses of the boards.

    `token` belongs to a service account with the role Editor. Raises InputError for a wrong address, token or missing
    data source, OutsideError if Grafana cannot be reached or fails.
    """
    grafana = Grafana(url, token, timeout_s)
    _require_source(grafana)
    published = []
    for language in languages:
        folder = _folder(grafana, f"stanok-{language}", catalogue(language)["folder"])
        for path in sorted((built / language).glob("*.json")):
            address = _board(grafana, json.loads(path.read_text(encoding="utf-8")), folder)
            published.append(grafana.url + address)
    return published


def publish_alerts(url: str, token: str, timeout_s: float = 10.0) -> str:
    """Put the alert rules into Grafana at `url`, in a folder of their own, and return the address of their list.

    `token` belongs to a service account that may provision alerting, which an Editor may not everywhere. Rules that are
    no more ours go from the group. Raises as `publish`.
    """
    grafana = Grafana(url, token, timeout_s)
    _require_source(grafana)
    folder = _folder(grafana, "stanok-alerts", FOLDER)
    (group,) = provisioned()["groups"]
    rules = [{**rule, "folderUID": folder, "ruleGroup": GROUP, "orgID": group["orgId"]} for rule in group["rules"]]
    body = {"title": GROUP, "folderUid": folder, "interval": INTERVAL_S, "rules": rules}
    path = f"/v1/provisioning/folders/{folder}/rule-groups/{GROUP}"
    if not holds(grafana.get(path), body):
        grafana.put(path, body)
    return grafana.url + "/alerting/list"


def publish_source(url: str, token: str, source: Source, timeout_s: float = 10.0) -> str:
    """Make the data source of all boards, or bring it up to date; a sentence about what was done.

    Grafana never tells a password, so it is written again only where anything else changes or the source is not well.
    """
    grafana = Grafana(url, token, timeout_s)
    body = _source_body(source)
    there = grafana.get(f"/datasources/uid/{SOURCE_UID}")
    secret = {"secureJsonData": {"password": source.password}} if source.password else {}
    if there is None:
        grafana.post("/datasources", {**body, **secret})
        return f"data source {SOURCE_UID}: made"
    if holds(there, body) and (not secret or _is_well(grafana)):
        return f"data source {SOURCE_UID}: as it was"
    grafana.put(f"/datasources/uid/{SOURCE_UID}", {**body, **secret})
    return f"data source {SOURCE_UID}: changed"


def publish_marks(
    url: str, token: str, marks: Iterable[Mark], window: tuple[datetime, datetime], timeout_s: float = 10.0
) -> tuple[int, int]:
    """Shift changes and commissioning dates as annotations, those of ours inside the window and no others.

    Returns how many were added and how many taken away. Marks outside the window are left as they are.
    """
    grafana = Grafana(url, token, timeout_s)
    start, end = (round(edge.timestamp() * 1000) for edge in window)
    asked = urlencode({"from": start, "to": end, "tags": TAG, "type": "annotation", "limit": _MOST_MARKS})
    there = grafana.get(f"/annotations?{asked}") or []
    wanted = {_key(body): body for body in (mark.body() for mark in marks) if start <= body["time"] <= end}
    kept: set[tuple[object, ...]] = set()
    gone = 0
    for found in there:
        key = _key(found)
        if key in wanted and key not in kept:
            kept.add(key)
        else:
            grafana.delete(f"/annotations/{found['id']}")
            gone += 1
    fresh = [body for key, body in wanted.items() if key not in kept]
    for body in fresh:
        grafana.post("/annotations", body)
    return len(fresh), gone


def _key(annotation: dict[str, Any]) -> tuple[object, ...]:
    return annotation["time"], annotation["text"], tuple(sorted(annotation["tags"]))


def _board(grafana: Grafana, board: dict[str, Any], folder: str) -> str:
    """The path of the board, which is written only if the one there differs or lies elsewhere."""
    there = grafana.get(f"/dashboards/uid/{board['uid']}") or {}
    meta = there.get("meta", {})
    if holds(there.get("dashboard"), board) and meta.get("folderUid") == folder:
        return str(meta.get("url", ""))
    answer = grafana.post("/dashboards/db", {"dashboard": board, "folderUid": folder, "overwrite": True})
    return str(answer.get("url", ""))


def _require_source(grafana: Grafana) -> None:
    try:
        found = grafana.get(f"/datasources/uid/{SOURCE_UID}")
    except RefusedError as refusal:
        if refusal.status == 403:  # an Editor may publish boards without being allowed to look at data sources
            return
        raise
    if found is None:
        raise InputError(
            f"Grafana at {grafana.url} has no data source with the uid {SOURCE_UID}; "
            "publish with --source, or add a PostgreSQL data source with that uid, then publish again"
        )


def _folder(grafana: Grafana, uid: str, title: str) -> str:
    there = grafana.get(f"/folders/{uid}")
    if there is None:
        grafana.post("/folders", {"title": title, "uid": uid})
    elif there.get("title", title) != title:
        grafana.put(f"/folders/{uid}", {"title": title, "version": there.get("version"), "overwrite": True})
    return uid


def _source_body(source: Source) -> dict[str, Any]:
    """As docker/grafana/provisioning has it."""
    return {
        "name": "Stanok",
        "uid": SOURCE_UID,
        "type": "grafana-postgresql-datasource",
        "access": "proxy",
        "url": source.host,
        "user": source.user,
        "jsonData": {
            "database": source.database,
            "sslmode": source.sslmode,
            "postgresVersion": 1500,
            "timescaledb": source.timescale,
            "timeInterval": "5s",
            "maxOpenConns": 10,
            "maxIdleConns": 4,
            "connMaxLifetime": 3600,
        },
    }


def _is_well(grafana: Grafana) -> bool:
    try:
        answer = grafana.get(f"/datasources/uid/{SOURCE_UID}/health")
    except RefusedError:
        return False
    return answer is not None and answer.get("status") == "OK"
