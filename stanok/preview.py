"""`stanok boards preview`: the preview's server on a database of ours, reading as the role of boards."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.errors import StanokError
from dashboards.preview.form import Teller
from dashboards.preview.server import Preview
from stanok.operator import Operator, known_from
from storage.pg.connect import connect
from storage.pg.readers import board_role


def preview(dsn: str, port: int, operator: Callable[[], Operator] | None = None) -> Preview:
    """The running preview; port 0 takes a free one. With `operator` (made anew for each entry) it has the form, too.

    Raises DatabaseError if the database is not there, InputError if plotly is missing or the port is taken.
    """
    with connect(dsn, "stanok preview") as connection:
        role = board_role(connection)
    return Preview(dsn, role, port, teller=None if operator is None else _teller(dsn, operator))


def _teller(dsn: str, operator: Callable[[], Operator]) -> Teller:
    plant = operator().plant

    def tell(kind: str, fields: Mapping[str, str]) -> str:
        def field(name: str) -> str:
            return fields.get(name, "")

        try:
            if kind == "scrap":
                parts = int(field("parts")) if field("parts").isdecimal() else 0
                told = operator().add_scrap
                program, author, note = field("program"), field("author"), field("note")
                done = told(field("machine"), field("since"), parts, program, author, note, known_from(dsn, plant))
            else:
                names = (field(name) for name in ("machine", "since", "until", "reason", "author", "note"))
                done = operator().add_reason(*names)
        except StanokError as error:
            return str(error)
        return f"{done.entry.id} {'✓' if done.new else '='} {done.entry.machine}"

    return Teller(
        machines=[(machine.name, f"{machine.title} · {machine.name}") for machine in plant.machines],
        reasons={
            "en": [(reason.code, reason.en) for reason in plant.reasons],
            "ru": [(reason.code, reason.ru) for reason in plant.reasons],
        },
        tell=tell,
    )
