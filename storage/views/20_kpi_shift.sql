create view board.kpi_shift with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    m.title,
    m.area,
    s.name as shift,
    s.production_day,
    s.start_time as shift_start,
    s.end_time as shift_end,
    k.as_of,
    stanok_formula.hours(k.busy) as planned_busy_h,
    stanok_formula.hours(k.busy - k.unknown) as observed_h,
    stanok_formula.hours(k.unknown) as unknown_h,
    stanok_formula.hours(k.apt) as production_h,
    stanok_formula.hours(k.aust) as setup_h,
    stanok_formula.hours(k.adet) as delay_h,
    stanok_formula.hours(k.adot) as down_h,
    stanok_formula.hours(k.turning) as spindle_turning_h,
    stanok_formula.hours(k.total + k.gap_total) as standard_total_h,
    stanok_formula.hours(k.good + k.gap_good) as standard_good_h,
    k.parts_total,
    k.parts_good,
    k.parts_scrap,
    k.oee,
    k.oee_low,
    k.oee_high,
    k.availability,
    k.availability as availability_low,
    k.availability_high,
    k.effectiveness,
    k.effectiveness_low,
    k.effectiveness_high,
    k.quality_ratio,
    k.quality_ratio_low,
    k.quality_ratio_high,
    k.spindle_utilization,
    k.spindle_utilization_low,
    k.spindle_utilization_high,
    k.coverage,
    k.spindle_coverage,
    k.reason,
    k.definition
from stanok.machine m
join stanok_formula.site on site.id = m.site_id
join stanok.shift_instance s on s.site_id = m.site_id
-- One lookup a machine and shift, so that the bands of those alone are made that are asked for; `offset 0` keeps it so.
cross join lateral (
    select * from stanok_formula.kpi where kind = 'shift' and machine_id = m.id and shift_id = s.id offset 0
) k;
comment on view board.kpi_shift is 'Sums and ratios of each machine and shift, the running one up to as_of; sum the hours, never the ratios.';
comment on column board.kpi_shift.site is 'Plant [text]';
comment on column board.kpi_shift.machine is 'Machine, site/machine [text]';
comment on column board.kpi_shift.title is 'Title of the machine [text]';
comment on column board.kpi_shift.area is 'Area of the plant [text]';
comment on column board.kpi_shift.shift is 'Name of the shift [text]';
comment on column board.kpi_shift.production_day is 'Local day that the shift begins on [date]';
comment on column board.kpi_shift.shift_start is 'Start of the shift, included [UTC]';
comment on column board.kpi_shift.shift_end is 'End of the shift, excluded [UTC]';
comment on column board.kpi_shift.as_of is 'Up to when the sums reach [UTC]';
comment on column board.kpi_shift.planned_busy_h is 'Planned busy time (PBT), unknown time included [h]';
comment on column board.kpi_shift.observed_h is 'Planned busy time with trusted data [h]';
comment on column board.kpi_shift.unknown_h is 'Planned busy time without trusted data [h]';
comment on column board.kpi_shift.production_h is 'Actual production time (APT), with and without an order [h]';
comment on column board.kpi_shift.setup_h is 'Actual unit setup time (AUST) [h]';
comment on column board.kpi_shift.delay_h is 'Actual unit delay time (ADET) [h]';
comment on column board.kpi_shift.down_h is 'Actual unit down time without an order (ADOT) [h]';
comment on column board.kpi_shift.spindle_turning_h is 'Spindle turning inside planned busy time [h]';
comment on column board.kpi_shift.standard_total_h is 'Standard time of all parts (PRI times PQ) [h]';
comment on column board.kpi_shift.standard_good_h is 'Standard time of good parts (PRI times GQ) [h]';
comment on column board.kpi_shift.parts_total is 'Parts made [1]';
comment on column board.kpi_shift.parts_good is 'Good parts [1]';
comment on column board.kpi_shift.parts_scrap is 'Scrap parts [1]';
comment on column board.kpi_shift.oee is 'OEE: standard time of good parts by planned busy time; above 1 where the standard is too slow [1]';
comment on column board.kpi_shift.oee_low is 'OEE if nothing was produced in unknown time but what counters prove [1]';
comment on column board.kpi_shift.oee_high is 'OEE if unknown time was used as well as is plausible [1]';
comment on column board.kpi_shift.availability is 'Production time by planned busy time [1]';
comment on column board.kpi_shift.availability_low is 'Availability without the unknown time [1]';
comment on column board.kpi_shift.availability_high is 'Availability if all unknown time was production [1]';
comment on column board.kpi_shift.effectiveness is 'Standard time of all parts by production time [1]';
comment on column board.kpi_shift.effectiveness_low is 'Effectiveness if all unknown time was production without more parts [1]';
comment on column board.kpi_shift.effectiveness_high is 'Effectiveness if unknown time was produced in at the greatest plausible rate [1]';
comment on column board.kpi_shift.quality_ratio is 'Standard time of good parts by that of all parts [1]';
comment on column board.kpi_shift.quality_ratio_low is 'Quality ratio if all parts of unknown time but the proven ones were scrap [1]';
comment on column board.kpi_shift.quality_ratio_high is 'Quality ratio if all parts of unknown time were good [1]';
comment on column board.kpi_shift.spindle_utilization is 'Spindle turning by planned busy time [1]';
comment on column board.kpi_shift.spindle_utilization_low is 'Spindle utilization of the time in which a spindle is known to turn [1]';
comment on column board.kpi_shift.spindle_utilization_high is 'Spindle utilization if it turned in all time in which none is known to, or to stand [1]';
comment on column board.kpi_shift.coverage is 'Observed by planned busy time [1]';
comment on column board.kpi_shift.spindle_coverage is 'Planned busy time in which it is known whether a spindle turns, by planned busy time [1]';
comment on column board.kpi_shift.reason is 'Why OEE is NULL: no_planned_time, no_signal, no_standard_time, no_parts, parts_without_runtime [text]';
comment on column board.kpi_shift.definition is 'Definition that the ratios follow [text]';
