create view board.source_health with (security_barrier) as
select
    source.name as source,
    source.protocol,
    count(*) as machines,
    count(f.gap_from) as machines_silent,
    max(f.heard) as heard,
    stanok_formula.seconds(e.tick_time - max(f.heard)) as silent_s,
    stanok_formula.seconds((array_agg(f.heard - f.last_life order by f.heard desc nulls last))[1]) as clock_skew_s
from stanok.source_frontier f
join stanok_formula.machine m on m.id = f.machine_id
join stanok.source on source.id = f.source_id
cross join stanok.engine_state e
group by source.name, source.protocol, e.tick_time;
comment on view board.source_health is 'Each source: when it was heard, and how far its clock is from that of its collector.';
comment on column board.source_health.source is 'Source [text]';
comment on column board.source_health.protocol is 'Protocol [text]';
comment on column board.source_health.machines is 'Machines that it tells of [1]';
comment on column board.source_health.machines_silent is 'Of these without data from it now [1]';
comment on column board.source_health.heard is 'Last proof of life, by the collector''s clock [UTC]';
comment on column board.source_health.silent_s is 'Time since then [s]';
comment on column board.source_health.clock_skew_s is
    'How far the last proof of life was behind its arrival: the network''s delay and the difference of the clocks [s]';

create view board.quarantine with (security_barrier) as
select q.received_time, source.name as source, m.name as machine, q.origin, q.reason, length(q.raw) as bytes
from stanok.quarantine q
join stanok.source on source.id = q.source_id
left join stanok.machine m on m.id = q.machine_id
where q.machine_id is null or q.machine_id in (select id from stanok_formula.machine);
comment on view board.quarantine is 'Messages that could not be read; their bytes are kept.';
comment on column board.quarantine.received_time is 'When the collector received it [UTC]';
comment on column board.quarantine.source is 'Source that sent it [text]';
comment on column board.quarantine.machine is 'Machine it was for; NULL not known [text]';
comment on column board.quarantine.origin is 'Topic or address [text]';
comment on column board.quarantine.reason is 'What is wrong with it [text]';
comment on column board.quarantine.bytes is 'Its length [bytes]';

create view board.platform_load with (security_barrier) as
select
    pg_database_size(current_database()) as database_bytes,
    (
        (select count(*) from stanok.sample_event s join stanok_formula.machine m on m.id = s.machine_id
            where s.received_time > e.tick_time - interval '10 minutes')
        + (select count(*) from stanok.sample_gauge s join stanok_formula.machine m on m.id = s.machine_id
            where s.received_time > e.tick_time - interval '10 minutes')
        + (select coalesce(sum(cardinality(s.event_times)), 0) from stanok.sample_block s
            join stanok_formula.machine m on m.id = s.machine_id
            where s.received_time > e.tick_time - interval '10 minutes')
    ) / 600.0::double precision as samples_s,
    'stanok-iso22400-1' as definition,
    (select s.code_version from stanok.machine_snapshot s order by s.hour desc limit 1) as code_version
from stanok.engine_state e;
comment on view board.platform_load is 'One row: how much is stored and how fast, and by which definition; samples are of machines that the asking role sees.';
comment on column board.platform_load.database_bytes is 'Size of the database [bytes]';
comment on column board.platform_load.samples_s is 'Samples received in the last ten minutes before the tick and stored since, a second [1/s]';
comment on column board.platform_load.definition is 'Definition that all ratios follow [text]';
comment on column board.platform_load.code_version is 'Rules and code of the latest snapshot; NULL before the first [text]';

create view board.platform_measure with (security_barrier) as
select p.what, p.subject, p.value, p.at_time
from stanok.platform_measure p
join stanok.engine_state e on p.at_time > e.tick_time - interval '15 minutes'
where exists (select from stanok_formula.site);
comment on view board.platform_measure is 'What the processes measured of their own house in the last quarter of an hour, for whoever sees a site.';
comment on column board.platform_measure.what is
    'spool_left_h: hours until a spool''s disk is full; spool_waiting: records that the database has not; '
    'certificate_left_d: days until a certificate ends [text]';
comment on column board.platform_measure.subject is 'Spool or certificate file [text]';
comment on column board.platform_measure.value is 'Value, in the unit that the name ends in, otherwise a count [unit]';
comment on column board.platform_measure.at_time is 'When it was measured [UTC]';
