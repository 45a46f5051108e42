-- Formulas, each once. Arguments and sums are µs unless named otherwise; a ratio without a denominator is NULL.
-- Machines of one shift only: sums over several are made from the sums, never from the ratios.
-- Hours, shifts and days are read from the sums of closed minutes; only open minutes, and those of gaps, are read singly.

create function stanok_formula.ratio(numerator double precision, denominator double precision)
    returns double precision language sql immutable parallel safe
    return numerator / nullif(denominator, 0);
comment on function stanok_formula.ratio is 'Numerator by denominator; NULL where that is 0.';

create function stanok_formula.hours(us bigint)
    returns double precision language sql immutable parallel safe
    return us / 3.6e9::double precision;
comment on function stanok_formula.hours is 'µs as hours.';

create function stanok_formula.seconds(span interval)
    returns double precision language sql immutable parallel safe
    return extract(epoch from span)::double precision;
comment on function stanok_formula.seconds is 'A span as seconds.';

create function stanok_formula.span_us(span interval)
    returns bigint language sql immutable parallel safe
    return (extract(epoch from span) * 1000000)::bigint;
comment on function stanok_formula.span_us is 'A span as whole µs; extract is exact here, it gives numeric.';

create function stanok_formula.within(value double precision, low double precision, high double precision)
    returns double precision language sql immutable parallel safe
    return case when value is not null then least(greatest(value, low), high) end;
comment on function stanok_formula.within is 'A value held inside its band.';

create function stanok_formula.gap_possible(unknown bigint, max_rate double precision, credit bigint)
    returns double precision language sql immutable parallel safe
    return least(unknown * max_rate, credit);
comment on function stanok_formula.gap_possible is
    'Most standard time a gap can have produced in its planned busy part: by the greatest plausible rate, and not more than '
    'was booked after it; credit NULL: not known.';

create function stanok_formula.rate_high(
    credit double precision, most double precision, possible double precision,
    known_time double precision, max_rate double precision
)
    returns double precision language sql immutable parallel safe
    return stanok_formula.ratio(credit + most, known_time + possible / max_rate);
comment on function stanok_formula.rate_high is
    'Upper bound of standard time by time: the most that is not known is added, together with the time that it takes in gaps.';

create view stanok_formula.open_fact as
select 'hour' as kind, f.machine_id, date_bin('1 hour', f.minute, 'epoch') as hour, null::bigint as shift_id, null::date as day,
    f.apt, f.apt_no_order, f.aust, f.adet_idle, f.adet_stop, f.adot_idle, f.adot_setup, f.adot_stop,
    f.planned_state, f.planned_calendar, f.planned_failure, f.unknown, f.apt_out, f.aust_out, f.unknown_out,
    f.parts_total, f.parts_good, f.parts_scrap, f.parts_no_standard, f.credit_total_us, f.credit_good_us,
    f.credit_gap_total_us, f.credit_gap_good_us, f.powered_us, f.program_running_us, f.spindle_turning_us,
    f.in_cut_us, f.air_cut_us, f.feed_hold_us, f.spindle_load_us, f.spindle_load, f.feed_override_loss,
    f.spindle_override_loss, f.rapid_override_loss, f.energy_mj,
    f.load_0_us, f.load_10_us, f.load_20_us, f.load_30_us, f.load_40_us, f.load_50_us,
    f.load_60_us, f.load_70_us, f.load_80_us, f.load_90_us, f.load_100_us
