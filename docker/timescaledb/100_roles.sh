#!/bin/sh
# Roles of the database, made once with the empty data directory. `stanok` owns what `stanok migrate` creates;
# `boards` is Grafana's and can only read the published views. Passwords never stand on a command line.
set -eu
cd "${STANOK_SECRETS:-/run/stanok}"
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set stanok_password `cat postgres-stanok`
\set boards_password `cat postgres-boards`
CREATE ROLE stanok LOGIN PASSWORD :'stanok_password';
CREATE ROLE boards LOGIN PASSWORD :'boards_password';
ALTER ROLE boards SET default_transaction_read_only = on;
ALTER ROLE boards SET statement_timeout = '30s';
REVOKE ALL ON DATABASE stanok FROM PUBLIC;
ALTER DATABASE stanok OWNER TO stanok;
GRANT CONNECT ON DATABASE stanok TO boards;
-- `stanok migrate` drops schema board and makes it anew when the views change, and grants vanish with it.
CREATE FUNCTION public.open_boards() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF to_regnamespace('board') IS NOT NULL THEN
    GRANT USAGE ON SCHEMA board TO boards;
    GRANT SELECT ON ALL TABLES IN SCHEMA board TO boards;
  END IF;
END
$$;
CREATE EVENT TRIGGER open_boards ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA', 'CREATE VIEW')
  EXECUTE FUNCTION public.open_boards();
SQL
