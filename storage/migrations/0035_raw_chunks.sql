-- Raw samples lie in chunks of schema stanok_raw, which belongs to whom everything else belongs: nothing here needs a
-- superuser. Without TimescaleDB the chunks are partitions, a day of gauges or a week of events each, made ahead by
-- stanok.add_chunk; what fits into none lies in `_rest` until there is one for it. Samples of before stay together in
-- `_before`. Nothing is copied, however much there is; the server looks through them twice.
-- requires: plain
-- replaces: 0003

drop schema if exists board, stanok_formula cascade;
create schema stanok_raw;
comment on schema stanok_raw is 'Where raw samples lie; they are read and written through the tables of schema stanok.';

create function stanok.chunk_length(what text) returns interval language sql immutable parallel safe
    return case what when 'sample_gauge' then interval '1 day' else interval '7 days' end;
comment on function stanok.chunk_length is 'Time that a partition of raw samples holds: gauges are many, events are kept for years.';

create function stanok.chunk_start(what text, moment timestamptz) returns timestamptz language sql immutable parallel safe
    return date_bin(stanok.chunk_length(what), moment, '2001-01-01 00:00+00'); -- a Monday
comment on function stanok.chunk_start is 'Start of the partition that an instant belongs to [UTC].';

create function stanok.raw_chunks(what text) returns table (name text, until timestamptz)
    language sql stable set search_path = pg_catalog
begin atomic
    select c.relname::text,
        substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''\)')::timestamptz
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = to_regclass(format('stanok.%I', what)) and c.relispartition;
end;
comment on function stanok.raw_chunks is 'Partitions of a table of raw samples and the end of each, excluded, NULL for what fits into none; nothing where TimescaleDB keeps them.';

do $$
declare
    what text;
    until timestamptz;
    has_rows boolean;
    hyper boolean;
    place constant text := (
        select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'timescaledb'
    );
begin
    foreach what in array array['sample_event', 'sample_gauge'] loop
        hyper := false;
        execute format('select exists (select from stanok.%I)', what) into has_rows;
        if place is not null then
            execute 'select exists (select from timescaledb_information.hypertables'
                ' where hypertable_schema = ''stanok'' and hypertable_name = $1)' using what into hyper;
        end if;
        continue when hyper and has_rows; -- their chunks stay where they are
        execute format('alter table stanok.%I set schema stanok_raw', what);
        execute format('alter table stanok_raw.%I rename to %I', what, what || '_before');
        execute format('alter index stanok_raw.%I rename to %I', what || '_time', what || '_before_time');
        execute format('alter index stanok_raw.%I rename to %I', what || '_received', what || '_before_received');
        execute format('alter index stanok_raw.%I rename to %I', what || '_text', what || '_before_text');
        execute format('create table stanok.%I (like stanok_raw.%I including comments)%s', what, what || '_before',
            case when hyper then '' else ' partition by range (event_time)' end);
        execute format('comment on table stanok.%I is %L', what,
            obj_description(format('stanok_raw.%I', what || '_before')::regclass, 'pg_class'));
        execute format('create index %I on stanok.%I using brin (event_time)'
            ' with (pages_per_range = 16, autosummarize = on)', what || '_time', what);
        execute format('create index %I on stanok.%I using brin (received_time)'
            ' with (pages_per_range = 16, autosummarize = on)', what || '_received', what);
        execute format('create index %I on stanok.%I (event_time) where text is not null', what || '_text', what);
        if hyper then
            execute format('drop table stanok_raw.%I', what || '_before');
            execute format('select %I.create_hypertable(%L, ''event_time'', chunk_time_interval => interval ''6 hours'','
                ' create_default_indexes => false, associated_schema_name => ''stanok_raw'')', place, 'stanok.' || what);
            continue;
        end if;
        execute format('create table stanok_raw.%I partition of stanok.%I default', what || '_rest', what);
        if not has_rows then
            execute format('drop table stanok_raw.%I', what || '_before');
            continue;
        end if;
        execute format('select stanok.chunk_start(%L, coalesce((select tick_time from stanok.engine_state), max(event_time)))'
            ' + stanok.chunk_length(%1$L) from stanok_raw.%I', what, what || '_before') into until;
        execute format('with gone as (delete from stanok_raw.%I where event_time >= $1 returning *)'
            ' insert into stanok_raw.%I select * from gone', what || '_before', what || '_rest') using until;
        execute format('alter table stanok.%I attach partition stanok_raw.%I for values from (minvalue) to (%L)',
            what, what || '_before', until);
    end loop;
end $$;

create function stanok.add_chunk() returns text
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '10s' as $$
declare
    what text;
    rest text;
    made text;
    since timestamptz;
    until timestamptz;
    taken timestamptz; -- end of what lies in the partition of before
    tick constant timestamptz := coalesce((select tick_time from stanok.engine_state), now()); -- before an engine ran
