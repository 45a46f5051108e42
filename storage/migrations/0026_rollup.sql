-- Hours, shifts and days of facts, kept for ever: sums of closed minutes, changed by exact differences where those change.
-- Columns of measures are those of fact_minute; whoever adds one there adds it here.
-- requires: plain

create index fact_minute_open on stanok.fact_minute (machine_id, minute) where open;

create table stanok.fact_hour (like stanok.fact_minute including comments);
alter table stanok.fact_hour rename column minute to hour;
alter table stanok.fact_hour drop column shift_id, drop column open,
    add primary key (machine_id, hour, program_id, job_order);
alter table stanok.fact_hour set (fillfactor = 50); -- a running hour changes every minute, in its place
create index fact_hour_time on stanok.fact_hour (hour);
comment on table stanok.fact_hour is 'Closed minutes of one machine summed by hour, part program and job order.';
comment on column stanok.fact_hour.hour is 'Start of the hour [UTC]';

create table stanok.fact_shift (like stanok.fact_minute including comments);
alter table stanok.fact_shift drop column minute, drop column open,
    add primary key (machine_id, shift_id, program_id, job_order);
alter table stanok.fact_shift set (fillfactor = 50);
comment on table stanok.fact_shift is 'Closed minutes of one machine summed by shift, part program and job order; time outside shifts is not here.';
comment on column stanok.fact_shift.shift_id is 'Shift instance [id]';

create table stanok.fact_day (like stanok.fact_minute including comments);
alter table stanok.fact_day add column day date not null;
alter table stanok.fact_day drop column minute, drop column shift_id, drop column open,
    add primary key (machine_id, day, program_id, job_order);
alter table stanok.fact_day set (fillfactor = 50);
create index fact_day_time on stanok.fact_day (day);
comment on table stanok.fact_day is 'Closed minutes of one machine summed by production day, part program and job order.';
comment on column stanok.fact_day.day is 'Production day: of the shift, outside shifts the date at the site [date]';

create unlogged table stanok.fact_change (like stanok.fact_minute including comments);
alter table stanok.fact_change rename column minute to hour;
alter table stanok.fact_change add column day date not null, drop column open;
comment on table stanok.fact_change is 'What the running commit adds to the sums; empty between commits.';
comment on column stanok.fact_change.hour is 'Start of the hour [UTC]';
comment on column stanok.fact_change.day is 'Production day [date]';

create index shift_instance_day on stanok.shift_instance (site_id, production_day);

create table stanok.kept (
    machine_id bigint primary key,
    refold_from timestamptz not null,
    minutes_from timestamptz not null
);
comment on table stanok.kept is 'From when on the past of a machine is kept; no row: all of it.';
comment on column stanok.kept.machine_id is 'Machine [id]';
comment on column stanok.kept.refold_from is 'From when on it can be folded again [UTC]';
comment on column stanok.kept.minutes_from is 'From when on minutes are kept; earlier ones change no sums [UTC]';

-- The sums of what there is.
do $$
declare
    names text;
    sums text;
begin
    select string_agg(quote_ident(attname), ', ' order by attnum),
        string_agg(format('sum(f.%I)::bigint', attname), ', ' order by attnum)
    into names, sums
    from pg_attribute
    where attrelid = 'stanok.fact_minute'::regclass and attnum > 0 and not attisdropped
        and attname not in ('machine_id', 'minute', 'shift_id', 'program_id', 'job_order', 'open');
    execute format(
        'insert into stanok.fact_hour (machine_id, hour, program_id, job_order, %s)'
        ' select f.machine_id, date_bin(''1 hour'', f.minute, ''epoch''), f.program_id, f.job_order, %s'
        ' from stanok.fact_minute f where not f.open group by 1, 2, 3, 4', names, sums);
    execute format(
        'insert into stanok.fact_shift (machine_id, shift_id, program_id, job_order, %s)'
        ' select f.machine_id, f.shift_id, f.program_id, f.job_order, %s'
        ' from stanok.fact_minute f where not f.open and f.shift_id <> 0 group by 1, 2, 3, 4', names, sums);
    execute format(
        'insert into stanok.fact_day (machine_id, day, program_id, job_order, %s)'
        ' select f.machine_id, coalesce(s.production_day, (f.minute at time zone t.zone)::date),'
        ' f.program_id, f.job_order, %s'
        ' from stanok.fact_minute f join stanok.machine m on m.id = f.machine_id'
        ' join stanok.site t on t.id = m.site_id left join stanok.shift_instance s on s.id = f.shift_id'
        ' where not f.open group by 1, 2, 3, 4', names, sums);
end $$;

-- What goes when it is old. Only these functions remove it; who may call them stands in storage/roles.sql.

create table stanok.gap_time (
    machine_id bigint not null,
    scope text not null,
    from_time timestamptz not null,
    counter smallint not null,
    source_rank smallint not null,
    at_time timestamptz not null,
    shift_id bigint not null,
    amount bigint not null,
    primary key (machine_id, scope, from_time, counter, source_rank, shift_id, at_time)
);
comment on table stanok.gap_time is 'How much time of each gap counts, by hour and shift: noted when the minutes go, for the bands of the past.';
comment on column stanok.gap_time.machine_id is 'Machine [id]';
comment on column stanok.gap_time.scope is 'Scope of the gap in data_gap [text]';
comment on column stanok.gap_time.from_time is 'Start of the gap in data_gap [UTC]';
comment on column stanok.gap_time.counter is 'Counter of the gap in data_gap [code]';
comment on column stanok.gap_time.source_rank is 'Rank of the source of the gap in data_gap [1]';
comment on column stanok.gap_time.at_time is 'First minute that is counted here [UTC]';
comment on column stanok.gap_time.shift_id is 'Shift instance, 0 none [id]';
comment on column stanok.gap_time.amount is
    'Of the gap in this hour and shift. Scope state: unknown planned busy time; source: planned busy time; count: time in '
    'which parts may be made; gauge: known planned busy time but that in which a spindle turns [µs]';

