"""The cellar: the spool (SQLite) and the database (PostgreSQL, with or without TimescaleDB)."""
