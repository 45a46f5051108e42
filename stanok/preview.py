"""`stanok boards preview`: the preview's server on a database of ours, reading as the role of boards."""

from __future__ import annotations

from dashboards.preview.server import Preview
from storage.pg.connect import connect
from storage.pg.readers import board_role


def preview(dsn: str, port: int) -> Preview:
    """The running preview; port 0 takes a free one.

    Raises DatabaseError if the database is not there, InputError if plotly is missing or the port is taken.
    """
    with connect(dsn, "stanok preview") as connection:
        role = board_role(connection)
    return Preview(dsn, role, port)