from stanok.fact_minute f
where f.open
union all
select 'shift', f.machine_id, null, f.shift_id, null,
    f.apt, f.apt_no_order, f.aust, f.adet_idle, f.adet_stop, f.adot_idle, f.adot_setup, f.adot_stop,
    f.planned_state, f.planned_calendar, f.planned_failure, f.unknown, f.apt_out, f.aust_out, f.unknown_out,
    f.parts_total, f.parts_good, f.parts_scrap, f.parts_no_standard, f.credit_total_us, f.credit_good_us,
    f.credit_gap_total_us, f.credit_gap_good_us, f.powered_us, f.program_running_us, f.spindle_turning_us,
    f.in_cut_us, f.air_cut_us, f.feed_hold_us, f.spindle_load_us, f.spindle_load, f.feed_override_loss,
    f.spindle_override_loss, f.rapid_override_loss, f.energy_mj,
    f.load_0_us, f.load_10_us, f.load_20_us, f.load_30_us, f.load_40_us, f.load_50_us,
    f.load_60_us, f.load_70_us, f.load_80_us, f.load_90_us, f.load_100_us
from stanok.fact_minute f
where f.open
union all
select 'day', f.machine_id, null, null, coalesce(s.production_day, (f.minute at time zone t.zone)::date),
    f.apt, f.apt_no_order, f.aust, f.adet_idle, f.adet_stop, f.adot_idle, f.adot_setup, f.adot_stop,
    f.planned_state, f.planned_calendar, f.planned_failure, f.unknown, f.apt_out, f.aust_out, f.unknown_out,
    f.parts_total, f.parts_good, f.parts_scrap, f.parts_no_standard, f.credit_total_us, f.credit_good_us,
    f.credit_gap_total_us, f.credit_gap_good_us, f.powered_us, f.program_running_us, f.spindle_turning_us,
    f.in_cut_us, f.air_cut_us, f.feed_hold_us, f.spindle_load_us, f.spindle_load, f.feed_override_loss,
    f.spindle_override_loss, f.rapid_override_loss, f.energy_mj,
    f.load_0_us, f.load_10_us, f.load_20_us, f.load_30_us, f.load_40_us, f.load_50_us,
    f.load_60_us, f.load_70_us, f.load_80_us, f.load_90_us, f.load_100_us
from stanok.fact_minute f
join stanok.machine m on m.id = f.machine_id
join stanok.site t on t.id = m.site_id
left join stanok.shift_instance s on s.id = f.shift_id
where f.open;
comment on view stanok_formula.open_fact is 'All measures of each open minute, once for its hour, once for its shift, once for its production day.';

create view stanok_formula.fact as
select 'hour' as kind, machine_id, hour, null::bigint as shift_id, null::date as day,
    apt, apt_no_order, aust, adet_idle, adet_stop, adot_idle, adot_setup, adot_stop, planned_state,
    planned_calendar, planned_failure, unknown, apt_out, aust_out, unknown_out, parts_total, parts_good,
    parts_scrap, parts_no_standard, credit_total_us, credit_good_us, credit_gap_total_us, credit_gap_good_us,
    powered_us, program_running_us, spindle_turning_us, in_cut_us, air_cut_us, feed_hold_us, spindle_load_us,
    spindle_load, feed_override_loss, spindle_override_loss, rapid_override_loss, energy_mj,
    load_0_us, load_10_us, load_20_us, load_30_us, load_40_us, load_50_us,
    load_60_us, load_70_us, load_80_us, load_90_us, load_100_us
from stanok.fact_hour
union all
select 'shift', machine_id, null, shift_id, null,
    apt, apt_no_order, aust, adet_idle, adet_stop, adot_idle, adot_setup, adot_stop, planned_state,
    planned_calendar, planned_failure, unknown, apt_out, aust_out, unknown_out, parts_total, parts_good,
    parts_scrap, parts_no_standard, credit_total_us, credit_good_us, credit_gap_total_us, credit_gap_good_us,
    powered_us, program_running_us, spindle_turning_us, in_cut_us, air_cut_us, feed_hold_us, spindle_load_us,
    spindle_load, feed_override_loss, spindle_override_loss, rapid_override_loss, energy_mj,
    load_0_us, load_10_us, load_20_us, load_30_us, load_40_us, load_50_us,
    load_60_us, load_70_us, load_80_us, load_90_us, load_100_us
