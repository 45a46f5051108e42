-- Where the licence allows it, chunks of raw samples that are a week old become columns: about a tenth of the bytes.
-- By our own job (`stanok maintain`), because policies run only for an owner who may log in, by the server's clock.
-- Nothing is lost by it: late rows go into such a chunk as before, and answers are the same.
-- requires: timescaledb_tsl

do $$
declare
    what text;
begin
    for what in
        select hypertable_name from timescaledb_information.hypertables
        where hypertable_schema = 'stanok' and hypertable_name in ('sample_event', 'sample_gauge')
    loop
        execute format(
            'alter table stanok.%I set (timescaledb.compress, timescaledb.compress_segmentby = ''machine_id, signal_id'','
            ' timescaledb.compress_orderby = ''event_time, seq, record, row'')', what);
    end loop;
end $$;

create function stanok.compress_chunk() returns text
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '10s' as $$
declare
    place constant text := (
        select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'timescaledb'
    );
    found record;
begin
    select chunk_schema, chunk_name into found
    from timescaledb_information.chunks
    where hypertable_schema = 'stanok' and hypertable_name in ('sample_event', 'sample_gauge') and not is_compressed
        and range_end < (select tick_time from stanok.engine_state) - interval '7 days'
    order by range_end
    limit 1;
    if found is null then
        return null;
    end if;
    execute format('select %I.compress_chunk(%L::regclass)', place, format('%I.%I', found.chunk_schema, found.chunk_name));
    return found.chunk_name;
end $$;
comment on function stanok.compress_chunk is 'Turns the oldest chunk of raw samples that is a week old into columns; NULL where there is nothing to do.';
revoke execute on function stanok.compress_chunk from public;