begin
    foreach what in array array['sample_event', 'sample_gauge'] loop
        rest := (select name from stanok.raw_chunks(what) c where c.until is null);
        continue when rest is null;
        taken := coalesce((select c.until from stanok.raw_chunks(what) c where name = what || '_before'), '-infinity');
        execute format(
            'select min(s) from ('
            ' select s from generate_series(stanok.chunk_start($1, $2), $2 + interval ''14 days'', stanok.chunk_length($1)) s'
            ' union select stanok.chunk_start($1, min(event_time)) from stanok_raw.%I'
            '  where event_time < $2 + interval ''14 days'' and event_time >= $3'
            ') w where s >= $3 and not exists (select from stanok.raw_chunks($1) where until = s + stanok.chunk_length($1))',
            rest) using what, tick, taken into since;
        continue when since is null;
        until := since + stanok.chunk_length(what);
        made := what || to_char(since at time zone 'UTC', '_YYYYMMDD');
        execute format('create table stanok_raw.%I (like stanok.%I including all)', made, what);
        execute format('lock table stanok_raw.%I in access exclusive mode', rest); -- no commit adds to it meanwhile
        execute format('with gone as (delete from stanok_raw.%I where event_time >= $1 and event_time < $2 returning *)'
            ' insert into stanok_raw.%I select * from gone', rest, made) using since, until;
        execute format('alter table stanok.%I attach partition stanok_raw.%I for values from (%L) to (%L)',
            what, made, since, until);
        if to_regrole('stanok_maintenance') is not null then
            execute format('grant select on stanok_raw.%I to stanok_maintenance', made);
        end if;
        return made;
    end loop;
    return null;
end $$;
comment on function stanok.add_chunk is 'Makes one of the partitions of raw samples that the next fortnight needs, or that rows which fit into none need; NULL where there is nothing to do.';

create or replace function stanok.forget_samples(what text, before timestamptz, most integer) returns bigint
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '10s' as $$
declare
    place constant text := (
        select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'timescaledb'
    );
    found text;
    gone bigint := 0;
    less bigint;
begin
    if what not in ('sample_event', 'sample_gauge')
        or before > (select min(minutes_from) from stanok.kept) or not exists (select from stanok.kept) then
        raise exception 'these samples are kept' using errcode = 'insufficient_privilege';
    end if;
    if not exists (select from stanok.raw_chunks(what)) then
        execute format('select count(*) from %I.drop_chunks(%L::regclass, $1)', place, 'stanok.' || what)
        using before into gone;
        return gone;
    end if;
    for found in select name from stanok.raw_chunks(what) where until <= before loop
        execute format('drop table stanok_raw.%I', found);
        gone := gone + 1;
    end loop;
    -- Rows that share a partition with younger ones.
    for found in select name from stanok.raw_chunks(what) where name in (what || '_before', what || '_rest') loop
        execute format(
            'delete from stanok_raw.%1$I where ctid = any (array('
            'select ctid from stanok_raw.%1$I where event_time < $1 limit $2))', found) using before, most;
        get diagnostics less = row_count;
        gone := gone + less;
    end loop;
    return gone;
end $$;
comment on function stanok.forget_samples is 'Removes samples of one table from before a moment: whole chunks, or rows, as many as are asked for; tells how many.';

create or replace function stanok.index_chunk() returns text
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '10s' as $$
declare
    found record;
    chunks text := 'select ''stanok_raw'' as place, c.name, c.until from (values (''sample_event''), (''sample_gauge'')) w (what)'
        ' cross join lateral stanok.raw_chunks(what) c';
begin
    if exists (select from pg_extension where extname = 'timescaledb') then
        chunks := chunks || ' union all select chunk_schema, chunk_name, range_end from timescaledb_information.chunks'
            ' where hypertable_schema = ''stanok'' and hypertable_name in (''sample_event'', ''sample_gauge'')'
            ' and not is_compressed';
    end if;
    execute 'select c.place, c.name from (' || chunks || ') c'
        -- Chunks of a database of before may lie where only a superuser can let us; storage/roles.sql asks for it.
        ' where has_schema_privilege(c.place, ''create'')'
        ' and c.until < (select tick_time from stanok.engine_state) - interval ''1 hour'''
        ' and not exists ('
        ' select from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am a on a.oid = x.relam'
        ' where i.indrelid = format(''%I.%I'', c.place, c.name)::regclass and a.amname = ''btree'' and i.indpred is null)'
        ' order by c.until limit 1' into found;
    if found is null then
        return null;
    end if;
    execute format('create index %I on %I.%I (machine_id, event_time)', found.name || '_machine', found.place, found.name);
    return found.name;
end $$;
comment on function stanok.index_chunk is 'Gives the oldest closed chunk of raw samples that has none its index by machine and time; NULL where there is nothing to do.';

revoke execute on function stanok.chunk_length, stanok.chunk_start, stanok.raw_chunks, stanok.add_chunk from public;
