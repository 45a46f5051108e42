-- What spindles did, by hour. Ratios of several hours are made from the sums, never from ratios.

create view board.spindle_hour with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    m.title,
    m.area,
    f.hour,
    stanok_formula.hours(f.busy) as planned_busy_h,
    stanok_formula.hours(f.unknown) as unknown_h,
    stanok_formula.hours(f.producing) as production_h,
    stanok_formula.hours(f.powered_us) as powered_h,
    stanok_formula.hours(f.program_running_us) as program_running_h,
    stanok_formula.hours(f.spindle_turning_us) as turning_h,
    case when cut.told then stanok_formula.hours(f.in_cut_us) end as in_cut_h,
    case when cut.told then stanok_formula.hours(f.air_cut_us) end as air_cut_h,
    stanok_formula.hours(f.feed_hold_us) as feed_hold_h,
    f.feed_override_loss / 3.6e12::double precision as feed_override_loss_h,
    f.spindle_override_loss / 3.6e12::double precision as spindle_override_loss_h,
    f.rapid_override_loss / 3.6e12::double precision as rapid_override_loss_h,
    stanok_formula.hours(f.spindle_load_us) as load_known_h,
    f.spindle_load / 3.6e12::double precision as load_h,
    nullif(f.energy_mj, 0) / 3.6e9::double precision as energy_kwh,
    f.parts_good
from stanok.machine m
join stanok_formula.site on site.id = m.site_id
cross join lateral (select * from stanok_formula.measures where kind = 'hour' and machine_id = m.id) f
cross join lateral (select f.in_cut_us + f.air_cut_us > 0 or f.spindle_turning_us = 0 as told) cut;
comment on view board.spindle_hour is
    'Sums of each machine and hour by what control and spindle did, inside planned busy time unless named otherwise.';
comment on column board.spindle_hour.site is 'Plant [text]';
comment on column board.spindle_hour.machine is 'Machine, site/machine [text]';
comment on column board.spindle_hour.title is 'Title of the machine [text]';
comment on column board.spindle_hour.area is 'Area of the plant [text]';
comment on column board.spindle_hour.hour is 'Start of the hour [UTC]';
comment on column board.spindle_hour.planned_busy_h is 'Planned busy time (PBT), unknown time included [h]';
comment on column board.spindle_hour.unknown_h is 'Planned busy time without trusted data [h]';
comment on column board.spindle_hour.production_h is 'Actual production time (APT) [h]';
comment on column board.spindle_hour.powered_h is 'Control on [h]';
comment on column board.spindle_hour.program_running_h is 'Program running [h]';
comment on column board.spindle_hour.turning_h is 'A spindle turning [h]';
comment on column board.spindle_hour.in_cut_h is 'Cutting: turning under feed and load; NULL where nothing tells cutting from air [h]';
comment on column board.spindle_hour.air_cut_h is 'Turning under feed in a program without load; NULL where nothing tells it [h]';
comment on column board.spindle_hour.feed_hold_h is 'Feed held while a program runs [h]';
comment on column board.spindle_hour.feed_override_loss_h is 'Production time lost to feed override, below 0 above 100 % [h]';
comment on column board.spindle_hour.spindle_override_loss_h is 'Production time lost to spindle override, below 0 above 100 % [h]';
comment on column board.spindle_hour.rapid_override_loss_h is 'Production time lost to rapid override, below 0 above 100 % [h]';
comment on column board.spindle_hour.load_known_h is 'A spindle turning with a known load [h]';
comment on column board.spindle_hour.load_h is 'Integral of the load of spindle 1 over that time; full load for an hour is 1 [h]';
comment on column board.spindle_hour.energy_kwh is 'Energy of the whole machine in all time; NULL where nothing counts it [kWh]';
comment on column board.spindle_hour.parts_good is 'Good parts [1]';

create view board.load_hour with (security_barrier) as
select site.name as site, m.name as machine, m.title, m.area, f.hour, c.class_from, c.class_to, stanok_formula.hours(c.us) as load_h
from stanok.machine m
join stanok_formula.site on site.id = m.site_id
cross join lateral (select * from stanok_formula.measures where kind = 'hour' and machine_id = m.id) f
cross join lateral (
    values
        (0, 10, f.load_0_us),
        (10, 20, f.load_10_us),
        (20, 30, f.load_20_us),
        (30, 40, f.load_30_us),
        (40, 50, f.load_40_us),
        (50, 60, f.load_50_us),
        (60, 70, f.load_60_us),
        (70, 80, f.load_70_us),
        (80, 90, f.load_80_us),
        (90, 100, f.load_90_us),
        (100, null, f.load_100_us)
) c (class_from, class_to, us)
where f.spindle_load_us > 0;
comment on view board.load_hour is
    'The load histogram: how long spindle 1 turned in each class of load, inside known planned busy time. Hours without a known load have no rows; '
    'the classes of one sum to load_known_h of board.spindle_hour, and to nothing in hours that an older version counted.';
comment on column board.load_hour.site is 'Plant [text]';
comment on column board.load_hour.machine is 'Machine, site/machine [text]';
comment on column board.load_hour.title is 'Title of the machine [text]';
comment on column board.load_hour.area is 'Area of the plant [text]';
comment on column board.load_hour.hour is 'Start of the hour [UTC]';
comment on column board.load_hour.class_from is 'Lower end of the class, included [%]';
comment on column board.load_hour.class_to is 'Upper end of the class, excluded; NULL: none [%]';
comment on column board.load_hour.load_h is 'Time with a load in this class [h]';
