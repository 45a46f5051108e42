"""Fixtures of other rooms that these tests use."""

from tests.fix_postgres import database, empty_database, migrated_template, postgres_server

__all__ = ["database", "empty_database", "migrated_template", "postgres_server"]
