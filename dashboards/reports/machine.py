"""The page of one machine in the report of a shift: figures with bounds, losses, stops, the same shift of other weeks.

Pure; the questions are those of the board of one shift, so that board and page cannot disagree.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import palette
from dashboards.catalogue import LANGUAGES, catalogue
from dashboards.preview.drawing import Result
from dashboards.queries import shift as board
from dashboards.reports.answers import Answers, records
from dashboards.reports.blocks import bars, loss_table, ranked, tile, waterfall, with_share
from dashboards.reports.cells import Field, Manner, Record, cell, heads, lines, number
from dashboards.reports.document import Block, Cell, Figures, Part, Table, Words

FIGURES = (
    ("oee", "standard_good_h", "planned_busy_h"),
    ("availability", "production_h", "planned_busy_h"),
    ("effectiveness", "standard_total_h", "production_h"),
    ("quality_ratio", "standard_good_h", "standard_total_h"),
    ("spindle_utilization", "spindle_turning_h", "planned_busy_h"),
)
"""Figure, and the columns that it is the ratio of where no bound holds it back."""
_MOST_STOPS = 60
"""Lines of stops of a machine, the longest; how many are shorter and how long they lasted is written below."""


def questions() -> dict[str, str]:
    """What is asked of each machine: the questions of the board, those with words once a language."""
    worded = {
        f"{name}.{language}": make(language)
        for language in LANGUAGES
        for name, make in (("pareto", _pareto), ("stops", _all_stops))
    }
    return {"losses": board.LOSSES, "weeks": board.WEEKS, **worded}


def _pareto(language: str) -> str:
    return board.pareto(language, catalogue(language)["step.no_reason"])


def _all_stops(language: str) -> str:
    return board.stops(language, most=20_000)


def page(row: Record, answers: Answers, manner: Manner, *, fresh: bool) -> Part:
    """The page of a row of board.kpi_shift; answers are named `question.language@machine`. `fresh`: on a new sheet."""
    machine = row["machine"]

    def asked(name: str) -> Result:
        return answers.get(f"{name}.{manner.language}@{machine}") or answers[f"{name}@{machine}"]

    losses = records(asked("losses"))
    blocks: list[Block] = [_tiles(row, manner), _bounds(row, manner)]
    if losses:
        blocks += [waterfall(losses, manner), loss_table(losses, machine, manner)]
    blocks += _stops(records(asked("pareto")), records(asked("stops")), machine, manner)
    blocks += _weeks(records(asked("weeks")), machine, manner)
    return Part(f"{row['title']} · {machine}", blocks, fresh=fresh)


def _tiles(row: Record, manner: Manner) -> Figures:
    say = manner.say
    made = number(row["parts_good"], "count", manner)
    scrap = say["report.scrap"].format(scrap=number(row["parts_scrap"], "count", manner))
    return Figures(
        [
            tile(row, "oee", manner, marks=palette.OEE_STEPS),
            *(tile(row, name, manner) for name in ("availability", "effectiveness", "quality_ratio")),
            tile(row, "coverage", manner, marks=palette.COVERAGE_STEPS),
            (say["column.parts_good"], made, scrap, None),
        ]
    )


def _bounds(row: Record, manner: Manner) -> Table:
    say = manner.say
    fields = [
        Field("figure", "text", 2.2),
        *(Field(name, "ratio", 1.1) for name in ("value", "low", "high")),
        Field("upper_h", "hours", 1.2),
        Field("lower_h", "hours", 1.2),
    ]
    found: list[Record] = []
    for name, upper, lower in FIGURES:
        value = row[name]
        why = "" if value is not None else say[f"reason.{_why(name, row)}"]
        ends = {"low": row[f"{name}_low"], "high": row[f"{name}_high"]}
        figure = say[f"column.{name}"]
        found.append(
            {"figure": figure, "value": value, **ends, "upper_h": row[upper], "lower_h": row[lower], "why": why}
        )
    covered = {"figure": say["column.coverage"], "value": row["coverage"], "low": row["coverage"]}
    covered |= {"high": row["coverage"], "upper_h": row["observed_h"], "lower_h": row["planned_busy_h"], "why": ""}
    cells = lines([*found, covered], fields, manner)
    if any(row["why"] for row in found):
        fields.append(Field("why", "text", 2.4))
        cells = [[*line, Cell(row["why"], row["why"])] for line, row in zip(cells, [*found, covered], strict=True)]
    about = say["panel.bounds.title"], say["panel.bounds.description"]
    return Table(say["report.sheet.bounds"], *about, heads(fields, manner), cells)


def _why(figure: str, row: Record) -> str:
    """Key of the reason for an undefined figure: the view's own, or what the figure lacks for itself."""
    if not row["planned_busy_h"]:
        return "no_planned_time"
    return "no_spindle_signal" if figure == "spindle_utilization" else str(row["reason"] or "no_parts")


