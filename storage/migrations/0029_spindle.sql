-- Gaps of scope gauge tell apart whether a spindle may have turned unseen, or stood although its speed says that it turned.
-- requires: plain

comment on column stanok.data_gap.counter is
    'Scope count: 0 total, 1 good, 2 scrap; gauge: -1 no spindle is seen to turn, -2 one turns by its speed alone; otherwise -1 [code]';
comment on column stanok.gap_time.amount is
    'Of the gap in this hour and shift. Scope state: unknown planned busy time; source: planned busy time; count: time in '
    'which parts may be made; gauge: known planned busy time in which no spindle turns, or with counter -2 one does [µs]';

create or replace function stanok.forget_minutes() returns table (minutes bigint, snapshots bigint)
    language plpgsql security definer set search_path = pg_catalog as $$
begin
    insert into stanok.gap_time (machine_id, scope, from_time, counter, source_rank, at_time, shift_id, amount)
    select f.machine_id, g.scope, g.from_time, g.counter, g.source_rank, min(f.minute), f.shift_id,
        sum(least(a.amount, (extract(epoch from
            least(f.minute + interval '1 minute', g.to_time) - greatest(f.minute, g.from_time)) * 1000000)::bigint))::bigint
    from (
        -- As stanok_formula.gaps, source_gaps, count_gaps and spindle_doubt take them.
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
            when 'gauge' then case g.counter when -1 then f.known - f.turning else f.turning end
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
