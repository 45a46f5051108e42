-- What a ministry sees: plants and what they sent, machines that were bought, reliability, operations.
-- "Now" is the last production day that any plant has reported; the last four weeks end there.

create view stanok_formula.held as
select *
from stanok.plant_shift h
where not exists ( -- revisions have no holes, and this can be asked of one machine without reading all
    select from stanok.plant_shift n
    where (n.site, n.machine, n.day, n.shift, n.revision) = (h.site, h.machine, h.day, h.shift, h.revision + 1)
);
comment on view stanok_formula.held is 'The result of each machine and shift that holds: its greatest revision.';

create view stanok_formula.reported as
select
    h.site, h.machine, h.day, h.shift, h.failures, h.repaired, h.repair_us, h.told, h.told_late, h.scrap_told,
    coalesce(sum(r.apt + r.apt_no_order), 0)::bigint as apt,
    coalesce(sum(r.aust), 0)::bigint as aust,
    coalesce(sum(r.adet_idle + r.adet_stop), 0)::bigint as adet,
    coalesce(sum(r.adot_idle + r.adot_setup + r.adot_stop), 0)::bigint as adot,
    coalesce(sum(r.adet_stop + r.adot_stop), 0)::bigint as stopped,
    coalesce(sum(r.unknown), 0)::bigint as unknown,
    coalesce(sum(r.apt + r.apt_no_order + r.aust + r.adet_idle + r.adet_stop + r.adot_idle + r.adot_setup + r.adot_stop
        + r.unknown), 0)::bigint as busy,
    coalesce(sum(r.planned_state), 0)::bigint as planned,
    coalesce(sum(r.apt_out + r.aust_out), 0)::bigint as worked_out,
    coalesce(sum(r.credit_good_us + r.credit_gap_good_us), 0)::bigint as good,
    coalesce(sum(r.parts_total), 0)::bigint as parts,
    coalesce(sum(r.parts_no_standard), 0)::bigint as parts_no_standard
from stanok_formula.held h
left join stanok.plant_result r using (site, machine, day, shift, revision)
group by h.site, h.machine, h.day, h.shift, h.failures, h.repaired, h.repair_us, h.told, h.told_late, h.scrap_told;
comment on view stanok_formula.reported is 'Sums of each machine and shift that hold; busy is planned busy time (PBT).';

create function stanok_formula.reported_to()
    returns date language sql stable parallel safe security definer
    return (select max(last_day) from stanok.bundle);
comment on function stanok_formula.reported_to is 'The last production day that any plant has reported.';

create view stanok_formula.recent as
select
    r.site, r.machine, count(distinct r.day) as days,
    sum(r.apt)::bigint as apt, sum(r.aust)::bigint as aust, sum(r.adet)::bigint as adet, sum(r.unknown)::bigint as unknown,
    sum(r.busy)::bigint as busy, sum(r.good)::bigint as good, sum(r.parts)::bigint as parts,
    count(*) filter (where r.shift <> '' and r.apt + r.aust + r.worked_out >= 3600000000) as shifts_worked
from stanok_formula.reported r
where r.day > (select stanok_formula.reported_to()) - 28 -- asked once, and handed down to the index
group by r.site, r.machine;
comment on view stanok_formula.recent is
    'Sums of machines over the last four weeks; a machine worked in a shift from one hour on.';

create view board.programme_plant with (security_barrier) as
select
    site.name as site,
    coalesce(p.title, site.title) as title,
    coalesce(p.country, '') as country,
    coalesce(p.stratum, '') as stratum,
    coalesce(j.projects, 0) as projects,
    j.cost,
    coalesce(a.bought, 0) as bought,
    coalesce(a.connected, 0) as connected,
    c.machines,
    c.coverage,
    b.last_day,
    stanok_formula.reported_to() - b.last_day as days_behind,
    coalesce(b.bundles, 0) as bundles,
    coalesce(b.revised, 0) as revised,
    (select count(*) from stanok.bundle_refused r where r.site = site.name) as refused,
    b.pseudonyms,
    stanok_formula.reported_to() as as_of
