-- Half-open stretches. What has ended and what lasts are read apart, so that the end of a stretch is a column that an
-- index knows: boards ask for what touches a window.

create view stanok_formula.state_span as
select machine_id, from_time, to_time, false as lasting, state, cause
from stanok.state_interval
where to_time is not null
union all
select i.machine_id, i.from_time, l.as_of, true, i.state, i.cause
from stanok.machine_live l
cross join lateral (
    select * from stanok.state_interval where machine_id = l.machine_id order by from_time desc limit 1
) i
where i.to_time is null;
comment on view stanok_formula.state_span is 'States of machines; the last one of a machine ends at its as_of.';

create view stanok_formula.gap_span as
select machine_id, source_id, scope, from_time, to_time, false as lasting, cause, outcome, parts
from stanok.data_gap
where to_time is not null
union all
select g.machine_id, g.source_id, g.scope, g.from_time, l.as_of, true, g.cause, g.outcome, g.parts
from stanok.data_gap g
left join stanok.machine_live l on l.machine_id = g.machine_id
where g.to_time is null;
comment on view stanok_formula.gap_span is 'Gaps of machines; one that lasts ends at the as_of of its machine.';

create view board.state_timeline with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    m.title,
    i.from_time,
    i.to_time,
    i.lasting,
    state.word as state,
    state.title_en as state_en,
    state.title_ru as state_ru,
    state.colour as state_colour,
    cause.word as cause,
    cause.title_en as cause_en,
    cause.title_ru as cause_ru
from stanok_formula.state_span i
join stanok.machine m on m.id = i.machine_id
join stanok_formula.site on site.id = m.site_id
join stanok.state on state.id = i.state
join stanok.cause on cause.id = i.cause;
comment on view board.state_timeline is 'Half-open stretches of one state; the last one of a machine ends at its as_of.';
comment on column board.state_timeline.site is 'Plant [text]';
comment on column board.state_timeline.machine is 'Machine, site/machine [text]';
comment on column board.state_timeline.title is 'Title of the machine [text]';
comment on column board.state_timeline.from_time is 'Start, included [UTC]';
comment on column board.state_timeline.to_time is 'End, excluded [UTC]';
comment on column board.state_timeline.lasting is 'It may go on [bool]';
comment on column board.state_timeline.state is 'Word of the state [text]';
comment on column board.state_timeline.state_en is 'State in English [text]';
comment on column board.state_timeline.state_ru is 'State in Russian [text]';
comment on column board.state_timeline.state_colour is 'Colour of the state [#rrggbb]';
comment on column board.state_timeline.cause is 'Word of the cause [text]';
comment on column board.state_timeline.cause_en is 'Cause in English [text]';
comment on column board.state_timeline.cause_ru is 'Cause in Russian [text]';

create view board.gap with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    m.title,
    source.name as source,
    g.scope,
    g.from_time,
    g.to_time,
    g.lasting,
    stanok_formula.seconds(g.to_time - g.from_time) as length_s,
    cause.word as cause,
    cause.title_en as cause_en,
    cause.title_ru as cause_ru,
    g.outcome,
    g.parts
from stanok_formula.gap_span g
join stanok.machine m on m.id = g.machine_id
join stanok_formula.site on site.id = m.site_id
join stanok.source on source.id = g.source_id
join stanok.cause on cause.id = g.cause;
comment on view board.gap is 'What is missing: every stretch without trusted data or certain counts.';
comment on column board.gap.site is 'Plant [text]';
comment on column board.gap.machine is 'Machine, site/machine [text]';
comment on column board.gap.title is 'Title of the machine [text]';
comment on column board.gap.source is 'Source that was silent [text]';
comment on column board.gap.scope is
    'state: no trusted state, which makes unknown time; source: one of several sources of the machine is gone; count: parts '
    'between two readings uncertain; gauge: spindle not known [text]';
comment on column board.gap.from_time is 'Last proof of life or last trusted reading, included [UTC]';
comment on column board.gap.to_time is 'Next proof of life or reading, excluded; as_of while it lasts [UTC]';
comment on column board.gap.lasting is 'It goes on [bool]';
comment on column board.gap.length_s is 'Length so far [s]';
comment on column board.gap.cause is 'Word of the cause [text]';
comment on column board.gap.cause_en is 'Cause in English [text]';
comment on column board.gap.cause_ru is 'Cause in Russian [text]';
comment on column board.gap.outcome is 'lost or recovered; NULL while it lasts [text]';
comment on column board.gap.parts is 'Parts that the first counts after it booked; NULL not known [1]';
