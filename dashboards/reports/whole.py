"""The whole document of a report: what it is about, what it rests on, what a reader must know first, and its parts.

Pure. The number stands on it; whoever types the number gets the same figures again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from dashboards.catalogue import catalogue
from dashboards.preview.dress import Json
from dashboards.reports import plant, programme, shift
from dashboards.reports.answers import Asked, records
from dashboards.reports.cells import Manner, moment
from dashboards.reports.document import Document, Part


@dataclass(frozen=True)
class Standing:
    """`made`: when it was printed first, by which `program`; `kept`: it can be printed again; `changed`: questions that
    are answered differently now, as report `newer`; `revises`: the number of the report that this one replaces.
    """

    made: datetime
    program: str
    kept: bool = True
    changed: Sequence[str] = ()
    newer: str = ""
    revises: str = ""


def document(asked: Asked, standing: Standing, language: str, board: Json | None = None) -> Document:
    """The report in a language; `board`: the built board Programmes, for a report of programmes."""
    manner = Manner(catalogue(language), zone_of(asked))
    say = manner.say
    subtitle, about = _about(asked, manner)
    marks = {
        say["report.number"]: asked.number,
        **about,
        say["report.as_of"]: f"{moment(asked.as_of, 'moment', manner)} ({manner.zone})",
        say["report.definition"]: say["report.defined"].format(name=asked.definition),
        say["report.made"]: f"{moment(standing.made, 'moment', manner)}, Stanok {standing.program}",
    }
    foot = say["report.again" if standing.kept else "report.not_kept"].format(kind=asked.kind, number=asked.number)
    title = say["programmes.report.title"] if asked.kind == "programme" else say[f"report.title.{asked.kind}"]
    return Document(
        language=language,
        number=asked.number,
        title=title,
        subtitle=subtitle,
        marks=marks,
        parts=_parts(asked, manner, board),
        made=standing.made,
        foot=foot,
        wide=asked.kind != "shift",
        warning=_warnings(asked, standing, manner),
    )


def zone_of(asked: Asked) -> tzinfo:
    """The plant's zone; UTC where several plants are told of."""
    place = records(asked.answers["place"]) if "place" in asked.answers else []
    return ZoneInfo(place[0]["zone"]) if place else UTC


def weeks(parameters: Mapping[str, str]) -> tuple[date, date]:
    """(first Monday, the Monday after the last week) of a plant's report."""
    first = date.fromisoformat(parameters["first"])
    return first, first + timedelta(weeks=int(parameters["weeks"]))


def _about(asked: Asked, manner: Manner) -> tuple[str, dict[str, str]]:
    say, given = manner.say, asked.parameters
    if asked.kind == "programme":
        return say["report.all_plants"], {}
    (place,) = records(asked.answers["place"])
    where = f"{place['site_title']} ({given['site']})"
    if asked.kind == "plant":
        first, after = weeks(given)
        days = f"{moment(first, 'day', manner)} – {moment(after - timedelta(days=1), 'day', manner)}"
        return f"{place['site_title']} · {days}", {say["report.plant_name"]: where, say["report.weeks_of"]: days}
    day = moment(date.fromisoformat(given["day"]), "day", manner)
    name = say["report.shift_name"].format(shift=given["shift"], day=day)
    span = shift.span(asked.answers, manner)
    machine = {say["report.machine"]: given["machine"]} if given.get("machine") else {}
    return f"{place['site_title']} · {name}", {say["report.plant_name"]: where, say["report.span"]: span, **machine}


def _parts(asked: Asked, manner: Manner, board: Json | None) -> list[Part]:
    if asked.kind == "programme":
        assert board is not None
        return programme.parts(asked.answers, board, manner)
    if asked.kind == "shift":
        return shift.parts(asked.answers, manner)
    return plant.parts(asked.answers, manner)


def _warnings(asked: Asked, standing: Standing, manner: Manner) -> list[str]:
    say = manner.say
    found = []
    if running(asked):
        found.append(say["report.running"].format(as_of=moment(asked.as_of, "moment", manner)))
    if standing.changed:
        words = ", ".join(dict.fromkeys(_question(name, manner) for name in standing.changed))
        found.append(say["report.changed"].format(what=words, number=standing.newer))
    if standing.revises:
        found.append(say["report.revises"].format(number=standing.revises))
    return found


def running(asked: Asked) -> bool:
    """Whether what it tells of had not ended."""
    if asked.kind == "shift":
        return any(row["as_of"] < row["shift_end"] for row in records(asked.answers["shift"]))
    if asked.kind == "plant":
        end = datetime.combine(weeks(asked.parameters)[1], datetime.min.time(), zone_of(asked))
        return asked.as_of < end
    return False


def _question(name: str, manner: Manner) -> str:
    """What a question is about, and of which machine."""
    kind, _, machine = name.partition("@")
    words = manner.say.words.get(f"report.question.{kind.partition('.')[0]}", manner.say["report.question.other"])
    return f"{words} {machine}" if machine else words
