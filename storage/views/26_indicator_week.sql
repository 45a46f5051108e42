-- Indicators of Russian and Belarusian practice, by week, of machines, areas and sites; core/kpi/ru_by.py says what they
-- are. Everything is divided last, from sums. Bounds let unknown time have been anything: safe, though those that rest
-- on parts are wider than those of board.kpi_day, and leave out what counters do not say.

create view stanok_formula.week as
select date_trunc('week', e.tick_time)::date - 7 * n as week, n as ago
from stanok.engine_state e
cross join generate_series(-1, 53) n;
comment on view stanok_formula.week is
    'Mondays of the last 53 weeks; ago: how many weeks back, -1 because a week begins earlier in the east than in UTC.';

create view stanok_formula.week_machine as
with open as materialized (select * from stanok_formula.open_fact where kind = 'day')
select w.ago, w.week, d.*
from stanok_formula.week w
cross join lateral (
    -- The days of a week lie together, whatever machine they are of; open minutes are few, and read once.
    select
        machine_id,
        bit_or(case when busy > 0 then 1 << (day - w.week) else 0 end) as days,
        sum(calendar)::bigint as calendar, sum(busy)::bigint as busy, sum(unknown)::bigint as unknown,
        sum(unknown_out)::bigint as unknown_out, sum(producing)::bigint as producing, sum(apt_out)::bigint as apt_out,
        sum(aust)::bigint as aust, sum(adet_idle)::bigint as adet_idle, sum(adet_stop)::bigint as adet_stop,
        sum(adot)::bigint as adot, sum(adot_stop)::bigint as adot_stop,
        sum(credit_total_us + credit_gap_total_us)::bigint as total, sum(credit_good_us + credit_gap_good_us)::bigint as good,
        sum(credit_total_us)::bigint as credit_total_us, sum(credit_good_us)::bigint as credit_good_us,
        sum(parts_no_standard)::bigint as parts_no_standard, sum(parts_good)::bigint as parts_good
    from (
        select machine_id, day, apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop
                + planned_state + planned_calendar + planned_failure + unknown + apt_out + aust_out + unknown_out as calendar,
            apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop + unknown as busy,
            apt + apt_no_order as producing,
            adot_idle + adot_setup + adot_stop as adot,
            unknown, unknown_out, apt_out, aust, adet_idle, adet_stop, adot_stop,
            credit_total_us, credit_good_us, credit_gap_total_us, credit_gap_good_us, parts_no_standard, parts_good
        from stanok.fact_day where day >= w.week and day < w.week + 7
        union all
        select machine_id, day, apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop
                + planned_state + planned_calendar + planned_failure + unknown + apt_out + aust_out + unknown_out,
            apt + apt_no_order + aust + adet_idle + adet_stop + adot_idle + adot_setup + adot_stop + unknown,
            apt + apt_no_order,
            adot_idle + adot_setup + adot_stop,
            unknown, unknown_out, apt_out, aust, adet_idle, adet_stop, adot_stop,
            credit_total_us, credit_good_us, credit_gap_total_us, credit_gap_good_us, parts_no_standard, parts_good
        from open where day >= w.week and day < w.week + 7
    ) f
    group by machine_id
) d;
comment on view stanok_formula.week_machine is
    'Sums of each machine and week; days: a bit for each day of the week that has planned busy time.';

create view stanok_formula.week_worked as
with open as materialized (
    select o.machine_id, o.shift_id, s.production_day, o.apt + o.apt_no_order + o.aust + o.apt_out + o.aust_out as work,
        o.unknown + o.unknown_out as unseen
    from stanok.fact_minute o
    join stanok.shift_instance s on s.id = o.shift_id
    where o.open
)
select w.ago, w.week, d.*
from stanok_formula.week w
cross join lateral (
    select machine_id, count(*) filter (where sure) as sure, count(*) filter (where possible) as possible
    from (
        select machine_id, sum(work) >= 3600000000 as sure, sum(work + unseen) >= 3600000000 as possible
        from (
            select f.machine_id, f.shift_id, f.apt + f.apt_no_order + f.aust + f.apt_out + f.aust_out as work,
                f.unknown + f.unknown_out as unseen
            from stanok.shift_instance s
            join stanok.fact_shift f on f.shift_id = s.id
            where s.site_id = any (array(select id from stanok_formula.site))
                and s.production_day >= w.week and s.production_day < w.week + 7
            union all
            select machine_id, shift_id, work, unseen from open where production_day >= w.week and production_day < w.week + 7
        ) f
        group by shift_id, machine_id
    ) s
    group by machine_id
) d;
comment on view stanok_formula.week_worked is
    'Shifts in which a machine worked, by week: an hour at least of production or setup; possible: if unknown time was work.';

