"""SQL files are SQL, also those that no server at hand can run: PostgreSQL's own parser reads them."""

from __future__ import annotations

from pathlib import Path

import pglast
import pytest

from storage.pg.capability import Timescale
from storage.pg.migrate import MIGRATIONS, VIEWS, read_migrations
from storage.pg.roles import ROLES

FILES = [*sorted(MIGRATIONS.glob("*.sql")), *sorted(VIEWS.glob("*.sql")), ROLES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_and_every_body_in_it_can_be_parsed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert pglast.parse_sql(text)
    if "language plpgsql" in text:
        assert pglast.parse_plpgsql(text)


def test_a_body_that_is_no_sql_is_found() -> None:
    with pytest.raises(pglast.parser.ParseError):
        pglast.parse_plpgsql("create function a() returns void language plpgsql as $$ begin selec 1; end $$;")


def test_what_the_community_edition_alone_can_do_says_so() -> None:
    """`python -m tests.community` runs these; no server of that edition is among those of tests/contracts."""
    words = ("timescaledb.compress", "compress_chunk", "add_columnstore_policy", "add_compression_policy", "continuous")
    using = {file.name for file in read_migrations() if any(word in file.sql for word in words)}
    assert using == {file.name for file in read_migrations() if file.requires is Timescale.COMMUNITY} != set()