from stanok_formula.site
left join stanok.programme_site p on p.name = site.name
left join (
    select site, sum(projects)::bigint as projects,
        string_agg(to_char(cost, 'FM999999999999990') || ' ' || currency, ', ' order by currency)
            filter (where currency is not null) as cost
    from (select site, currency, sum(cost) as cost, count(*) as projects from stanok.project group by site, currency) s
    group by site
) j on j.site = site.name
left join (
    select a.site, count(*) as bought, count(m.machine) as connected
    from stanok.asset a left join stanok.plant_machine m on m.site = a.site and m.machine = a.machine
    where a.project is not null
    group by a.site
) a on a.site = site.name
left join (
    select site, count(*) as machines, stanok_formula.ratio(sum(busy - unknown), sum(busy)) as coverage
    from stanok_formula.recent group by site
) c on c.site = site.name
left join (
    select site, max(last_day) as last_day, count(*) as bundles, sum(revised)::bigint as revised,
        bool_or(pseudonyms) as pseudonyms
    from stanok.bundle group by site
) b on b.site = site.name
where p.name is not null or b.site is not null;
comment on view board.programme_plant is 'Plants of the registry and plants that have sent bundles: what was bought, what is connected, coverage first.';
comment on column board.programme_plant.site is 'Plant [text]';
comment on column board.programme_plant.title is 'Title of the plant [text]';
comment on column board.programme_plant.country is 'Country [text]';
comment on column board.programme_plant.stratum is 'Plants of one stratum are compared with each other only [text]';
comment on column board.programme_plant.projects is 'Projects [1]';
comment on column board.programme_plant.cost is 'Cost of the projects by currency; NULL none told [text]';
comment on column board.programme_plant.bought is 'Machines that projects bought [1]';
comment on column board.programme_plant.connected is 'Those of them that the plant reports on [1]';
comment on column board.programme_plant.machines is 'Machines with results in the last four weeks; NULL none [1]';
comment on column board.programme_plant.coverage is 'Observed by planned busy time of the last four weeks [1]';
comment on column board.programme_plant.last_day is 'Last production day that was reported; NULL none [date]';
comment on column board.programme_plant.days_behind is 'Days that other plants have reported since [1]';
comment on column board.programme_plant.bundles is 'Bundles that were loaded [1]';
comment on column board.programme_plant.revised is 'Results that were sent again because they had changed [1]';
comment on column board.programme_plant.refused is 'Files in the name of the plant that were refused [1]';
comment on column board.programme_plant.pseudonyms is 'Machines and parts have other names than in the plant [bool]';
comment on column board.programme_plant.as_of is 'Last production day of any plant [date]';

create view board.programme_bundle with (security_barrier) as
select
    site.name as site, b.number, b.loaded_time as at_time, 'loaded' as standing, b.file, b.first_day, b.last_day, b.shifts,
    b.revised, encode(b.hash, 'hex') as hash, encode(b.key, 'hex') as key, b.definition, b.software, '' as why
from stanok.bundle b
join stanok_formula.site on site.name = b.site
union all
select site.name, null, r.refused_time, 'refused', r.file, null, null, null, null, null, null, null, null, r.why
from stanok.bundle_refused r
join stanok_formula.site on site.name = r.site;
comment on view board.programme_bundle is 'Bundles that were loaded, and files in the name of known plants that were refused.';
comment on column board.programme_bundle.site is 'Plant; of a refused file the one it names [text]';
comment on column board.programme_bundle.number is 'Number of the bundle; NULL refused [1]';
comment on column board.programme_bundle.at_time is 'When it was loaded or refused [UTC]';
comment on column board.programme_bundle.standing is 'loaded or refused [text]';
comment on column board.programme_bundle.file is 'Name of the file [text]';
comment on column board.programme_bundle.first_day is 'First production day in it [date]';
comment on column board.programme_bundle.last_day is 'Last production day in it [date]';
comment on column board.programme_bundle.shifts is 'Results of machines and shifts in it [1]';
comment on column board.programme_bundle.revised is 'Those of them that are revisions [1]';
comment on column board.programme_bundle.hash is 'sha256 of what was signed [hex]';
comment on column board.programme_bundle.key is 'Public key that signed it [hex]';
comment on column board.programme_bundle.definition is 'Definition that the sums follow [text]';
comment on column board.programme_bundle.software is 'Version of the program that made it [text]';
comment on column board.programme_bundle.why is 'Why it was refused, empty if it was not [text]';

create view board.programme_machine with (security_barrier) as
select
    site.name as site,
    j.programme,
    a.project,
    a.inventory,
    a.machine,
    a.model,
    a.manufacturer,
    a.origin,
    a.machine_class,
    a.cnc_vendor,
    a.act,
    a.planned_shifts,
    t.day - a.act as days_since_act,
    t.day - made.last_day as days_since_part,
    stanok_formula.hours(r.busy) as planned_busy_h,
    stanok_formula.ratio(r.busy - r.unknown, r.busy) as coverage,
    stanok_formula.ratio(r.apt + r.aust + r.adet, r.busy) as load,
    stanok_formula.ratio(r.apt + r.aust, r.busy) as worked,
    stanok_formula.ratio(r.apt + r.aust + r.unknown, r.busy) as worked_high,
    stanok_formula.ratio(r.shifts_worked, r.days) as shift_factor,
    stanok_formula.ratio(r.good, r.days * 86400000000) as calendar_oee,
    -- Only what is surely below the mark is called idle: unknown time may have been work.
    case
        when a.act is null or t.day < a.act then 'not_commissioned'
        when r.machine is null then 'not_connected'
        when r.days < 28 and t.day - a.act < 28 then 'too_new'
        when coalesce(stanok_formula.ratio(r.apt + r.aust + r.unknown, r.busy), 0) < 0.2 then 'idle'
        else 'in_use'
    end as standing,
    coalesce(lost.class, '') as main_reason,
    stanok_formula.hours(lost.us) as main_reason_h