def _stops(pareto: Sequence[Record], stops: Sequence[Record], machine: str, manner: Manner) -> list[Block]:
    say = manner.say
    title = say["panel.shift_pareto.title"]
    if not stops:
        return [Words(say["report.no_stops"])]
    total = sum(row["lost_min"] for row in stops)
    named = [(row["name"], row["lost_min"], with_share(row["lost_min"], total, manner)) for row in pareto]
    picture = bars(title, say["panel.shift_pareto.description"], named)
    states = {key.removeprefix("state."): text for key, text in say.words.items() if key.startswith("state.")}
    colours = {state.name.lower(): colour for state, colour in palette.STATE_COLOURS.items()}
    causes = {key.removeprefix("cause."): text for key, text in say.words.items() if key.startswith("cause.")}
    fields = [
        Field("from_time", "moment", 1.5),
        Field("lost_min", "minutes", 1.1),
        Field("state", "text", 1.5, words=states, colours=colours),
        Field("cause", "text", 1.7, words=causes),
        Field("told_reason", "text", 1.7),
        Field("note", "text", 1.6),
    ]
    longest = sorted(sorted(stops, key=lambda row: -row["lost_min"])[:_MOST_STOPS], key=lambda row: row["from_time"])
    shown = lines(longest, fields, manner)
    rest = total - sum(row["lost_min"] for row in longest)
    sums = [_sum(say["report.all_stops"].format(count=len(stops)), total, len(fields), manner)]
    if len(stops) > len(longest):
        sums.insert(0, _sum(say["report.shorter"].format(count=len(stops) - len(longest)), rest, len(fields), manner))
    about = say["panel.shift_stops.title"], say["panel.shift_stops.description"]
    table = Table(f"{say['report.sheet.stops']} {machine}", *about, heads(fields, manner), [*shown, *sums], len(sums))
    shares = [{**row, "share": row["lost_min"] / total if total else None} for row in pareto]
    columns = [Field("name", "text", 3), Field("lost_min", "minutes"), Field("share", "ratio", heading="share_stops")]
    pareto_table = Table(
        f"{say['report.sheet.pareto']} {machine}", title, say["report.pareto"], heads(columns, manner),
        lines(shares, columns, manner), paper=False,
    )  # fmt: skip
    return [picture, pareto_table, table]


def _sum(words: str, minutes: float, width: int, manner: Manner) -> list[Cell]:
    return [Cell(words, words), cell(minutes, Field("lost_min", "minutes"), manner), *[Cell("")] * (width - 2)]


def _weeks(weeks: Sequence[Record], machine: str, manner: Manner) -> list[Block]:
    say = manner.say
    dated = [{**row, "shift": _shift_name(row["shift"], manner)} for row in weeks]
    if len(dated) < 2:
        return [Words(say["report.no_weeks"], small=True)]
    fields = [
        Field("shift", "text", 1.8),
        *(Field(name, "ratio") for name in ("oee", "oee_low", "oee_high", "availability", "effectiveness")),
        *(Field(name, "ratio") for name in ("quality_ratio", "coverage")),
        Field("parts_good", "count"),
    ]
    place = f"{say['report.sheet.weeks']} {machine}", say["panel.weeks.title"], say["panel.weeks.description"]
    table = Table(*place, heads(fields, manner), lines(dated, fields, manner))
    return [ranked("report.weeks", [(row["shift"], row) for row in dated], "oee", manner), table]


def _shift_name(name: str, manner: Manner) -> str:
    """A shift as the queries name it, with its day as the language writes it."""
    day, _, shift = name.partition(" · ")
    year, month, date = day.split("-")
    return f"{date}.{month}.{year} · {shift}" if manner.language == "ru" else name
