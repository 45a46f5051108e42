-- From the calendar time of a shift down to good standard time. Whatever the data, the losses and what is left add up
-- to calendar time to the microsecond; the steps are those of core/kpi/losses.py, but that breaks in the shift stand in
-- the first step, not with planned stops, and micro-stops inside waiting.

create view board.shift_loss with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    s.name as shift,
    s.production_day,
    s.start_time as shift_start,
    least(s.end_time, l.as_of) as as_of,
    step.number as step_number,
    step.step,
    step.us / 6e7::double precision as loss_min,
    step.left_us / 6e7::double precision as left_min
from stanok.machine m
join stanok_formula.site on site.id = m.site_id
join stanok.machine_live l on l.machine_id = m.id
join stanok.shift_instance s on s.site_id = m.site_id
cross join lateral (
    -- One lookup a machine and shift; `offset 0` keeps it so.
    select * from stanok_formula.measures where kind = 'shift' and machine_id = m.id and shift_id = s.id offset 0
) f
cross join lateral (
    select number, step, us, (f.calendar - sum(us) over (order by number))::bigint as left_us
    from (
        values
            (1, 'out_of_plan', f.planned_calendar + f.planned_failure + f.apt_out + f.aust_out + f.unknown_out),
            (2, 'planned_stop', f.planned_state),
            (3, 'unknown', f.unknown),
            (4, 'no_order', f.adot),
            (5, 'setup', f.aust),
            (6, 'breakdown', f.adet_stop),
            (7, 'waiting', f.adet_idle),
            (8, 'speed', case when f.parts_no_standard = 0 then f.producing - f.total end),
            (9, 'quality', case when f.parts_no_standard = 0 then f.total - f.good end)
    ) v (number, step, us)
    where us is not null
) step;
comment on view board.shift_loss is
    'What the time of a machine and shift was lost to, step by step from calendar time so far down to good standard time.';
comment on column board.shift_loss.site is 'Plant [text]';
comment on column board.shift_loss.machine is 'Machine, site/machine [text]';
comment on column board.shift_loss.shift is 'Name of the shift [text]';
comment on column board.shift_loss.production_day is 'Local day that the shift begins on [date]';
comment on column board.shift_loss.shift_start is 'Start of the shift, included [UTC]';
comment on column board.shift_loss.as_of is 'Up to when the sums reach [UTC]';
comment on column board.shift_loss.step_number is 'Order of the steps, from 1 [1]';
comment on column board.shift_loss.step is
    'out_of_plan: breaks, and what was done in them; planned_stop; unknown: no trusted data; no_order; setup; breakdown; '
    'waiting; speed: slower than the standard time, below 0 faster; quality: standard time of scrap [text]';
comment on column board.shift_loss.loss_min is 'What the step takes [min]';
comment on column board.shift_loss.left_min is 'What is left after it; after quality: standard time of good parts [min]';
