-- Printed reports: what was asked and what was answered, so that the same figures can be printed again. Only grows.
-- requires: plain

create table stanok.report (
    id text primary key,
    kind text not null,
    site text not null,
    parameters text not null,
    as_of timestamptz not null,
    definition text not null,
    program text not null,
    made_time timestamptz not null,
    content bytea not null check (length(content) < 4000000)
);
comment on table stanok.report is 'Reports that were printed, by the number that stands on them.';
comment on column stanok.report.id is 'Number of the report, which follows from parameters and content [text]';
comment on column stanok.report.kind is 'shift, plant or programme [text]';
comment on column stanok.report.site is 'Plant, * for all that there were [text]';
comment on column stanok.report.parameters is 'What was asked for [JSON]';
comment on column stanok.report.as_of is 'Up to when its facts reach [UTC]';
comment on column stanok.report.definition is 'Definition that its ratios follow [text]';
comment on column stanok.report.program is 'Version of Stanok that asked [text]';
comment on column stanok.report.made_time is 'When it was printed first [UTC]';
comment on column stanok.report.content is 'Answers of the views, zlib over JSON [bytes]';

create trigger refuse_change before update or delete or truncate on stanok.report
    for each statement execute function stanok.refuse_change();