from stanok.fact_shift
union all
select 'day', machine_id, null, null, day,
    apt, apt_no_order, aust, adet_idle, adet_stop, adot_idle, adot_setup, adot_stop, planned_state,
    planned_calendar, planned_failure, unknown, apt_out, aust_out, unknown_out, parts_total, parts_good,
    parts_scrap, parts_no_standard, credit_total_us, credit_good_us, credit_gap_total_us, credit_gap_good_us,
    powered_us, program_running_us, spindle_turning_us, in_cut_us, air_cut_us, feed_hold_us, spindle_load_us,
    spindle_load, feed_override_loss, spindle_override_loss, rapid_override_loss, energy_mj,
    load_0_us, load_10_us, load_20_us, load_30_us, load_40_us, load_50_us,
    load_60_us, load_70_us, load_80_us, load_90_us, load_100_us
from stanok.fact_day
union all
select * from stanok_formula.open_fact;
comment on view stanok_formula.fact is
    'All measures by hour, by shift or by production day: the sums of closed minutes, and each open minute.';

create view stanok_formula.sums as
select m.id as machine_id, f.*
from stanok.machine m
cross join lateral (
    select
        kind, hour, shift_id, day,
        sum(apt + apt_no_order)::bigint as apt,
        sum(aust)::bigint as aust,
        sum(adet_idle + adet_stop)::bigint as adet,
        sum(adot_idle + adot_setup + adot_stop)::bigint as adot,
        sum(unknown)::bigint as unknown,
        sum(apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop + unknown)::bigint as busy,
        sum(spindle_turning_us)::bigint as turning,
        sum(credit_total_us)::bigint as total,
        sum(credit_good_us)::bigint as good,
        sum(credit_gap_total_us)::bigint as gap_total,
        sum(credit_gap_good_us)::bigint as gap_good,
        sum(parts_total)::bigint as parts_total,
        sum(parts_good)::bigint as parts_good,
        sum(parts_scrap)::bigint as parts_scrap,
        sum(parts_no_standard)::bigint as parts_no_standard
    from stanok_formula.fact
    where machine_id = m.id -- here, so that whoever asks for some machines has only theirs summed
    group by kind, hour, shift_id, day
) f;
comment on view stanok_formula.sums is
    'Facts of a machine and hour, shift or day; busy is planned busy time (PBT), apt includes production without an order.';

create view stanok_formula.period as
select f.*, f.hour as start_time, f.hour + interval '1 hour' as end_time
from stanok.machine m
cross join lateral (select * from stanok_formula.sums where kind = 'hour' and machine_id = m.id) f
union all
select f.*, s.start_time, s.end_time
from stanok.machine m
join stanok.shift_instance s on s.site_id = m.site_id
cross join lateral (
    select * from stanok_formula.sums where kind = 'shift' and machine_id = m.id and shift_id = s.id
) f
union all
select
    f.*,
    -- Planned busy time lies in shifts, so that a day's gaps are those from its first shift to the end of its last one.
    coalesce(s.start_time, f.day::timestamp at time zone t.zone),
    coalesce(s.end_time, (f.day + 1)::timestamp at time zone t.zone)
from stanok.machine m
join stanok.site t on t.id = m.site_id
cross join lateral (select * from stanok_formula.sums where kind = 'day' and machine_id = m.id) f
cross join lateral (
    select min(start_time) as start_time, max(end_time) as end_time
    from stanok.shift_instance
    where site_id = m.site_id and production_day = f.day
) s;
comment on view stanok_formula.period is 'Hours, shifts and production days of machines with their sums; kind says which.';

