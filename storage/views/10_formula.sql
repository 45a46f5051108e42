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

create view stanok_formula.fact as
select 'hour' as kind, machine_id, hour, null::bigint as shift_id, null::date as day,
    apt, apt_no_order, aust, adet_idle, adet_stop, adot_idle, adot_setup, adot_stop, unknown, spindle_turning_us,
    credit_total_us, credit_good_us, credit_gap_total_us, credit_gap_good_us, parts_total, parts_good, parts_scrap,
    parts_no_standard
from stanok.fact_hour
union all
select 'shift', machine_id, null, shift_id, null,
    apt, apt_no_order, aust, adet_idle, adet_stop, adot_idle, adot_setup, adot_stop, unknown, spindle_turning_us,
    credit_total_us, credit_good_us, credit_gap_total_us, credit_gap_good_us, parts_total, parts_good, parts_scrap,
    parts_no_standard
from stanok.fact_shift
union all
select 'day', machine_id, null, null, day,
    apt, apt_no_order, aust, adet_idle, adet_stop, adot_idle, adot_setup, adot_stop, unknown, spindle_turning_us,
    credit_total_us, credit_good_us, credit_gap_total_us, credit_gap_good_us, parts_total, parts_good, parts_scrap,
    parts_no_standard
from stanok.fact_day
union all
select p.kind, f.machine_id, p.hour, p.shift_id, p.day,
    f.apt, f.apt_no_order, f.aust, f.adet_idle, f.adet_stop, f.adot_idle, f.adot_setup, f.adot_stop, f.unknown,
    f.spindle_turning_us, f.credit_total_us, f.credit_good_us, f.credit_gap_total_us, f.credit_gap_good_us,
    f.parts_total, f.parts_good, f.parts_scrap, f.parts_no_standard
from stanok.fact_minute f
join stanok.machine m on m.id = f.machine_id
join stanok.site t on t.id = m.site_id
left join stanok.shift_instance s on s.id = f.shift_id
cross join lateral (
    values
        ('hour', date_bin('1 hour', f.minute, 'epoch'), null, null),
        ('shift', null, f.shift_id, null),
        ('day', null, null, coalesce(s.production_day, (f.minute at time zone t.zone)::date))
) p (kind, hour, shift_id, day)
where f.open;
comment on view stanok_formula.fact is
    'Facts by hour, by shift or by production day: the sums of closed minutes, and each open minute.';

create view stanok_formula.sums as
select
    kind, machine_id, hour, shift_id, day,
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
group by kind, machine_id, hour, shift_id, day;
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

create function stanok_formula.gaps(
    machine bigint, shift bigint, start_time timestamptz, end_time timestamptz, max_rate double precision
)
    returns table (
        inside_good bigint, inside_total bigint, possible_good double precision, possible_total double precision,
        later_good double precision, later_total double precision
    )
    language sql stable parallel safe security definer rows 1
