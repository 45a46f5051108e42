-- Blocks of samples, too, become columns when they are a week old.
-- requires: timescaledb_tsl

alter table stanok.sample_block set (timescaledb.compress, timescaledb.compress_segmentby = 'machine_id',
    timescaledb.compress_orderby = 'event_time, received_time');

create or replace function stanok.compress_chunk() returns text
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '10s' as $$
declare
    place constant text := (
        select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'timescaledb'
    );
    found record;
begin
    select chunk_schema, chunk_name into found
    from timescaledb_information.chunks
    where hypertable_schema = 'stanok' and hypertable_name = any (stanok.raw_tables()) and not is_compressed
        and range_end < (select tick_time from stanok.engine_state) - interval '7 days'
    order by range_end
    limit 1;
    if found is null then
        return null;
    end if;
    execute format('select %I.compress_chunk(%L::regclass)', place, format('%I.%I', found.chunk_schema, found.chunk_name));
    return found.chunk_name;
end $$;
