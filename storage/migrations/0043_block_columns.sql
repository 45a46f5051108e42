-- Columns want single rows: of blocks they take three times the space. So a chunk of blocks that is a week old becomes rows
-- first, which then become columns as before.
-- requires: timescaledb_tsl

create or replace function stanok.compress_chunk() returns text
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '10s' as $$
declare
    place constant text := (
        select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'timescaledb'
    );
    found record;
begin
    select hypertable_name, chunk_schema, chunk_name, range_start, range_end into found
    from timescaledb_information.chunks
    where hypertable_schema = 'stanok' and hypertable_name = any (stanok.raw_tables()) and not is_compressed
        and range_end < (select tick_time from stanok.engine_state) - interval '7 days'
    order by range_end, hypertable_name
    limit 1;
    if found.hypertable_name = 'sample_block' then
        insert into stanok.sample_gauge
        select event_time, machine_id, signal_id, source_id, value, raw, quality, flags, seq, spool_id, record, row,
            received_time, null
        from stanok.sample_of_block
        where block_time >= found.range_start and block_time < found.range_end;
        execute format('select %I.drop_chunks(''stanok.sample_block''::regclass, older_than => %L::timestamptz,'
            ' newer_than => %L::timestamptz)', place, found.range_end, found.range_start);
    elsif found.chunk_name is not null then
        execute format('select %I.compress_chunk(%L::regclass)', place, format('%I.%I', found.chunk_schema, found.chunk_name));
    end if;
    return found.chunk_name;
end $$;
comment on function stanok.compress_chunk is 'Turns the oldest chunk of raw samples that is a week old into columns, one of blocks into rows; NULL where there is nothing to do.';