begin atomic
    select
        coalesce(sum(g.credit_good_us) filter (where g.inside), 0)::bigint,
        coalesce(sum(g.credit_total_us) filter (where g.inside), 0)::bigint,
        coalesce(sum(stanok_formula.gap_possible(u.unknown, max_rate, g.credit_good_us)), 0),
        -- Parts that were booked after a gap's end may all have been made since, in time that is known.
        coalesce(sum(stanok_formula.gap_possible(u.unknown, max_rate, g.credit_total_us)) filter (where not g.since), 0),
        coalesce(sum(stanok_formula.gap_possible(u.unknown, max_rate, g.credit_good_us))
            filter (where g.later), 0),
        coalesce(sum(stanok_formula.gap_possible(u.unknown, max_rate, g.credit_total_us))
            filter (where g.later), 0)
    from (
        select
            from_time,
            coalesce(to_time, 'infinity') as to_time,
            credit_good_us,
            credit_total_us,
            coalesce(booked_time >= end_time, true) as later,
            coalesce(booked_time > to_time and booked_time < end_time, false) as since,
            coalesce(from_time >= start_time and to_time <= end_time and booked_time < end_time, false) as inside
        from stanok.data_gap
        where machine_id = machine and scope = 'state' and outcome is distinct from 'recovered'
            and from_time < end_time and coalesce(to_time, 'infinity') > start_time
    ) g
    cross join lateral (
        -- A minute is planned busy as a whole or not at all, so its unknown time tells how much of the gap counts.
        -- Of minutes that are not kept any more it was noted.
        select
            coalesce(sum(least(f.unknown, stanok_formula.span_us(
                least(f.minute + interval '1 minute', g.to_time) - greatest(f.minute, g.from_time)
            ))), 0)::bigint + coalesce((
                select sum(n.unknown) from stanok.gap_unknown n
                where n.machine_id = machine and n.from_time = g.from_time and (shift is null or n.shift_id = shift)
                    and n.at_time >= start_time and n.at_time < end_time
            ), 0)::bigint as unknown
        from (
            select minute, sum(unknown)::bigint as unknown
            from stanok.fact_minute
            where machine_id = machine and (shift is null or shift_id = shift) and unknown > 0
                and minute >= start_time and minute < end_time
                and minute > g.from_time - interval '1 minute' and minute < g.to_time
            group by minute
        ) f
    ) u;
end;
comment on function stanok_formula.gaps is
    'Gaps of a machine cut to a shift, or to a window where shift is NULL: standard time booked in it after those wholly '
    'inside, the most that all can have produced in planned busy time, and the same of those after which nothing was booked by the end of the shift.';

create view stanok_formula.kpi as
select
    f.*,
    least(f.end_time, l.as_of) as as_of,
    r.*,
    case
        when f.busy = 0 then 'no_planned_time'
        when f.parts_no_standard > 0 then 'no_standard_time'
        when f.total + f.gap_total = 0 then 'no_parts'
        when f.apt = 0 then 'parts_without_runtime'
    end as reason,
    'stanok-iso22400-1' as definition
from stanok_formula.period f
join stanok.machine m on m.id = f.machine_id
join stanok.machine_live l on l.machine_id = f.machine_id
cross join lateral stanok_formula.gaps(m.id, f.shift_id, f.start_time, f.end_time, m.max_rate) g
cross join lateral (
    -- Without a standard time for every part all that rests on standard times is NULL.
    select
        case when f.parts_no_standard = 0 then f.total end as total,
        case when f.parts_no_standard = 0 then f.good end as good,
        case when f.parts_no_standard = 0 then f.total + f.gap_total end as all_total,
        case when f.parts_no_standard = 0 then f.good + f.gap_good end as all_good,
        -- What was booked in the shift can have been made in it, and what gaps allow that are booked later or never.
        f.gap_good + g.later_good as most_good,
        f.gap_total + g.later_total as most_total
) c
cross join lateral (
    select
        stanok_formula.ratio(c.good + g.inside_good, f.busy) as oee_low,
        stanok_formula.rate_high(c.good, c.most_good, g.possible_good, f.busy - f.unknown, m.max_rate) as oee_high,
        stanok_formula.ratio(c.total + g.inside_total, f.apt + f.unknown) as effectiveness_low,
        greatest(
            stanok_formula.ratio(c.total, f.apt),
            stanok_formula.rate_high(c.total, c.most_total, g.possible_total, f.apt, m.max_rate)
        ) as effectiveness_high,
        coalesce(stanok_formula.ratio(c.good + g.inside_good, c.total + c.most_total), 0) as quality_low,
        coalesce(stanok_formula.ratio(c.good + c.most_good, c.total + c.most_good), 1) as quality_high
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
        stanok_formula.ratio(f.turning, f.busy) as spindle_utilization,
        stanok_formula.ratio(f.turning + f.unknown, f.busy) as spindle_utilization_high,
        stanok_formula.ratio(f.busy - f.unknown, f.busy) as coverage
) r;
comment on view stanok_formula.kpi is 'Sums, ratios and bands of each machine and hour, shift or day that has facts.';