from stanok.asset a
join stanok.project j on j.name = a.project
join stanok_formula.site on site.name = a.site
cross join (select stanok_formula.reported_to() as day) t
left join stanok_formula.recent r on r.site = a.site and r.machine = a.machine
left join lateral (
    select h.day as last_day
    from stanok_formula.held h join stanok.plant_result x using (site, machine, day, shift, revision)
    where h.site = a.site and h.machine = a.machine and x.parts_total > 0
    order by h.day desc limit 1
) made on true
left join lateral (
    select l.class, sum(l.lost_us)::bigint as us
    from stanok_formula.held h join stanok.plant_lost l using (site, machine, day, shift, revision)
    where h.site = a.site and h.machine = a.machine and h.day > t.day - 28
    group by l.class order by us desc, l.class limit 1
) lost on true;
comment on view board.programme_machine is 'Use of the machines that projects bought, over the last four weeks.';
comment on column board.programme_machine.site is 'Plant [text]';
comment on column board.programme_machine.programme is 'Programme [text]';
comment on column board.programme_machine.project is 'Project [text]';
comment on column board.programme_machine.inventory is 'Inventory number [text]';
comment on column board.programme_machine.machine is 'Machine, site/machine; empty: not told [text]';
comment on column board.programme_machine.model is 'Model [text]';
comment on column board.programme_machine.manufacturer is 'Manufacturer [text]';
comment on column board.programme_machine.origin is 'Country of origin [text]';
comment on column board.programme_machine.machine_class is 'Class, such as turning [text]';
comment on column board.programme_machine.cnc_vendor is 'Vendor of the control [text]';
comment on column board.programme_machine.act is 'Commissioning act; NULL none yet [date]';
comment on column board.programme_machine.planned_shifts is 'Shifts a day it was planned for; NULL not told [1]';
comment on column board.programme_machine.days_since_act is 'Days since the act [1]';
comment on column board.programme_machine.days_since_part is 'Days since it made a part; NULL it never did [1]';
comment on column board.programme_machine.planned_busy_h is 'Planned busy time (PBT) [h]';
comment on column board.programme_machine.coverage is 'Observed by planned busy time [1]';
comment on column board.programme_machine.load is 'Load factor Кз.факт: busy with orders (AUBT) by planned busy time; where orders are not tracked, waiting counts as busy [1]';
comment on column board.programme_machine.worked is 'Producing and setting up by planned busy time, as if nothing was done in unknown time [1]';
comment on column board.programme_machine.worked_high is 'The same, if all unknown time was work [1]';
comment on column board.programme_machine.shift_factor is 'Shift coefficient Ксм: shifts worked (from one hour on) by reported days [1]';
comment on column board.programme_machine.calendar_oee is 'Standard time of good parts by calendar time of the reported days [1]';
comment on column board.programme_machine.standing is 'not_commissioned, not_connected, too_new, idle (worked below 20 % of four weeks, unknown time taken for work) or in_use [text]';
comment on column board.programme_machine.main_reason is 'Class of reasons with most time without production, empty: nobody gave one [text]';
comment on column board.programme_machine.main_reason_h is 'Its time; NULL none [h]';

create view board.programme_reliability with (security_barrier) as
select
    coalesce(nullif(a.machine_class, ''), '—') as machine_class,
    coalesce(nullif(a.origin, ''), '—') as origin,
    a.register is not null as localised,
    count(distinct (a.site, a.inventory)) as machines,
    stanok_formula.hours(sum(r.apt + r.aust)::bigint) as operating_h,
    stanok_formula.hours(sum(r.unknown)::bigint) as unknown_h,
    sum(r.failures)::bigint as failures,
    stanok_formula.ratio(stanok_formula.hours(sum(r.apt + r.aust)::bigint), sum(r.failures)) as mtbf_h,
    stanok_formula.ratio(stanok_formula.hours(sum(r.repair_us)::bigint), sum(r.repaired)) as mttr_h,
    stanok_formula.ratio(sum(r.busy - r.unknown - r.stopped), sum(r.busy - r.unknown)) as readiness,
    stanok_formula.ratio(sum(r.busy - r.unknown - r.stopped), sum(r.busy)) as readiness_low,
    stanok_formula.ratio(sum(r.busy - r.stopped), sum(r.busy)) as readiness_high
