"""The report of a plant over whole weeks: indicators with their declared base, weeks, areas, machines, idle list.

Pure: questions by name and the document from their answers. Every figure is a row of board.indicator_week, none is made
here; a week is never averaged with another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dashboards import palette
from dashboards.catalogue import LANGUAGES
from dashboards.preview.drawing import Result
from dashboards.queries import report as questions
from dashboards.queries import stops as stops_board
from dashboards.reports.answers import Answers, records
from dashboards.reports.blocks import bars, ranked, tile
from dashboards.reports.cells import Field, Manner, Record, band, heads, lines, measured, moment
from dashboards.reports.document import NOTHING, Block, Cell, Figures, Part, Table, Words

INDICATORS = (
    ("load_actual", "ratio"),
    ("shift_factor", "factor"),
    ("readiness", "ratio"),
    ("equipment_use", "ratio"),
    ("integral_use", "ratio"),
    ("oee", "ratio"),
    ("calendar_oee", "ratio"),
    ("availability", "ratio"),
    ("allocation_efficiency", "ratio"),
    ("utilization_efficiency", "ratio"),
    ("coverage", "ratio"),
)
"""In the order of the first table, with their units; what each is and its base say report.base.*."""
_MOST_CAUSES = 12


def asked() -> dict[str, str]:
    """The questions; the stops are those of the board of stops, in the window of the weeks."""
    stops = {f"stops.{language}": stops_board.pareto(language) for language in LANGUAGES}
    return {"place": questions.PLACE, "weeks": questions.WEEKS, "idle": questions.IDLE, **stops}


def parts(answers: Answers, manner: Manner) -> list[Part]:
    """The pages."""
    weeks = records(answers["weeks"])
    sites = [row for row in weeks if row["level"] == "site"]
    machines = [row for row in weeks if row["level"] == "machine"]
    say = manner.say
    if not sites:
        return [Part(say["report.plant.figures"], [Words(say["report.nothing"])])]
    last = sites[-1]
    latest = [row for row in machines if row["week"] == last["week"]]
    first = Part(
        say["report.plant.week"].format(week=moment(last["week"], "day", manner)),
        [_tiles(last, manner), _indicators(last, manner), _weeks(sites, manner)],
    )
    second = Part(say["report.plant.orders"], [*_orders(latest, manner), *_idle(answers, manner)], fresh=True)
    areas = [row for row in weeks if row["level"] == "area"]
    third = Part(
        say["report.plant.annex"],
        [
            _table("weeks", sites, ("week", "machines", "days"), manner),
            _table("areas", areas, ("week", "area", "machines"), manner),
            _table("machines", machines, ("week", "title", "area"), manner),
            _hours(sites, manner),
            *_stops(answers[f"stops.{manner.language}"], manner),
        ],
        fresh=True,
    )
    return [first, second, third]


def _tiles(row: Record, manner: Manner) -> Figures:
    marks = {"oee": palette.OEE_STEPS, "coverage": palette.COVERAGE_STEPS}
    chosen = [(name, unit) for name, unit in INDICATORS if f"report.short.{name}" in manner.say.words]
    tiles = [(name, tile(row, name, manner, unit, marks.get(name, ()))) for name, unit in chosen]
    return Figures([(manner.say[f"report.short.{name}"], *rest) for name, (_, *rest) in tiles])  # type: ignore[misc]  # a tile is three words; mypy cannot count a star


def _indicators(row: Record, manner: Manner) -> Table:
    say = manner.say
    fields = [Field("figure", "text", 2.4), Field("value", "text", 1), Field("band", "text", 1.4)]
    fields += [Field("is", "text", 3.4), Field("base", "text", 3.4)]
    shown = []
    for name, unit in INDICATORS:
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        if name == "availability":
            low = row[name]
        text = measured(row[name], unit, manner)
        form = "0.00" if unit == "factor" else "0.0%"
        value = Cell(text, row[name], form) if row[name] is not None else Cell(f"{NOTHING} {_why(row, manner)}")
        between = "" if low is None or high is None else band(low, high, unit, manner)
        words = [say[f"report.indicator.{name}"], say[f"report.is.{name}"], say[f"report.base.{name}"]]
        cells = [Cell(word, word) for word in words]
        shown.append([cells[0], value, Cell(between, between), *cells[1:]])
    head = [replace(found, number=place == 1) for place, found in enumerate(heads(fields, manner))]
    return Table(say["report.sheet.indicators"], say["report.plant.figures"], say["report.plant.about"], head, shown)


def _why(row: Record, manner: Manner) -> str:
    """Why a ratio of weeks is undefined: its denominator is 0, or parts have no standard time."""
    return manner.say["reason.no_standard_time" if row["planned_busy_h"] else "reason.no_planned_time"]


def _weeks(sites: Sequence[Record], manner: Manner) -> Block:
    word = manner.say["report.week"]
    named = [(word.format(week=moment(row["week"], "day", manner)), row) for row in sites]
    return ranked("report.oee_weeks", named, "oee", manner)


def _orders(machines: Sequence[Record], manner: Manner) -> list[Block]:
    """Load under orders of each machine of the last week, the least used first: no orders, or bad running?"""
    ordered = sorted(machines, key=lambda row: (row["availability"] is not None, row["availability"] or 0))
    fields = [
        Field("title", "text", 2.4),
        Field("planned_busy_h", "hours", heading="planned_h"),
        *(Field(name, "hours") for name in ("no_order_h", "setup_h", "waiting_h", "breakdown_h")),
        Field("production_h", "hours"),
        Field("unknown_h", "hours"),
        *(Field(name, "ratio") for name in ("allocation_efficiency", "utilization_efficiency", "availability")),
    ]
    say = manner.say
    place = say["panel.orders_or_running.title"], say["panel.orders_or_running.description"]
    table = Table(say["report.sheet.orders"], *place, heads(fields, manner), lines(ordered, fields, manner))
    return [ranked("report.load", [(row["title"], row) for row in ordered], "load_actual", manner), table]


def _idle(answers: Answers, manner: Manner) -> list[Block]:
    say = manner.say
    rows = records(answers["idle"])
    if not rows:
        return [Words(say["report.no_idle"])]
    fields = [
        Field("title", "text", 2.2),
        Field("area", "text", 1.4),
        Field("week", "day", 1.2),
        *(Field(name, "ratio") for name in ("availability", "allocation_efficiency")),
        *(Field(name, "hours") for name in ("no_order_h", "waiting_h", "breakdown_h", "setup_h")),
    ]
    place = say["report.sheet.idle"], say["panel.idle.title"], say["panel.idle.description"]
    return [Table(*place, heads(fields, manner), lines(rows, fields, manner))]


def _table(name: str, rows: Sequence[Record], first: Sequence[str], manner: Manner) -> Table:
    """The indicators of each row with their bounds."""
    kinds = {"week": ("day", 1.3), "title": ("text", 2.2), "area": ("text", 1.4), "machines": ("count", 0.8)}
    names = [Field(column, *kinds.get(column, ("count", 0.7))) for column in first]
    fields = [
        *names,
        Field("coverage", "ratio"),
        *(Field(column, "ratio") for column in ("load_actual", "load_actual_high")),
        Field("shift_factor", "factor"),
        *(Field(column, "ratio") for column in ("readiness", "equipment_use", "integral_use")),
        *(Field(column, "ratio") for column in ("oee", "oee_low", "oee_high", "calendar_oee")),
        Field("parts_good", "count"),
    ]
    say = manner.say
    place = say[f"report.sheet.{name}"], say[f"report.plant.{name}"], say["report.plant.table"]
    return Table(*place, heads(fields, manner), lines(rows, fields, manner))


def _hours(sites: Sequence[Record], manner: Manner) -> Table:
    fields = [
        Field("week", "day", 1.3),
        Field("calendar_h", "hours"),
        Field("planned_busy_h", "hours", heading="planned_h"),
    ]
    names = ("order_h", "production_h", "setup_h", "waiting_h", "breakdown_h", "no_order_h", "unknown_h")
    fields += [Field(name, "hours") for name in names]
    say = manner.say
    place = say["report.sheet.hours"], say["report.plant.hours"], say["report.plant.hours_about"]
    return Table(*place, heads(fields, manner), lines(sites, fields, manner))


def _stops(answer: Result, manner: Manner) -> list[Block]:
    say = manner.say
    causes = {key.removeprefix("cause."): text for key, text in say.words.items() if key.startswith("cause.")}
    rows = [{**row, "lost_h": row["length_s"] / 3600} for row in records(answer)]
    if not rows:
        return [Words(say["report.no_stops"])]
    named = [
        (
            f"{causes.get(row['cause'], row['cause'])} · {row['told_reason']}",
            row["lost_h"],
            measured(row["lost_h"], "hours", manner),
        )
        for row in rows[:_MOST_CAUSES]
    ]
    place = say["panel.pareto.title"], say["panel.pareto.description"]
    fields = [Field("cause", "text", 2, words=causes), Field("told_reason", "text", 2), Field("lost_h", "hours")]
    fields += [Field("stops", "count"), Field("machines", "count")]
    table = Table(say["report.sheet.stops"], *place, heads(fields, manner), lines(rows, fields, manner))
    return [bars(*place, named), table]