create function stanok.keep_from(moment timestamptz) returns void
    language plpgsql security definer set search_path = pg_catalog as $$
begin
    if moment > (select tick_time from stanok.engine_state) - interval '7 days' then
        raise exception 'a week at least is kept' using errcode = 'insufficient_privilege';
    end if;
    perform from stanok.spool_cursor order by spool for update; -- a commit that runs does not know of it yet
    insert into stanok.kept as k (machine_id, refold_from, minutes_from)
    -- A state may be undecided about minutes before its hour; a day more of them makes that no matter.
    select machine_id, moment, moment - interval '1 day' from stanok.machine_live where settled >= moment
    on conflict (machine_id) do update set refold_from = excluded.refold_from, minutes_from = excluded.minutes_from
    where k.refold_from < excluded.refold_from;
end $$;
comment on function stanok.keep_from is 'From now on nothing before the moment is folded again, nor changes a sum; machines that are not there yet keep all.';

create function stanok.forget_minutes() returns table (minutes bigint, snapshots bigint)
    language plpgsql security definer set search_path = pg_catalog as $$
begin
    insert into stanok.gap_time (machine_id, scope, from_time, counter, source_rank, at_time, shift_id, amount)
    select f.machine_id, g.scope, g.from_time, g.counter, g.source_rank, min(f.minute), f.shift_id,
        sum(least(a.amount, (extract(epoch from
            least(f.minute + interval '1 minute', g.to_time) - greatest(f.minute, g.from_time)) * 1000000)::bigint))::bigint
    from (
        -- As stanok_formula.gaps, source_gaps, count_gaps and blind take them.
        select machine_id, minute, shift_id, sum(unknown)::bigint as unknown,
            sum(apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop)::bigint as known,
            sum(apt + apt_no_order + apt_out + aust + adot_setup + aust_out + unknown + unknown_out)::bigint as possible,
            sum(spindle_turning_us)::bigint as turning
        from stanok.fact_minute
        join stanok.kept using (machine_id)
        where minute < minutes_from
        group by 1, 2, 3
    ) f
    join (
        select machine_id, scope, from_time, counter, source_rank, coalesce(to_time, 'infinity') as to_time
        from stanok.data_gap
        where scope <> 'state' or outcome is distinct from 'recovered'
    ) g on g.machine_id = f.machine_id and g.from_time < f.minute + interval '1 minute' and g.to_time > f.minute
    cross join lateral (
        select case g.scope
            when 'state' then f.unknown
            when 'source' then f.known + f.unknown
            when 'count' then f.possible
            when 'gauge' then f.known - f.turning
        end as amount
    ) a
    where a.amount <> 0
    group by f.machine_id, g.scope, g.from_time, g.counter, g.source_rank,
        date_bin('1 hour', f.minute, 'epoch'), f.shift_id
    on conflict do nothing;
    insert into stanok.repair_done (machine_id, from_time, to_time, cause, done_time)
    select machine_id, min(minute), max(minutes_from), 'retention', max(tick_time)
    from stanok.fact_minute join stanok.kept using (machine_id) cross join stanok.engine_state
    where minute < minutes_from
    group by machine_id;
    delete from stanok.fact_minute f using stanok.kept k where k.machine_id = f.machine_id and f.minute < k.minutes_from;
    get diagnostics minutes = row_count;
    delete from stanok.machine_snapshot s using stanok.kept k where k.machine_id = s.machine_id and s.hour < k.refold_from;
    get diagnostics snapshots = row_count;
    return next;
end $$;
comment on function stanok.forget_minutes is 'Removes minutes and snapshots that are not kept; tells how many. Sums stay.';

create function stanok.forget_samples(what text, before timestamptz, most integer) returns bigint
    language plpgsql security definer set search_path = pg_catalog as $$
declare
    place constant text := (
        select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'timescaledb'
    );
    gone bigint;
begin
    if what not in ('sample_event', 'sample_gauge')
        or before > (select min(minutes_from) from stanok.kept) or not exists (select from stanok.kept) then
        raise exception 'these samples are kept' using errcode = 'insufficient_privilege';
    end if;
    if place is not null then
        execute format('select count(*) from %I.drop_chunks(%L::regclass, $1)', place, 'stanok.' || what)
        using before into gone;
        return gone;
    end if;
    execute format(
        'delete from stanok.%1$I where ctid = any (array('
        'select ctid from stanok.%1$I where event_time < $1 limit $2))', what) using before, most;
    get diagnostics gone = row_count;
    return gone;
end $$;
comment on function stanok.forget_samples is 'Removes samples of one table from before a moment: whole chunks, or rows, as many as are asked for; tells how many.';

create function stanok.index_chunk() returns text
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
            where i.indrelid = format('%I.%I', c.chunk_schema, c.chunk_name)::regclass and a.amname = 'btree'
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
comment on function stanok.index_chunk is 'Gives the oldest closed chunk of raw samples that has none its index by machine and time; NULL where there is nothing to do.';

revoke execute on function stanok.keep_from, stanok.forget_minutes, stanok.forget_samples, stanok.index_chunk from public;

create or replace function stanok.note_repair() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
    insert into stanok.repair_done (machine_id, from_time, to_time, cause, done_time)
    values (
        old.machine_id, old.from_time, old.to_time,
        case current_setting('stanok.refused', true) when 'on' then 'refused: ' else '' end || old.cause,
        (select tick_time from stanok.engine_state)
    );
    return null;
end $$;