create function stanok_formula.greatest_standard(
    machine bigint, shift bigint, start_time timestamptz, end_time timestamptz
)
    returns bigint language plpgsql stable parallel safe security definer set search_path = pg_catalog
    set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    return (
        select max(pri_us) from stanok.standard_time where program_id in (
            select program_id from stanok.fact_shift where machine_id = machine and shift_id = shift
            union all
            select program_id from stanok.fact_hour
            where shift is null and machine_id = machine and hour > start_time - interval '1 hour' and hour < end_time
            union all
            select program_id from stanok.fact_minute
            where machine_id = machine and (shift is null or shift_id = shift) and open
                and minute >= start_time and minute < end_time
        )
    );
end $$;
comment on function stanok_formula.greatest_standard is
    'The greatest standard time of a part of the programs that ran on a machine in a shift, or in the hours that a window '
    'touches where shift is NULL, µs.';

create function stanok_formula.gap_noted(
    machine bigint, of_scope text, gap_from timestamptz, of_counter integer, rank integer,
    shift bigint, start_time timestamptz, end_time timestamptz
)
    returns bigint language plpgsql stable parallel safe security definer set search_path = pg_catalog
    set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    return (
        select coalesce(sum(amount), 0)::bigint
        from stanok.gap_time
        where machine_id = machine and scope = of_scope and from_time = gap_from and counter = of_counter
            and source_rank = rank and (shift is null or shift_id = shift) and at_time >= start_time and at_time < end_time
    );
end $$;
comment on function stanok_formula.gap_noted is
    'What was noted of a gap when its minutes went, of a shift, or of a window where shift is NULL, µs.';

create function stanok_formula.gaps(
    machine bigint, shift bigint, start_time timestamptz, end_time timestamptz, max_rate double precision
)
    returns table (
        inside_good bigint, inside_total bigint, possible_good double precision, possible_total double precision,
        later_good double precision, later_total double precision
    )
    language plpgsql stable parallel safe security definer rows 1 set search_path = pg_catalog
    set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    return query
    select
        coalesce(sum(g.credit_good_us) filter (where g.inside), 0)::bigint,
        coalesce(sum(g.credit_total_us) filter (where g.inside), 0)::bigint,
        coalesce(sum(stanok_formula.gap_possible(u.unknown, max_rate, g.credit_good_us)), 0),
        -- Parts that were booked after a gap's end may all have been made since, in time that is known; and one part may
        -- have been begun before.
        coalesce(sum(greatest(0, stanok_formula.gap_possible(u.unknown, max_rate, g.credit_total_us) - g.part))
            filter (where not g.since), 0),
        coalesce(sum(least(u.unknown * max_rate + g.part, g.credit_good_us)) filter (where g.later), 0),
        coalesce(sum(least(u.unknown * max_rate + g.part, g.credit_total_us)) filter (where g.later), 0)
    from (
        select
            from_time,
            coalesce(to_time, 'infinity') as to_time,
            credit_good_us,
            credit_total_us,
            coalesce(
                nullif(credit_total_us, 0) / nullif(parts, 0),
                (select stanok_formula.greatest_standard(machine, shift, start_time, end_time)), -- once for all gaps
                0
            ) as part,
            coalesce(booked_time >= end_time, true) as later,
            coalesce(booked_time > to_time and booked_time < end_time, false) as since,
            coalesce(from_time >= start_time and to_time <= end_time and booked_time < end_time, false) as inside
        from stanok.data_gap
        where machine_id = machine and reach > start_time and scope = 'state' and outcome is distinct from 'recovered'
            and from_time < end_time and coalesce(to_time, 'infinity') > start_time
    ) g
    cross join lateral (
        -- A minute is planned busy as a whole or not at all, so its unknown time tells how much of the gap counts.
        -- Of minutes that are not kept any more it was noted.
        select
            coalesce(sum(least(f.unknown, stanok_formula.span_us(
                least(f.minute + interval '1 minute', g.to_time) - greatest(f.minute, g.from_time)
            ))), 0)::bigint
                + stanok_formula.gap_noted(machine, 'state', g.from_time, -1, 0, shift, start_time, end_time) as unknown
        from (
            select minute, sum(unknown)::bigint as unknown
            from stanok.fact_minute
            where machine_id = machine and (shift is null or shift_id = shift) and unknown > 0
                and minute >= start_time and minute < end_time
                and minute > g.from_time - interval '1 minute' and minute < g.to_time
            group by minute
        ) f
    ) u;
