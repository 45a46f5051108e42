"""`stanok boards publish`: what of a database and of files goes into a Grafana beside the boards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from core.errors import InputError
from dashboards.preview.reader import session
from dashboards.publish import Mark, Source, publish_marks
from dashboards.queries import report as questions
from dashboards.reports.answers import records
from stanok.settings import first_line

DAYS = 28
"""Of shift changes and commissioning dates before the engine's last tick; older ones stay as they were published."""


def source_of(address: str, password_file: Path | None, *, timescale: bool) -> Source:
    """From postgresql://USER@HOST:PORT/DATABASE?sslmode=…, without a password in it."""
    parts = urlsplit(address)
    name = parts.path.strip("/")
    if parts.scheme not in ("postgresql", "postgres") or not (parts.hostname and parts.username and name):
        raise InputError("--source: write it like postgresql://boards@database:5432/stanok, as Grafana reaches it")
    if parts.password:
        raise InputError("--source: a password in an address ends in logs; put it into a file, --source-password-file")
    modes = dict(part.partition("=")[::2] for part in parts.query.split("&") if part)
    mode = modes.pop("sslmode", "require")
    if modes:
        raise InputError(f"--source: {min(modes)} is not known there; only sslmode is")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    password = first_line(password_file, "--source-password-file") if password_file else ""
    return Source(f"{host}:{parts.port or 5432}", name, unquote(parts.username), password, mode, timescale)


def mark_time(url: str, token: str, dsn: str) -> str:
    """Publish shift changes and commissioning dates of the last weeks; a sentence about what was done."""
    with session(dsn, None) as asked:
        end = asked.now()
        start = end - timedelta(days=DAYS)
        shifts = records(asked.ask(questions.SHIFT_CHANGES))
        acts = records(asked.ask(questions.ACTS))
    marks = [*_shift_marks(shifts), *_act_marks(acts)]
    added, gone = publish_marks(url, token, marks, (start, end))
    return f"annotations: {added} added, {gone} taken away"


def _shift_marks(rows: list[dict[str, object]]) -> Iterator[Mark]:
    for row in rows:
        at, site = row["shift_start"], str(row["site"])
        assert isinstance(at, datetime)
        yield Mark(at.astimezone(UTC), "shift", site, f"{row['site_title']} · {row['shift']}")


def _act_marks(rows: list[dict[str, object]]) -> Iterator[Mark]:
    for row in rows:
        day, zone = str(row["act"]), ZoneInfo(str(row["zone"]))
        at = datetime.combine(datetime.fromisoformat(day).date(), datetime.min.time(), zone)
        yield Mark(at, "commissioned", str(row["site"]), f"{row['name']}: введён в эксплуатацию · commissioned")