create view stanok_formula.week_all as
select w.ago, w.week, d.*
from stanok_formula.week w
cross join lateral (
    -- Week by week and with all machines, whichever are asked for: the server expects one machine, and would sum the facts
    -- of all anew for each. `offset 0` keeps what is asked for out of it.
    select m.id as machine_id, m.area, site.name as site, m.max_rate, d.days, d.calendar, d.busy, d.unknown, d.unknown_out,
        d.producing, d.apt_out, d.aust, d.adet_idle, d.adet_stop, d.adot, d.adot_stop, d.total, d.good, d.credit_total_us,
        d.credit_good_us, d.parts_no_standard, d.parts_good, s.sure, s.possible
    from (select * from stanok_formula.week_machine where week = w.week) d
    full join (select * from stanok_formula.week_worked where week = w.week) s using (machine_id)
    join stanok.machine m on m.id = machine_id
    join stanok_formula.site on site.id = m.site_id
    offset 0
) d;
comment on view stanok_formula.week_all is 'Sums of each machine and week with the shifts that it worked.';

create view stanok_formula.indicator as
select
    f.level, f.site, f.area, m.name as machine, m.title, f.week, f.ago, f.machines, f.days,
    stanok_formula.hours(f.calendar) as calendar_h,
    stanok_formula.hours(f.busy) as planned_busy_h,
    stanok_formula.hours(f.unknown) as unknown_h,
    stanok_formula.hours(f.aubt) as order_h,
    stanok_formula.hours(f.producing) as production_h,
    stanok_formula.hours(f.aust) as setup_h,
    stanok_formula.hours(f.adet_idle) as waiting_h,
    stanok_formula.hours(f.adet_stop) as breakdown_h,
    stanok_formula.hours(f.adot) as no_order_h,
    f.parts_good,
    stanok_formula.ratio(f.busy - f.unknown, f.busy) as coverage,
    stanok_formula.ratio(f.aubt, f.busy) as load_actual,
    stanok_formula.ratio(f.aubt, f.busy) as load_actual_low,
    stanok_formula.ratio(f.aubt + f.unknown, f.busy) as load_actual_high,
    stanok_formula.ratio(f.sure, f.days * f.machines) as shift_factor,
    stanok_formula.ratio(f.sure, f.days * f.machines) as shift_factor_low,
    stanok_formula.ratio(f.possible, f.days * f.machines) as shift_factor_high,
    stanok_formula.ratio(f.in_order, f.in_order + f.repair) as readiness,
    stanok_formula.ratio(f.in_order, f.in_order + f.repair + f.unknown) as readiness_low,
    stanok_formula.ratio(f.in_order + f.unknown, f.in_order + f.repair + f.unknown) as readiness_high,
    stanok_formula.ratio(f.producing + f.apt_out, f.calendar) as equipment_use,
    stanok_formula.ratio(f.producing + f.apt_out, f.calendar) as equipment_use_low,
    stanok_formula.ratio(f.producing + f.apt_out + f.unknown + f.unknown_out, f.calendar) as equipment_use_high,
    case when f.standard then stanok_formula.ratio(f.total, f.busy) end as integral_use,
    case when f.standard then stanok_formula.ratio(f.least_total, f.busy) end as integral_use_low,
    case when f.standard then stanok_formula.ratio(f.total + f.unseen, f.busy) end as integral_use_high,
    stanok_formula.ratio(f.aubt, f.busy) as allocation_efficiency,
    stanok_formula.ratio(f.producing, f.aubt) as utilization_efficiency,
    stanok_formula.ratio(f.producing, f.busy) as availability,
    stanok_formula.ratio(f.producing + f.unknown, f.busy) as availability_high,
    case when f.standard then stanok_formula.ratio(f.good, f.busy) end as oee,
    case when f.standard then stanok_formula.ratio(f.least_good, f.busy) end as oee_low,
    case when f.standard then greatest(
        stanok_formula.ratio(f.good, f.busy - f.unknown), stanok_formula.ratio(f.good + f.unseen, f.busy)
    ) end as oee_high,
    case when f.standard then stanok_formula.ratio(f.good, f.calendar) end as calendar_oee,
    'stanok-iso22400-1' as definition