end $$;
comment on function stanok_formula.gaps is
    'Gaps of a machine cut to a shift, or to a window where shift is NULL: standard time booked in it after those wholly '
    'inside, the most that all can have produced in planned busy time, and the same of those after which nothing was booked by the end of the shift.';

create function stanok_formula.source_gaps(
    machine bigint, shift bigint, start_time timestamptz, end_time timestamptz, max_rate double precision
)
    returns table (inside_good bigint, inside_total bigint, later_good double precision, later_total double precision)
    language plpgsql stable parallel safe security definer rows 1 set search_path = pg_catalog
    set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    return query
    select
        coalesce(sum(g.credit_good_us) filter (where g.inside), 0)::bigint,
        coalesce(sum(g.credit_total_us) filter (where g.inside), 0)::bigint,
        coalesce(sum(least(b.busy * max_rate + g.part, g.credit_good_us)) filter (where g.later), 0),
        coalesce(sum(least(b.busy * max_rate + g.part, g.credit_total_us)) filter (where g.later), 0)
    from (
        select
            from_time,
            coalesce(to_time, 'infinity') as to_time,
            source_rank,
            credit_good_us,
            credit_total_us,
            coalesce(
                nullif(credit_total_us, 0) / nullif(parts, 0),
                (select stanok_formula.greatest_standard(machine, shift, start_time, end_time)), -- once for all gaps
                0
            ) as part,
            coalesce(booked_time >= end_time, true) as later,
            coalesce(from_time >= start_time and to_time <= end_time and booked_time < end_time, false) as inside
        from stanok.data_gap
        where machine_id = machine and reach > start_time and scope = 'source'
            and from_time < end_time and coalesce(to_time, 'infinity') > start_time
    ) g
    cross join lateral (
        select
            coalesce(sum(least(f.busy, stanok_formula.span_us(
                least(f.minute + interval '1 minute', g.to_time) - greatest(f.minute, g.from_time)
            ))), 0)::bigint
                + stanok_formula.gap_noted(
                    machine, 'source', g.from_time, -1, g.source_rank, shift, start_time, end_time
                ) as busy
        from (
            select
                minute,
                sum(apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop + unknown)::bigint
                    as busy
            from stanok.fact_minute
            where machine_id = machine and (shift is null or shift_id = shift) and minute >= start_time and minute < end_time
                and minute > g.from_time - interval '1 minute' and minute < g.to_time
            group by minute
        ) f
    ) b;
end $$;
comment on function stanok_formula.source_gaps is
    'Gaps of single sources of a machine cut to a shift, or to a window where shift is NULL: standard time booked in it after those wholly inside, and the most '
    'that may have been made in planned busy time of those after which nothing was booked by the end of the shift. They '
    'take no unknown time by themselves; of a source without part counters nothing is open.';

