-- What boards ask: which stretches touch a window. What lasts has no end and stands in no index by ends: it is replaced
-- with every commit, what has ended hardly ever.
-- requires: plain

create index state_interval_ended on stanok.state_interval (to_time, from_time) where to_time is not null;

alter table stanok.data_gap add column reach timestamptz not null generated always as (
    case when to_time is null or scope = 'count' and booked_time is null then 'infinity' else greatest(to_time, booked_time) end
) stored;
comment on column stanok.data_gap.reach is
    'Up to when it matters for a figure: its end or the instant at which parts were booked for it; infinity while that is open [UTC]';
create index data_gap_reach on stanok.data_gap (machine_id, reach);
create index data_gap_ended on stanok.data_gap (to_time, from_time) where to_time is not null;
create index data_gap_lasting on stanok.data_gap (machine_id) where to_time is null;

-- Samples with a text are few, and read apart from the others.
create index sample_event_text on stanok.sample_event (event_time) where text is not null;
create index sample_gauge_text on stanok.sample_gauge (event_time) where text is not null;

-- As before; an index of a part of the rows is not the one that a closed chunk gets.
create or replace function stanok.index_chunk() returns text
    language plpgsql security definer set search_path = pg_catalog as $$
declare
    found record;
begin
    if not exists (select from pg_extension where extname = 'timescaledb') then
        return null;
    end if;
    select c.chunk_schema, c.chunk_name into found
    from timescaledb_information.chunks c
    where c.hypertable_schema = 'stanok' and c.hypertable_name in ('sample_event', 'sample_gauge')
        and not c.is_compressed
        and has_schema_privilege(c.chunk_schema, 'create') -- storage/roles.sql gives it where it may
        and c.range_end < (select tick_time from stanok.engine_state) - interval '1 hour'
        and not exists (
            select from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am a on a.oid = x.relam
            where i.indrelid = format('%I.%I', c.chunk_schema, c.chunk_name)::regclass and a.amname = 'btree' and i.indpred is null
        )
    order by c.range_end
    limit 1;
    if found is null then
        return null;
    end if;
    execute format('create index %I on %I.%I (machine_id, event_time)',
        found.chunk_name || '_machine', found.chunk_schema, found.chunk_name);
    return found.chunk_name;
end $$;