from stanok.asset a
join stanok_formula.site on site.name = a.site
join stanok_formula.reported r on r.site = a.site and r.machine = a.machine
group by 1, 2, 3;
comment on view board.programme_reliability is 'Failures of registered machines by class and origin, over all that was reported, with the hours at risk.';
comment on column board.programme_reliability.machine_class is 'Class, such as turning [text]';
comment on column board.programme_reliability.origin is 'Country of origin [text]';
comment on column board.programme_reliability.localised is 'It stands in a register of local products [bool]';
comment on column board.programme_reliability.machines is 'Machines [1]';
comment on column board.programme_reliability.operating_h is 'Time producing and setting up: time at risk [h]';
comment on column board.programme_reliability.unknown_h is 'Planned busy time without trusted data, in which failures were not seen [h]';
comment on column board.programme_reliability.failures is 'Failures [1]';
comment on column board.programme_reliability.mtbf_h is 'Operating time by failures; NULL without failures [h]';
comment on column board.programme_reliability.mttr_h is 'Mean time to repair of failures that ended [h]';
comment on column board.programme_reliability.readiness is 'Technical readiness КТГ: known planned time without unplanned stops, by known planned time [1]';
comment on column board.programme_reliability.readiness_low is 'The same, if the machine stood in all unknown time [1]';
comment on column board.programme_reliability.readiness_high is 'The same, if it was ready in all unknown time [1]';

create view board.programme_localisation with (security_barrier) as
select
    j.programme,
    count(distinct (a.site, a.inventory)) as machines,
    stanok_formula.hours(sum(r.apt)::bigint) as production_h,
    stanok_formula.ratio(sum(r.apt * a.points / a.max_points), sum(r.apt) filter (where a.points is not null))
        as localisation,
    stanok_formula.ratio(sum(r.apt) filter (where a.points is null), sum(r.apt)) as without_points,
    stanok_formula.ratio(sum(r.apt) filter (where a.cnc_origin = ''), sum(r.apt)) as cnc_not_told,
    string_agg(distinct a.rule_version, ', ') as rule_versions
from stanok.asset a
join stanok.project j on j.name = a.project
join stanok_formula.site on site.name = a.site
join stanok_formula.reported r on r.site = a.site and r.machine = a.machine
group by j.programme;
comment on view board.programme_localisation is 'Share of local components of what a programme bought, weighted by the hours in which it produced.';
comment on column board.programme_localisation.programme is 'Programme [text]';
comment on column board.programme_localisation.machines is 'Machines with results [1]';
comment on column board.programme_localisation.production_h is 'Time producing [h]';
comment on column board.programme_localisation.localisation is 'Points by most possible points, weighted by production time, of machines with points [1]';
comment on column board.programme_localisation.without_points is 'Share of production time on machines without points [1]';
comment on column board.programme_localisation.cnc_not_told is 'Share of production time on controls of which the origin was not told [1]';
comment on column board.programme_localisation.rule_versions is 'Rules by which points were counted; of several they are not comparable [text]';

create view board.programme_operation with (security_barrier) as
select
    site.name as site, o.code, o.asset, a.machine, o.begins, o.ends, o.evidenced_hours as told_h,
    stanok_formula.hours(sum(r.apt + r.worked_out)::bigint) as seen_h,
    stanok_formula.hours(sum(r.unknown)::bigint) as unknown_h,
    count(distinct r.day) as days
from stanok.operation o
join stanok.asset a on a.site = o.site and a.inventory = o.asset
join stanok_formula.site on site.name = o.site
left join stanok_formula.reported r
    on r.site = a.site and r.machine = a.machine and r.day between o.begins and o.ends
group by o.number, site.name, o.code, o.asset, a.machine, o.begins, o.ends, o.evidenced_hours;
comment on view board.programme_operation is 'Technological operations that were registered, beside what telemetry saw of the machine in that time.';
comment on column board.programme_operation.site is 'Plant [text]';
comment on column board.programme_operation.code is 'Code of the operation [text]';
comment on column board.programme_operation.asset is 'Inventory number of the machine [text]';
comment on column board.programme_operation.machine is 'Machine, site/machine; empty: not told [text]';
comment on column board.programme_operation.begins is 'First day [date]';
comment on column board.programme_operation.ends is 'Last day [date]';
comment on column board.programme_operation.told_h is 'Hours that the registry says were evidenced [h]';
comment on column board.programme_operation.seen_h is 'Hours in which the machine produced then: the most that this operation can have had; NULL none reported [h]';
comment on column board.programme_operation.unknown_h is 'Planned busy time without trusted data then [h]';
comment on column board.programme_operation.days is 'Production days with results then [1]';
