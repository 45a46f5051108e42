-- Indicators of Russian and Belarusian practice, by week, of machines, areas and sites; core/kpi/ru_by.py says what they
-- are. Everything is divided last, from sums. Bounds let unknown time have been anything: safe, though those that rest
-- on parts are wider than those of board.kpi_day, and leave out what counters do not say.

create view stanok_formula.week_machine as
select
    f.machine_id,
    date_trunc('week', f.day::timestamp)::date as week,
    f.day,
    f.calendar, f.busy, f.unknown, f.unknown_out, f.producing, f.apt_out, f.aust, f.adet, f.adot,
    f.adet_idle, f.adet_stop, f.adot_stop, f.total, f.good, f.credit_total_us, f.credit_good_us, f.parts_no_standard,
    f.parts_good
from stanok.machine m
cross join (select date_trunc('week', tick_time)::date - 371 as from_day from stanok.engine_state) e
cross join lateral (
    select * from stanok_formula.measures where kind = 'day' and machine_id = m.id and day >= e.from_day
) f;
comment on view stanok_formula.week_machine is 'Sums of each machine and production day of the last 53 weeks, with the Monday of its week.';

create view stanok_formula.worked_shift as
select
    m.id as machine_id,
    date_trunc('week', s.production_day::timestamp)::date as week,
    (w.work >= 3600000000) as sure,
    (w.work + w.unseen >= 3600000000) as possible
from stanok.machine m
join stanok.shift_instance s on s.site_id = m.site_id
join stanok.engine_state e on s.production_day >= date_trunc('week', e.tick_time)::date - 371
cross join lateral (
    select producing + aust + apt_out + aust_out as work, unknown + unknown_out as unseen
    from stanok_formula.measures where kind = 'shift' and machine_id = m.id and shift_id = s.id
) w;
comment on view stanok_formula.worked_shift is
    'Whether a machine worked in a shift: an hour at least of production or setup; possible: if unknown time was work.';

create view board.indicator_week with (security_barrier) as
select
    f.level, f.site, f.area, f.machine, f.title, f.week, f.machines, f.days,
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
    stanok_formula.ratio(w.sure, f.days * f.machines) as shift_factor,
    stanok_formula.ratio(w.sure, f.days * f.machines) as shift_factor_low,
    stanok_formula.ratio(w.possible, f.days * f.machines) as shift_factor_high,
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
        case when m.name is not null then 'machine' when m.area is not null then 'area' else 'site' end as level,
        site.name as site, m.area, m.name as machine, min(m.title) filter (where m.name is not null) as title, d.week,
        count(distinct d.machine_id) as machines,
        count(distinct d.day) filter (where d.busy > 0) as days,
        sum(d.calendar)::bigint as calendar, sum(d.busy)::bigint as busy, sum(d.unknown)::bigint as unknown, sum(d.unknown_out)::bigint as unknown_out,
        sum(d.producing)::bigint as producing, sum(d.apt_out)::bigint as apt_out, sum(d.aust)::bigint as aust, sum(d.adot)::bigint as adot,
        sum(d.adet_idle)::bigint as adet_idle, sum(d.adet_stop)::bigint as adet_stop,
        sum(d.producing + d.aust + d.adet)::bigint as aubt,
        sum(d.busy - d.unknown - d.adet_stop - d.adot_stop)::bigint as in_order,
        sum(d.adet_stop + d.adot_stop)::bigint as repair,
        sum(d.total)::bigint as total, sum(d.good)::bigint as good,
        sum(d.credit_total_us)::bigint as least_total, sum(d.credit_good_us)::bigint as least_good,
        sum(d.unknown * m.max_rate) as unseen,
        sum(d.parts_no_standard) = 0 as standard,
        sum(d.parts_good)::bigint as parts_good
    from stanok_formula.week_machine d
    join stanok.machine m on m.id = d.machine_id
    join stanok_formula.site on site.id = m.site_id
    group by grouping sets ((site.name, d.week), (site.name, m.area, d.week), (site.name, m.area, m.name, d.week))
) f
left join (
    select
        site.name as site, m.area, m.name as machine, w.week,
        count(*) filter (where w.sure) as sure, count(*) filter (where w.possible) as possible
    from stanok_formula.worked_shift w
    join stanok.machine m on m.id = w.machine_id
    join stanok_formula.site on site.id = m.site_id
    group by grouping sets ((site.name, w.week), (site.name, m.area, w.week), (site.name, m.area, m.name, w.week))
) w on w.site = f.site and w.area is not distinct from f.area and w.machine is not distinct from f.machine
    and w.week = f.week;
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
    i.site, i.area, i.machine, i.title,
    min(i.week) as from_week,
    sum(i.production_h) / sum(i.planned_busy_h) as availability,
    sum(i.order_h) / sum(i.planned_busy_h) as allocation_efficiency,
    sum(i.planned_busy_h) as planned_busy_h,
    sum(i.no_order_h) as no_order_h,
    sum(i.setup_h) as setup_h,
    sum(i.breakdown_h) as breakdown_h,
    sum(i.waiting_h) as waiting_h
from board.indicator_week i
join stanok.machine m on m.name = i.machine
join stanok_formula.site on site.id = m.site_id
cross join (
    select date_trunc('week', tick_time)::date as this_week from stanok.engine_state
) e
where i.level = 'machine' and i.week < e.this_week and i.week >= e.this_week - 28
group by i.site, i.area, i.machine, i.title
having count(*) = 4 and bool_and(i.availability_high < 0.2 and i.coverage >= 0.8);
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