from (
    select
        case when l.level = 'machine' then d.machine_id end as machine_id, d.week, d.ago, l.level, d.site,
        case when l.level <> 'site' then d.area end as area,
        count(d.days) as machines,
        bit_count(bit_or(d.days)::bit(7)) as days,
        sum(d.calendar)::bigint as calendar, sum(d.busy)::bigint as busy, sum(d.unknown)::bigint as unknown,
        sum(d.unknown_out)::bigint as unknown_out, sum(d.producing)::bigint as producing, sum(d.apt_out)::bigint as apt_out,
        sum(d.aust)::bigint as aust, sum(d.adot)::bigint as adot,
        sum(d.adet_idle)::bigint as adet_idle, sum(d.adet_stop)::bigint as adet_stop,
        sum(d.producing + d.aust + d.adet_idle + d.adet_stop)::bigint as aubt,
        sum(d.busy - d.unknown - d.adet_stop - d.adot_stop)::bigint as in_order,
        sum(d.adet_stop + d.adot_stop)::bigint as repair,
        sum(d.total)::bigint as total, sum(d.good)::bigint as good,
        sum(d.credit_total_us)::bigint as least_total, sum(d.credit_good_us)::bigint as least_good,
        sum(d.unknown * d.max_rate) as unseen,
        sum(d.parts_no_standard) = 0 as standard,
        sum(d.parts_good)::bigint as parts_good,
        sum(d.sure)::bigint as sure, sum(d.possible)::bigint as possible
    from (values ('machine'), ('area'), ('site')) l (level)
    cross join stanok_formula.week_all d
    group by 1, 2, 3, 4, 5, 6
    having count(d.days) > 0
) f
left join stanok.machine m on m.id = f.machine_id;
comment on view stanok_formula.indicator is 'What board.indicator_week shows; ago: how many weeks back.';

create view board.indicator_week with (security_barrier) as
select
    i.level, i.site, i.area, i.machine, i.title, i.week, i.machines, i.days,
    i.calendar_h, i.planned_busy_h, i.unknown_h, i.order_h, i.production_h, i.setup_h, i.waiting_h, i.breakdown_h,
    i.no_order_h, i.parts_good, i.coverage, i.load_actual, i.load_actual_low, i.load_actual_high, i.shift_factor,
    i.shift_factor_low, i.shift_factor_high, i.readiness, i.readiness_low, i.readiness_high, i.equipment_use,
    i.equipment_use_low, i.equipment_use_high, i.integral_use, i.integral_use_low, i.integral_use_high,
    i.allocation_efficiency, i.utilization_efficiency, i.availability, i.availability_high, i.oee, i.oee_low,
    i.oee_high, i.calendar_oee, i.definition
from stanok_formula.indicator i
join stanok_formula.site on site.name = i.site;
comment on view board.indicator_week is
    'Indicators by week, of the last 53, of sites, areas and machines, each from sums; unknown time makes their bounds.';
comment on column board.indicator_week.level is 'site, area or machine: what the row is about [text]';
comment on column board.indicator_week.site is 'Plant [text]';
comment on column board.indicator_week.area is 'Area; NULL for a site [text]';
comment on column board.indicator_week.machine is 'Machine, site/machine; NULL for sites and areas [text]';
comment on column board.indicator_week.title is 'Title of the machine; NULL for sites and areas [text]';
comment on column board.indicator_week.week is 'Monday of the week [date]';
comment on column board.indicator_week.machines is 'Machines with facts in the week, the installed equipment [1]';
comment on column board.indicator_week.days is 'Production days with planned busy time [1]';
comment on column board.indicator_week.calendar_h is 'Calendar fund of the time observed: every class of time [h]';
comment on column board.indicator_week.planned_busy_h is 'Planned busy time (PBT), the regime fund [h]';
comment on column board.indicator_week.unknown_h is 'Planned busy time without trusted data [h]';
comment on column board.indicator_week.order_h is 'Actual unit busy time (AUBT): production, setup and delays under an order [h]';
comment on column board.indicator_week.production_h is 'Actual production time (APT) in planned busy time [h]';
comment on column board.indicator_week.setup_h is 'Actual unit setup time (AUST) [h]';
comment on column board.indicator_week.waiting_h is 'Idle under an order [h]';
comment on column board.indicator_week.breakdown_h is 'Unplanned stops under an order [h]';
comment on column board.indicator_week.no_order_h is 'Available without an order (ADOT) [h]';
comment on column board.indicator_week.parts_good is 'Good parts [1]';
comment on column board.indicator_week.coverage is 'Observed by planned busy time [1]';
comment on column board.indicator_week.load_actual is 'Load (Кз.факт): AUBT by the regime fund [1]';
comment on column board.indicator_week.load_actual_low is 'Lower bound [1]';
comment on column board.indicator_week.load_actual_high is 'Upper bound: unknown time was busy [1]';
comment on column board.indicator_week.shift_factor is
    'Shift factor (Ксм): shifts worked from 1 h on, by installed machines and days with planned time [1]';
