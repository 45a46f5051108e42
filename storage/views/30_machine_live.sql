create view board.machine_live with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    m.title,
    m.area,
    state.word as state,
    state.title_en as state_en,
    state.title_ru as state_ru,
    state.colour as state_colour,
    cause.word as cause,
    cause.title_en as cause_en,
    cause.title_ru as cause_ru,
    l.since,
    coalesce(program.name, '') as program,
    l.as_of,
    greatest(stanok_formula.seconds(e.tick_time - l.as_of), 0) as lag_s,
    l.spindle_turning,
    l.spindle_speed,
    s.name as shift,
    s.start_time as shift_start,
    k.parts_total,
    k.parts_good,
    k.oee,
    k.oee_low,
    k.oee_high,
    k.availability,
    k.effectiveness,
    k.quality_ratio,
    k.spindle_utilization,
    k.coverage,
    k.reason,
    k.definition
from stanok.machine_live l
join stanok.machine m on m.id = l.machine_id
join stanok_formula.site on site.id = m.site_id
join stanok.state on state.id = l.state
join stanok.cause on cause.id = l.cause
cross join stanok.engine_state e
left join stanok.part_program program on program.id = l.program_id
left join stanok.shift_instance s on s.id = l.shift_id
left join lateral (
    -- `offset 0` makes the planner look up one shift a machine, also while the tables have no statistics.
    select * from stanok_formula.kpi
    where kind = 'shift' and machine_id = l.machine_id and shift_id = l.shift_id offset 0
) k on true;
comment on view board.machine_live is 'One row a machine: its state now and the shift that runs.';
comment on column board.machine_live.site is 'Plant [text]';
comment on column board.machine_live.machine is 'Machine, site/machine [text]';
comment on column board.machine_live.title is 'Title of the machine [text]';
comment on column board.machine_live.area is 'Area of the plant [text]';
comment on column board.machine_live.state is 'Word of the state [text]';
comment on column board.machine_live.state_en is 'State in English [text]';
comment on column board.machine_live.state_ru is 'State in Russian [text]';
comment on column board.machine_live.state_colour is 'Colour of the state [#rrggbb]';
comment on column board.machine_live.cause is 'Word of the cause [text]';
comment on column board.machine_live.cause_en is 'Cause in English [text]';
comment on column board.machine_live.cause_ru is 'Cause in Russian [text]';
comment on column board.machine_live.since is 'Start of the state [UTC]';
comment on column board.machine_live.program is 'Part program selected, empty for none [text]';
comment on column board.machine_live.as_of is 'Up to when the row tells [UTC]';
comment on column board.machine_live.lag_s is 'How far the row is behind the engine''s clock [s]';
comment on column board.machine_live.spindle_turning is 'A spindle turns [bool]';
comment on column board.machine_live.spindle_speed is 'Speed of spindle 1, NaN where unknown [1/min]';
comment on column board.machine_live.shift is 'Name of the running shift, NULL outside shifts [text]';
comment on column board.machine_live.shift_start is 'Start of the running shift [UTC]';
comment on column board.machine_live.parts_total is 'Parts made in the running shift [1]';
comment on column board.machine_live.parts_good is 'Good parts in the running shift [1]';
comment on column board.machine_live.oee is 'OEE of the running shift [1]';
comment on column board.machine_live.oee_low is 'Lower bound of OEE [1]';
comment on column board.machine_live.oee_high is 'Upper bound of OEE [1]';
comment on column board.machine_live.availability is 'Availability of the running shift [1]';
comment on column board.machine_live.effectiveness is 'Effectiveness of the running shift [1]';
comment on column board.machine_live.quality_ratio is 'Quality ratio of the running shift [1]';
comment on column board.machine_live.spindle_utilization is 'Spindle turning by planned busy time of the running shift [1]';
comment on column board.machine_live.coverage is 'Observed by planned busy time of the running shift [1]';
comment on column board.machine_live.reason is 'Why a ratio is NULL [text]';
comment on column board.machine_live.definition is 'Definition that the ratios follow [text]';
