create view board.machine with (security_barrier) as
select
    site.name as site,
    site.title as site_title,
    site.zone,
    m.area,
    m.name as machine,
    m.title
from stanok.machine m
join stanok_formula.site on site.id = m.site_id;
comment on view board.machine is 'Machines, to choose from.';
comment on column board.machine.site is 'Plant [text]';
comment on column board.machine.site_title is 'Title of the plant [text]';
comment on column board.machine.zone is 'IANA time zone of the plant [text]';
comment on column board.machine.area is 'Area of the plant [text]';
comment on column board.machine.machine is 'Machine, site/machine [text]';
comment on column board.machine.title is 'Title of the machine [text]';

create view board.shift with (security_barrier) as
select
    site.name as site,
    s.name as shift,
    s.production_day,
    s.start_time as shift_start,
    s.end_time as shift_end
from stanok.shift_instance s
join stanok_formula.site on site.id = s.site_id
where s.start_time <= (select tick_time from stanok.engine_state);
comment on view board.shift is 'Shifts that have begun.';
comment on column board.shift.site is 'Plant [text]';
comment on column board.shift.shift is 'Name of the shift [text]';
comment on column board.shift.production_day is 'Local day that the shift begins on [date]';
comment on column board.shift.shift_start is 'Start, included [UTC]';
comment on column board.shift.shift_end is 'End, excluded [UTC]';
