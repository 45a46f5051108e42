"""The report of one shift: the hall on a page, then each machine on its own.

Pure: questions by name and the document from their answers. Sums over machines are made from sums; the bounds of a sum
are those of its machines weighted by their planned busy time, which is exact for ratios over that time.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboards import palette
from dashboards.queries import report as questions
from dashboards.reports import machine
from dashboards.reports.answers import Answers, records
from dashboards.reports.blocks import loss_table, ranked, tile, waterfall
from dashboards.reports.cells import Field, Manner, Record, heads, lines, moment, number
from dashboards.reports.document import Block, Figures, Part, Table

HALL = {"place": questions.PLACE, "shift": questions.SHIFT}
"""What is asked once."""


def parts(answers: Answers, manner: Manner) -> list[Part]:
    """The pages. Answers of a machine are named `question.language@machine`."""
    rows = records(answers["shift"])
    whole = [_hall(rows, answers, manner)] if len(rows) > 1 else []
    return [*whole, *(machine.page(row, answers, manner, fresh=bool(whole)) for row in rows)]


def span(answers: Answers, manner: Manner) -> str:
    """When the shift was, in the plant's time."""
    first = records(answers["shift"])[0]
    return f"{moment(first['shift_start'], 'moment', manner)} – {moment(first['shift_end'], 'clock', manner)}"


def _hall(rows: Sequence[Record], answers: Answers, manner: Manner) -> Part:
    say = manner.say
    busy = sum(row["planned_busy_h"] for row in rows)
    good, total = (sum(row[name] or 0 for row in rows) for name in ("parts_good", "parts_total"))

    of_parts = say["report.of_parts"].format(total=number(total, "count", manner))

    def weighted(column: str) -> float | None:
        values = [(row[column], row["planned_busy_h"]) for row in rows if row["planned_busy_h"]]
        if not busy or any(value is None for value, _ in values):
            return None
        return float(sum(value * weight for value, weight in values) / busy)

    names = [f"{name}{end}" for name in ("oee", "availability") for end in ("", "_low", "_high")]
    hall = {name: weighted(name) for name in (*names, "coverage")}
    figures = [
        tile(hall, "oee", manner, marks=palette.OEE_STEPS),
        tile(hall, "availability", manner),
        tile(hall, "coverage", manner, marks=palette.COVERAGE_STEPS),
        (say["column.parts_good"], number(good, "count", manner), of_parts, None),
    ]
    blocks: list[Block] = [
        Figures(figures),
        ranked("report.ranking", [(row["title"], row) for row in rows], "oee", manner),
    ]
    losses = [records(answers[f"losses@{row['machine']}"]) for row in rows]
    summed = _sum_losses(losses)
    if summed:
        blocks += [waterfall(summed, manner), loss_table(summed, say["report.hall"], manner)]
    blocks.append(_machines(rows, manner))
    return Part(say["report.hall"], blocks)


def _sum_losses(losses: Sequence[Sequence[Record]]) -> list[Record]:
    """The steps of all machines added up; steps that a machine without standard times lacks are left out for all."""
    if not losses or not all(losses):
        return []
    known = [step["step"] for step in losses[0] if all(any(s["step"] == step["step"] for s in rows) for rows in losses)]
    left = sum(rows[0]["loss_min"] + rows[0]["left_min"] for rows in losses)
    whole = left
    found: list[Record] = []
    for name in known:
        lost = sum(step["loss_min"] for rows in losses for step in rows if step["step"] == name)
        left -= lost
        found.append({"step": name, "loss_min": lost, "left_min": left, "share": lost / whole if whole else None})
    return found


def _machines(rows: Sequence[Record], manner: Manner) -> Table:
    fields = [
        Field("title", "text", 3),
        *(Field(name, "ratio") for name in ("oee", "oee_low", "oee_high", "availability", "effectiveness")),
        *(Field(name, "ratio") for name in ("quality_ratio", "coverage")),
        Field("parts_good", "count", 0.9),
        Field("parts_scrap", "count", 0.8),
    ]
    say = manner.say
    if any(row["reason"] for row in rows):
        words = {key.removeprefix("reason."): text for key, text in say.words.items() if key.startswith("reason.")}
        fields.append(Field("reason", "text", 1.8, words=words))
    place = say["panel.shift_machines.title"], say["panel.shift_machines.description"]
    return Table(say["report.sheet.machines"], *place, heads(fields, manner), lines(rows, fields, manner))
