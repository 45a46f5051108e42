create view board.kpi_day with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    m.title,
    m.area,
    k.day as production_day,
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
from stanok_formula.kpi k
join stanok.machine m on m.id = k.machine_id
join stanok_formula.site on site.id = m.site_id
where k.kind = 'day';
comment on view board.kpi_day is 'Sums and ratios of each machine and production day, the running one up to as_of; sum the hours, never the ratios.';
comment on column board.kpi_day.site is 'Plant [text]';
comment on column board.kpi_day.machine is 'Machine, site/machine [text]';
comment on column board.kpi_day.title is 'Title of the machine [text]';
comment on column board.kpi_day.area is 'Area of the plant [text]';
comment on column board.kpi_day.production_day is 'Production day: of the shifts, outside shifts the date at the site [date]';
comment on column board.kpi_day.as_of is 'Up to when the sums reach [UTC]';
comment on column board.kpi_day.planned_busy_h is 'Planned busy time (PBT), unknown time included [h]';
comment on column board.kpi_day.observed_h is 'Planned busy time with trusted data [h]';
comment on column board.kpi_day.unknown_h is 'Planned busy time without trusted data [h]';
comment on column board.kpi_day.production_h is 'Actual production time (APT), with and without an order [h]';
comment on column board.kpi_day.setup_h is 'Actual unit setup time (AUST) [h]';
comment on column board.kpi_day.delay_h is 'Actual unit delay time (ADET) [h]';
comment on column board.kpi_day.down_h is 'Actual unit down time without an order (ADOT) [h]';
comment on column board.kpi_day.spindle_turning_h is 'Spindle turning inside planned busy time [h]';
comment on column board.kpi_day.standard_total_h is 'Standard time of all parts (PRI times PQ) [h]';
comment on column board.kpi_day.standard_good_h is 'Standard time of good parts (PRI times GQ) [h]';
comment on column board.kpi_day.parts_total is 'Parts made [1]';
comment on column board.kpi_day.parts_good is 'Good parts [1]';
comment on column board.kpi_day.parts_scrap is 'Scrap parts [1]';
comment on column board.kpi_day.oee is 'OEE: standard time of good parts by planned busy time; above 1 where the standard is too slow [1]';
comment on column board.kpi_day.oee_low is 'OEE if nothing was produced in unknown time but what counters prove [1]';
comment on column board.kpi_day.oee_high is 'OEE if unknown time was used as well as is plausible [1]';
comment on column board.kpi_day.availability is 'Production time by planned busy time [1]';
comment on column board.kpi_day.availability_low is 'Availability without the unknown time [1]';
comment on column board.kpi_day.availability_high is 'Availability if all unknown time was production [1]';
comment on column board.kpi_day.effectiveness is 'Standard time of all parts by production time [1]';
comment on column board.kpi_day.effectiveness_low is 'Effectiveness if all unknown time was production without more parts [1]';
comment on column board.kpi_day.effectiveness_high is 'Effectiveness if unknown time was produced in at the greatest plausible rate [1]';
comment on column board.kpi_day.quality_ratio is 'Standard time of good parts by that of all parts [1]';
comment on column board.kpi_day.quality_ratio_low is 'Quality ratio if all parts of unknown time but the proven ones were scrap [1]';
comment on column board.kpi_day.quality_ratio_high is 'Quality ratio if all parts of unknown time were good [1]';
comment on column board.kpi_day.spindle_utilization is 'Spindle turning by planned busy time [1]';
comment on column board.kpi_day.spindle_utilization_low is 'Spindle utilization of the time in which a spindle is known to turn [1]';
comment on column board.kpi_day.spindle_utilization_high is 'Spindle utilization if it turned in all time in which none is known to, or to stand [1]';
comment on column board.kpi_day.coverage is 'Observed by planned busy time [1]';
comment on column board.kpi_day.spindle_coverage is 'Planned busy time in which it is known whether a spindle turns, by planned busy time [1]';
comment on column board.kpi_day.reason is 'Why OEE is NULL: no_planned_time, no_signal, no_standard_time, no_parts, parts_without_runtime [text]';
comment on column board.kpi_day.definition is 'Definition that the ratios follow [text]';
