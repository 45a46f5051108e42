"""PostgreSQL by psycopg: one connection, one transaction a commit."""