create function stanok_formula.count_gaps(
    machine bigint, shift bigint, start_time timestamptz, end_time timestamptz, max_rate double precision
)
    returns table (
        good_less double precision, good_more double precision, scrap_less double precision, scrap_more double precision,
        total_less double precision, total_more double precision
    )
    language plpgsql stable parallel safe security definer rows 1 set search_path = pg_catalog
    set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    return query
    select
        coalesce(sum(case good_sign when 1 then less when -1 then more end), 0),
        coalesce(sum(case good_sign when 1 then more when -1 then less end), 0),
        coalesce(sum(case scrap_sign when 1 then less when -1 then more end), 0),
        coalesce(sum(case scrap_sign when 1 then more when -1 then less end), 0),
        coalesce(sum(less) filter (where good_sign + scrap_sign = 1), 0),
        coalesce(sum(more) filter (where good_sign + scrap_sign = 1), 0)
    from (
        select
            g.good_sign,
            g.scrap_sign,
            case when g.claimed then g.booked - g.least else 0 end::double precision as less,
            greatest(0, least(t.possible * max_rate + g.pri_us, g.most_us) - g.booked)::double precision as more
        from (
            select
                from_time, coalesce(to_time, 'infinity') as to_time, counter, good_sign, scrap_sign, most_us, pri_us,
                case when booked_time >= start_time and booked_time < end_time then credit_us else 0 end as booked,
                -- Where only the program is not known (86), parts were made in the gaps, or the counter would have told.
                case
                    when booked_time < end_time
                        and (from_time >= start_time or cause = 86 and u.first_time >= start_time) then least_us
                    else 0
                end as least,
                -- What was booked after a gap that is not wholly inside is not in the low bound at all.
                u.first_time is null or u.first_time >= start_time as claimed
            from stanok.data_gap d
            left join lateral (
                select min(u.from_time) as first_time
                from stanok.data_gap u
                where u.machine_id = machine and u.scope in ('state', 'source')
                    and u.outcome is distinct from 'recovered' and u.booked_time >= d.booked_time
                    and u.from_time >= d.from_time and u.from_time < d.to_time and u.to_time <= d.to_time
            ) u on true
            where machine_id = machine and reach >= start_time and scope = 'count'
                and from_time < end_time and coalesce(booked_time, 'infinity') >= start_time
        ) g
        cross join lateral (
            -- Time in which parts may be made: all but what is known to be standstill.
            select coalesce(sum(least(f.possible, stanok_formula.span_us(
                least(f.minute + interval '1 minute', g.to_time) - greatest(f.minute, g.from_time)
            ))), 0)::bigint
                + stanok_formula.gap_noted(
                    machine, 'count', g.from_time, g.counter, 0, shift, start_time, end_time
                ) as possible
            from (
                select
                    minute,
                    sum(apt + apt_no_order + apt_out + aust + adot_setup + aust_out + unknown + unknown_out)::bigint
                        as possible
                from stanok.fact_minute
                where machine_id = machine and (shift is null or shift_id = shift)
                    and minute >= start_time and minute < end_time
                    and minute > g.from_time - interval '1 minute' and minute < g.to_time
                group by minute
            ) f
        ) t
    ) b;
end $$;
comment on function stanok_formula.count_gaps is
    'By how much standard time of good, of other and of all parts may differ from what was booked in a shift, or in a window where shift is NULL, because '
    'counters do not say it, downwards and upwards.';

create function stanok_formula.spindle_doubt(machine bigint, shift bigint, start_time timestamptz, end_time timestamptz)
    returns table (unseen bigint, by_speed bigint)
    language plpgsql stable parallel safe security definer rows 1 set search_path = pg_catalog
    set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    return query
    select
        coalesce(sum(u.amount) filter (where g.counter = -1), 0)::bigint,
        coalesce(sum(u.amount) filter (where g.counter = -2), 0)::bigint
    from (
        select counter, from_time, coalesce(to_time, 'infinity') as to_time
        from stanok.data_gap
        where machine_id = machine and reach > start_time and scope = 'gauge'
            and from_time < end_time and coalesce(to_time, 'infinity') > start_time
    ) g
    cross join lateral (
        select coalesce(sum(least(case g.counter when -1 then f.still else f.turning end, stanok_formula.span_us(
            least(f.minute + interval '1 minute', g.to_time) - greatest(f.minute, g.from_time)
        ))), 0)::bigint
            + stanok_formula.gap_noted(machine, 'gauge', g.from_time, g.counter, 0, shift, start_time, end_time) as amount
        from (
            select
                minute,
                sum(spindle_turning_us)::bigint as turning,
                sum(apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop
                    - spindle_turning_us)::bigint as still
            from stanok.fact_minute
            where machine_id = machine and (shift is null or shift_id = shift)
                and minute >= start_time and minute < end_time
                and minute > g.from_time - interval '1 minute' and minute < g.to_time
            group by minute
        ) f
    ) u;