comment on column board.indicator_week.shift_factor_low is 'Lower bound [1]';
comment on column board.indicator_week.shift_factor_high is 'Upper bound: unknown time was work [1]';
comment on column board.indicator_week.readiness is
    'Technical readiness (КТГ): time in order by that and unplanned stops, planned repair left out [1]';
comment on column board.indicator_week.readiness_low is 'Lower bound: unknown time was repair [1]';
comment on column board.indicator_week.readiness_high is 'Upper bound: unknown time was in order [1]';
comment on column board.indicator_week.equipment_use is 'Use of equipment (КИО): production time by the calendar fund [1]';
comment on column board.indicator_week.equipment_use_low is 'Lower bound [1]';
comment on column board.indicator_week.equipment_use_high is 'Upper bound: unknown time was production [1]';
comment on column board.indicator_week.integral_use is
    'Integral use (Кинт): standard time of all parts by the regime fund; NULL where a part has no standard time [1]';
comment on column board.indicator_week.integral_use_low is 'Lower bound: without parts booked after gaps [1]';
comment on column board.indicator_week.integral_use_high is 'Upper bound: unknown time at the greatest plausible rate [1]';
comment on column board.indicator_week.allocation_efficiency is 'AUBT by PBT: supply with orders [1]';
comment on column board.indicator_week.utilization_efficiency is 'APT by AUBT: how well it ran under an order [1]';
comment on column board.indicator_week.availability is 'APT by PBT, the product of the two [1]';
comment on column board.indicator_week.availability_high is 'Upper bound: unknown time was production [1]';
comment on column board.indicator_week.oee is 'Standard time of good parts by planned busy time; NULL where a part has no standard time [1]';
comment on column board.indicator_week.oee_low is 'Lower bound: without parts booked after gaps [1]';
comment on column board.indicator_week.oee_high is 'Upper bound: unknown time at the greatest plausible rate [1]';
comment on column board.indicator_week.calendar_oee is 'Standard time of good parts by calendar time [1]';
comment on column board.indicator_week.definition is 'Definition that the ratios follow [text]';

create view board.idle_machine with (security_barrier) as
select
    site.name as site, m.area, m.name as machine, m.title,
    min(w.week) as from_week,
    stanok_formula.ratio(sum(w.producing), sum(w.busy)) as availability,
    stanok_formula.ratio(sum(w.producing + w.aust + w.adet_idle + w.adet_stop), sum(w.busy)) as allocation_efficiency,
    stanok_formula.hours(sum(w.busy)::bigint) as planned_busy_h,
    stanok_formula.hours(sum(w.adot)::bigint) as no_order_h,
    stanok_formula.hours(sum(w.aust)::bigint) as setup_h,
    stanok_formula.hours(sum(w.adet_stop)::bigint) as breakdown_h,
    stanok_formula.hours(sum(w.adet_idle)::bigint) as waiting_h
from stanok_formula.week_machine w
join stanok.machine m on m.id = w.machine_id
join stanok_formula.site on site.id = m.site_id
where w.ago between 1 and 4
group by site.name, m.area, m.name, m.title
having count(*) = 4 and bool_and(
    stanok_formula.ratio(w.producing + w.unknown, w.busy) < 0.2 and stanok_formula.ratio(w.busy - w.unknown, w.busy) >= 0.8
);
comment on view board.idle_machine is
    'Machines that surely produced less than a fifth of planned busy time in each of the last four whole weeks, each at least four fifths observed.';
comment on column board.idle_machine.site is 'Plant [text]';
comment on column board.idle_machine.area is 'Area [text]';
comment on column board.idle_machine.machine is 'Machine, site/machine [text]';
comment on column board.idle_machine.title is 'Title of the machine [text]';
comment on column board.idle_machine.from_week is 'Monday of the first of the four weeks [date]';
comment on column board.idle_machine.availability is 'APT by PBT of the four weeks [1]';
comment on column board.idle_machine.allocation_efficiency is 'AUBT by PBT of the four weeks: supply with orders [1]';
comment on column board.idle_machine.planned_busy_h is 'Planned busy time [h]';
comment on column board.idle_machine.no_order_h is 'Available without an order [h]';
comment on column board.idle_machine.setup_h is 'Setup [h]';
comment on column board.idle_machine.breakdown_h is 'Unplanned stops under an order [h]';
comment on column board.idle_machine.waiting_h is 'Idle under an order [h]';
