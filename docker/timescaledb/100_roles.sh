#!/bin/sh
# Logins of the database, made once with the empty data directory: `stanok` migrates and owns, `engine` writes results,
# `boards` is Grafana's. What they may do comes from groups (storage/roles.sql), which `stanok` may not make itself.
# Passwords never stand on a command line.
set -eu
cd "${STANOK_SECRETS:-/run/stanok}"
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set stanok_password `cat postgres-stanok`
\set engine_password `cat postgres-engine`
\set boards_password `cat postgres-boards`
CREATE ROLE stanok LOGIN PASSWORD :'stanok_password';
CREATE ROLE engine LOGIN PASSWORD :'engine_password' CONNECTION LIMIT 4;
CREATE ROLE boards LOGIN PASSWORD :'boards_password' CONNECTION LIMIT 20;
ALTER ROLE boards SET default_transaction_read_only = on;
ALTER ROLE boards SET statement_timeout = '30s';
ALTER ROLE boards SET idle_in_transaction_session_timeout = '30s';
CREATE ROLE stanok_owner;
CREATE ROLE stanok_migration NOINHERIT IN ROLE stanok_owner;
CREATE ROLE stanok_engine;
CREATE ROLE stanok_maintenance;
CREATE ROLE stanok_collector;
CREATE ROLE stanok_reader;
CREATE ROLE stanok_reader_all IN ROLE stanok_reader;
CREATE ROLE stanok_ministry;
CREATE ROLE stanok_registrar IN ROLE stanok_ministry;
CREATE ROLE stanok_health;
GRANT stanok_owner TO stanok;
GRANT stanok_engine TO engine;
GRANT stanok_reader_all TO boards;
ALTER DATABASE stanok OWNER TO stanok;
SQL