end $$;
comment on function stanok_formula.spindle_doubt is
    'Planned busy time of a shift, or of a window where shift is NULL, in which the state is known, but not whether a spindle turns: '
    'none is seen to, and one does by its speed alone, µs.';

create view stanok_formula.kpi as
select
    f.*,
    least(f.end_time, l.as_of) as as_of,
    r.*,
    case
        when f.busy = 0 then 'no_planned_time'
        when not m.has_counter then 'no_signal'
        when f.parts_no_standard > 0 then 'no_standard_time'
        when f.total + f.gap_total = 0 then 'no_parts'
        when f.apt = 0 then 'parts_without_runtime'
    end as reason,
    'stanok-iso22400-1' as definition
from stanok_formula.period f
join stanok.machine m on m.id = f.machine_id
join stanok.machine_live l on l.machine_id = f.machine_id
cross join lateral (
    -- Most periods have no gap. The functions are asked for those that have one of their kind only: `offset 0` keeps each
    -- question apart.
    select
        bool_or(scope = 'state') as state, bool_or(scope = 'source') as source, bool_or(scope = 'count') as count,
        bool_or(scope = 'gauge') as gauge
    from stanok.data_gap where machine_id = m.id and reach >= f.start_time and from_time < f.end_time offset 0
) has
left join lateral (
    select * from stanok_formula.gaps(m.id, f.shift_id, f.start_time, f.end_time, m.max_rate) where has.state offset 0
) state_gap on true
left join lateral (
    select * from stanok_formula.source_gaps(m.id, f.shift_id, f.start_time, f.end_time, m.max_rate)
    where has.source offset 0
) source_gap on true
left join lateral (
    select * from stanok_formula.count_gaps(m.id, f.shift_id, f.start_time, f.end_time, m.max_rate)
    where has.count offset 0
) count_gap on true
cross join lateral (
    select
        coalesce(state_gap.inside_good, 0) + coalesce(source_gap.inside_good, 0) as inside_good,
        coalesce(state_gap.inside_total, 0) + coalesce(source_gap.inside_total, 0) as inside_total,
        coalesce(state_gap.possible_good, 0) as possible_good,
        coalesce(state_gap.possible_total, 0) as possible_total,
        coalesce(state_gap.later_good, 0) + coalesce(source_gap.later_good, 0) as later_good,
        coalesce(state_gap.later_total, 0) + coalesce(source_gap.later_total, 0) as later_total
) g
left join lateral (
    select * from stanok_formula.spindle_doubt(m.id, f.shift_id, f.start_time, f.end_time) where has.gauge offset 0
) doubt on true
cross join lateral (
    select coalesce(doubt.unseen, 0) as unseen, coalesce(doubt.by_speed, 0) as by_speed
) v
cross join lateral (
    -- Parts that the first reading after a gap tells to be scrap, where the gap and that reading are not both in the period:
    -- they may be parts of it, or of the time before it.
    select greatest(0, f.gap_total - g.inside_total - f.gap_good + g.inside_good)::double precision as scrapped
) x
cross join lateral (
    select
        coalesce(count_gap.good_less, 0) + x.scrapped as good_less,
        coalesce(count_gap.good_more, 0) + x.scrapped as good_more,
        coalesce(count_gap.scrap_less, 0) as scrap_less,
        coalesce(count_gap.scrap_more, 0) + x.scrapped as scrap_more,
        coalesce(count_gap.total_less, 0) as total_less,
        coalesce(count_gap.total_more, 0) as total_more
) d
cross join lateral (
    -- Without a standard time for every part, or a counter, all that rests on standard times is NULL.
    select
        case when f.parts_no_standard = 0 and m.has_counter then f.total end as total,
        case when f.parts_no_standard = 0 and m.has_counter then f.good end as good,
        case when f.parts_no_standard = 0 and m.has_counter then f.total + f.gap_total end as all_total,
        case when f.parts_no_standard = 0 and m.has_counter then f.good + f.gap_good end as all_good,
        -- What was booked in the shift can have been made in it, and what gaps allow that are booked later or never.
        f.gap_good + g.later_good as most_good,
        f.gap_total + g.later_total as most_total
) c
cross join lateral (
    -- The least and the most that may have been made: NULL where that cannot be said.
    select
        case when c.good is not null then greatest(0, c.good + g.inside_good - d.good_less) end as good_low,
        c.good + c.most_good + d.good_more as good_high,
        case when c.good is not null
            then greatest(0, c.total + c.most_total - c.good - g.inside_good + d.scrap_more) end as scrap_high,
        case when c.good is not null then greatest(0, c.total - c.good - d.scrap_less) end as scrap_low
) e
cross join lateral (
    select
        stanok_formula.ratio(e.good_low, f.busy) as oee_low,
        stanok_formula.rate_high(
            c.good, c.most_good + d.good_more, g.possible_good, f.busy - f.unknown, m.max_rate
        ) as oee_high,
        stanok_formula.ratio(
            case when c.total is not null then greatest(0, c.total + g.inside_total - d.total_less) end, f.apt + f.unknown
        ) as effectiveness_low,
        greatest(
            stanok_formula.ratio(c.total + d.total_more, f.apt),
            stanok_formula.rate_high(c.total, c.most_total + d.total_more, g.possible_total, f.apt, m.max_rate)
        ) as effectiveness_high,
        coalesce(stanok_formula.ratio(e.good_low, e.good_low + e.scrap_high), 0) as quality_low,
        coalesce(stanok_formula.ratio(e.good_high, e.good_high + e.scrap_low), 1) as quality_high
) b
cross join lateral (
    select
        stanok_formula.within(
            stanok_formula.ratio(c.all_good, f.busy), b.oee_low, greatest(b.oee_low, b.oee_high)
        ) as oee,
        b.oee_low,
        greatest(b.oee_low, b.oee_high) as oee_high,
        stanok_formula.ratio(f.apt, f.busy) as availability,
        stanok_formula.ratio(f.apt + f.unknown, f.busy) as availability_high,
        stanok_formula.within(
            stanok_formula.ratio(c.all_total, f.apt),
            b.effectiveness_low, greatest(b.effectiveness_low, b.effectiveness_high)
        ) as effectiveness,
        case when f.apt > 0 then b.effectiveness_low end as effectiveness_low,
        case when f.apt > 0 then greatest(b.effectiveness_low, b.effectiveness_high) end as effectiveness_high,
        stanok_formula.within(
            stanok_formula.ratio(c.all_good, c.all_total), b.quality_low, greatest(b.quality_low, b.quality_high)
        ) as quality_ratio,
        case when c.all_total > 0 then b.quality_low end as quality_ratio_low,
        case when c.all_total > 0 then greatest(b.quality_low, b.quality_high) end as quality_ratio_high,
        case when m.has_spindle then stanok_formula.ratio(f.turning, f.busy) end as spindle_utilization,
        case when m.has_spindle then stanok_formula.ratio(greatest(0, f.turning - v.by_speed), f.busy) end as spindle_utilization_low,
        case when m.has_spindle then stanok_formula.ratio(f.turning + f.unknown + v.unseen, f.busy) end as spindle_utilization_high,
        case when m.has_spindle then stanok_formula.ratio(f.busy - f.unknown - v.unseen - v.by_speed, f.busy) end as spindle_coverage,
        stanok_formula.ratio(f.busy - f.unknown, f.busy) as coverage
) r;
comment on view stanok_formula.kpi is 'Sums, ratios and bands of each machine and hour, shift or day that has facts.';
