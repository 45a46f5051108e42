-- Raw samples as machines sent them. Always ask for one machine and a stretch of time: there are many.

create view board.gauge with (security_barrier) as
select
    site.name as site, m.name as machine, signal.name as signal, signal.unit, g.block_time, g.event_time as at_time, g.value
from stanok.machine m
join stanok_formula.site on site.id = m.site_id
cross join lateral (
    select signal_id, event_time as block_time, event_time, value
    from stanok.sample_gauge
    where machine_id = m.id and quality <= 1
    union all
    select coalesce(s.signal_id, b.signal_ids[1]), b.event_time, s.event_time, coalesce(s.value, b.values[1])
    from stanok.sample_block b
    cross join lateral unnest(b.event_times, b.signal_ids, b.values) s (event_time, signal_id, value)
    where b.machine_id = m.id and b.quality <= 1
) g
join stanok.signal on signal.id = g.signal_id;
comment on view board.gauge is 'Speeds, feeds, loads and other gauges that are not bad, as they were sent.';
comment on column board.gauge.site is 'Plant [text]';
comment on column board.gauge.machine is 'Machine, site/machine [text]';
comment on column board.gauge.signal is 'Name in the vocabulary [text]';
comment on column board.gauge.unit is 'Unit of the value [text]';
comment on column board.gauge.block_time is
    'When the block of samples that it stands in begins, less than an hour before: samples are found by it, so ask for it, too [UTC]';
comment on column board.gauge.at_time is 'When it was so [UTC]';
comment on column board.gauge.value is 'Value [signal]';

create view board.event with (security_barrier) as
select
    site.name as site, m.name as machine, signal.name as signal, e.event_time as at_time, e.value, e.text, e.raw as class
from stanok.sample_event e
join stanok.machine m on m.id = e.machine_id
join stanok_formula.site on site.id = m.site_id
join stanok.signal on signal.id = e.signal_id
where e.quality <= 1;
comment on view board.event is 'Words, counts, texts and edges of alarms that are not bad, as they were sent.';
comment on column board.event.site is 'Plant [text]';
comment on column board.event.machine is 'Machine, site/machine [text]';
comment on column board.event.signal is 'Name in the vocabulary [text]';
comment on column board.event.at_time is 'When it happened [UTC]';
comment on column board.event.value is 'Value; code of a word; of an alarm 1 raised, 0 cleared; NaN for texts [signal]';
comment on column board.event.text is 'Text; code of an alarm; NULL for values [text]';
comment on column board.event.class is 'Of an alarm its class, otherwise the code of the source, -1 none [code]';

create view board.program_timeline with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    m.title,
    i.from_time,
    coalesce(i.to_time, l.as_of) as to_time,
    i.to_time is null as lasting,
    coalesce(p.name, '') as program
from stanok.program_interval i
join stanok.machine m on m.id = i.machine_id
join stanok_formula.site on site.id = m.site_id
left join stanok.part_program p on p.id = i.program_id
left join stanok.machine_live l on l.machine_id = i.machine_id;
comment on view board.program_timeline is 'Half-open stretches with one part program selected; the last one of a machine ends at its as_of.';
comment on column board.program_timeline.site is 'Plant [text]';
comment on column board.program_timeline.machine is 'Machine, site/machine [text]';
comment on column board.program_timeline.title is 'Title of the machine [text]';
comment on column board.program_timeline.from_time is 'Start, included [UTC]';
comment on column board.program_timeline.to_time is 'End, excluded [UTC]';
comment on column board.program_timeline.lasting is 'It may go on [bool]';
comment on column board.program_timeline.program is 'Part program, empty for none [text]';
