"""`stanok report`: asks the views once, keeps the answers under the report's number, and writes files to print.

A report that is printed again by its number shows the answers that were kept; where the views answer otherwise now, it
says so and can be printed as it is now, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.errors import InputError, OutsideError
from dashboards.build import BUILT
from dashboards.catalogue import LANGUAGES
from dashboards.macros import Window, expand
from dashboards.preview.drawing import Result
from dashboards.preview.reader import Session, session
from dashboards.queries import report as questions
from dashboards.reports import machine, plant, programme, shift
from dashboards.reports.answers import Asked, differing, pack, records, unpack
from dashboards.reports.document import Document
from dashboards.reports.html import html
from dashboards.reports.pdf import pdf
from dashboards.reports.whole import Standing, document, running, weeks, zone_of
from dashboards.reports.xlsx import xlsx
from storage.pg.connect import connect
from storage.pg.reports import KeptReport, keep, kept

FORMATS = {"html": html, "pdf": pdf, "xlsx": xlsx}
BOARD = "programmes"
_DEFINITION = "stanok-iso22400-1"
"""Of reports whose rows do not tell it."""
ALL = "*"
"""The site of a report of all plants."""


@dataclass(frozen=True)
class Printed:
    """A report to write: its document in a language, and a sentence for whoever prints it, empty for none."""

    page: Document
    said: str = ""


def shift_report(dsn: str, wish: Mapping[str, str], language: str, now: datetime) -> Printed:
    """The report of one shift; `wish`: site, day, shift, machine, empty for the only site, the last ended, all."""
    with _asking(dsn) as asking:
        return _print(dsn, _ask_shift(asking, _shift_of(asking, wish)), language, now)


def plant_report(dsn: str, wish: Mapping[str, str], language: str, now: datetime) -> Printed:
    """The report of whole weeks; `wish`: site, until (a day of the last week, empty: the last whole one), weeks."""
    with _asking(dsn) as asking:
        return _print(dsn, _ask_plant(asking, _weeks_of(asking, wish)), language, now)


def programme_report(dsn: str, language: str, now: datetime) -> Printed:
    """The report of programmes, of all plants that the login sees."""
    with _asking(dsn) as asking:
        return _print(dsn, _ask_programme(asking, now), language, now)


def printed_again(dsn: str, kind: str, number: str, language: str, now: datetime, *, both: bool) -> list[Printed]:
    """The kept report, and with `both` what the views say now, if that differs."""
    with connect(dsn, "stanok report") as connection:
        found = kept(connection, number.strip().upper())
    if found is None or found.kind != kind:
        raise InputError(f"No {kind} report {number} is kept in this database, or this login does not see its plant")
    old = Asked(found.kind, found.parameters, found.as_of, found.definition, unpack(found.content))
    standing = Standing(found.made, found.program)
    with _asking(dsn) as asking:
        new = _ask(asking, kind, found.parameters, now)
    changed = differing(old.answers, new.answers)
    if not changed:
        return [Printed(_page(old, standing, language))]
    standing = replace(standing, changed=() if running(old) else changed, newer=new.number)
    went_on = running(old) or kind == "programme"
    what = "its time went on" if went_on else "its facts were revised"
    said = f"{old.number}: since it was printed {what}; what the views say now is {new.number}"
    again = Printed(_page(old, standing, language), said + ("" if both else " (--both prints that, too)"))
    return [again, _print(dsn, new, language, now, revises=old.number)] if both else [again]


def list_reports(dsn: str) -> list[str]:
    """What is kept, the newest first, a line each."""
    with _asking(dsn) as asking:
        rows = records(asking.ask(questions.KEPT))
    return [
        f"{row['id']}  {row['kind']:9} {row['site']:12} as of {row['as_of']:%Y-%m-%d %H:%M} UTC, "
        f"printed {row['made_time']:%Y-%m-%d %H:%M} UTC"
        for row in rows
    ]


def write(path: Path, form: str, page: Document) -> None:
    """The file, whole or not at all."""
    content = FORMATS[form](page)
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as error:
        raise OutsideError(f"{path} cannot be written: {error.strerror}; choose another place with --out") from error


def _print(dsn: str, asked: Asked, language: str, now: datetime, revises: str = "") -> Printed:
    """Kept first, so that a number that is on paper can always be found."""
    standing = Standing(now, version("stanok"))
    with connect(dsn, "stanok report") as connection:
        row = KeptReport(
            asked.number, asked.kind, asked.parameters.get("site", ALL), asked.parameters, asked.as_of,
            asked.definition, standing.program, now, pack(asked),
        )  # fmt: skip
        stored = keep(connection, row)
        first = kept(connection, asked.number) if stored else None
    if first is not None:
        standing = replace(standing, made=first.made, program=first.program)
    said = (
        ""
        if stored
        else f"{asked.number}: this login may not keep reports, so it cannot be printed again by its number"
    )
    return Printed(_page(asked, replace(standing, kept=stored, revises=revises), language), said)


def _page(asked: Asked, standing: Standing, language: str) -> Document:
    return document(asked, standing, language, _board(language) if asked.kind == "programme" else None)


def _board(language: str) -> Any:
    return json.loads((BUILT / language / f"{BOARD}.json").read_text(encoding="utf-8"))


class _Asking:
    """Questions with their variables filled in."""

    def __init__(self, asked: Session) -> None:
        self._asked = asked

    def ask(self, text: str, window: Window | None = None, **variables: Sequence[str]) -> Result:
        now = datetime.now(UTC) if window is None else window.end  # the questions without a window name none
        return self._asked.ask(expand(text, window or Window(now, now), variables))


@contextmanager
def _asking(dsn: str) -> Iterator[_Asking]:
    with session(dsn, None) as asked:
        yield _Asking(asked)


def _site(asking: _Asking, wanted: str) -> str:
    sites = [row["site"] for row in records(asking.ask(questions.PLACES))]
    if wanted and wanted not in sites:
        raise InputError(f"--site: there is no plant {wanted}; there are {', '.join(sites) or 'none'}")
    if not wanted and len(sites) != 1:
        raise InputError(f"--site: choose one of {', '.join(sites)}" if sites else "There is no plant in this database")
    return wanted or str(sites[0])


def _shift_of(asking: _Asking, wish: Mapping[str, str]) -> dict[str, str]:
    site = _site(asking, wish.get("site", ""))
    begun = records(asking.ask(questions.LAST_SHIFTS, site=[site]))
    day, name = wish.get("day", ""), wish.get("shift", "")
    fits = [row for row in begun if day in ("", row["day"]) and name in ("", row["shift"])]
    chosen = next((row for row in fits if row["ended"]), fits[0] if fits and (day or name) else None)
    if chosen is None:
        there = ", ".join(f"{row['day']} · {row['shift']}" for row in begun[:5])
        raise InputError(f"No such shift of {site} has begun; the last ones are {there or 'none'}")
    found = {"site": site, "day": chosen["day"], "shift": chosen["shift"]}
    return found | ({"machine": wish["machine"]} if wish.get("machine") else {})


def _ask_shift(asking: _Asking, given: Mapping[str, str]) -> Asked:
    chosen = {"site": [given["site"]], "shift": [f"{given['day']} · {given['shift']}"]}
    answers = {name: asking.ask(text, None, **chosen) for name, text in shift.HALL.items()}
    rows = records(answers["shift"])
    only = given.get("machine")
    if only:
        answers["shift"] = _only(answers["shift"], only)
        rows = [row for row in rows if row["machine"] == only]
    if not rows:
        raise InputError(f"There are no facts of {only or given['site']} in the shift {chosen['shift'][0]}")
    for row in rows:
        for name, text in machine.questions().items():
            answers[f"{name}@{row['machine']}"] = asking.ask(text, None, **chosen, machine=[row["machine"]])
    return Asked("shift", dict(given), min(row["as_of"] for row in rows), rows[0]["definition"], answers)


def _only(result: Result, machine: str) -> Result:
    place = [column.name for column in result.columns].index("machine")
    return Result(result.columns, [row for row in result.rows if row[place] == machine])


def _weeks_of(asking: _Asking, wish: Mapping[str, str]) -> dict[str, str]:
    site = _site(asking, wish.get("site", ""))
    ticks = records(asking.ask(questions.TICK))
    if not ticks or ticks[0]["tick_time"] is None:
        raise InputError("The engine has not run yet, so there is nothing to report")
    given = Asked("plant", {}, ticks[0]["tick_time"], "", {"place": asking.ask(questions.PLACE, site=[site])})
    today = ticks[0]["tick_time"].astimezone(zone_of(given)).date()
    try:
        until = date.fromisoformat(wish["until"]) if wish.get("until") else today - timedelta(days=7)
        count = int(wish.get("weeks", "4"))
    except ValueError as error:
        raise InputError(f"--until: {wish.get('until')} is no day; write it like 2026-03-23") from error
    last = until - timedelta(days=until.weekday())
    return {"site": site, "first": str(last - timedelta(weeks=count - 1)), "weeks": str(count)}


def _ask_plant(asking: _Asking, given: Mapping[str, str]) -> Asked:
    first, after = weeks(given)
    chosen = {"site": [given["site"]], "first": [str(first)], "next": [str(after)]}
    place = asking.ask(questions.PLACE, None, **chosen)
    zone = zone_of(Asked("plant", given, datetime.now(UTC), "", {"place": place}))
    start, end = (datetime.combine(day, datetime.min.time(), zone) for day in (first, after))
    answers = {name: asking.ask(text, Window(start, end), **chosen) for name, text in plant.asked().items()}
    rows = records(answers["weeks"])
    tick = records(asking.ask(questions.TICK))[0]["tick_time"]
    return Asked("plant", dict(given), min(tick, end), rows[0]["definition"] if rows else _DEFINITION, answers)


def _ask_programme(asking: _Asking, now: datetime) -> Asked:
    window = Window(now, now)
    answers = {"effects": asking.ask(programme.EFFECTS), "foremost": asking.ask(programme.FOREMOST)}
    found: dict[str, Result] = {}
    for language in LANGUAGES:
        board = _board(language)
        sites = [str(row[0]) for row in asking.ask(board["templating"]["list"][0]["query"]).rows]
        for panel in board["panels"]:
            text = panel["targets"][0]["rawSql"]
            if text not in found:  # most questions have no words of a language
                found[text] = asking.ask(text, window, site=sites)
            answers[f"{panel['id']}.{language}"] = found[text]
    return Asked("programme", {}, now, _DEFINITION, answers)


def _ask(asking: _Asking, kind: str, given: Mapping[str, str], now: datetime) -> Asked:
    if kind == "programme":
        return _ask_programme(asking, now)
    return _ask_shift(asking, given) if kind == "shift" else _ask_plant(asking, given)
