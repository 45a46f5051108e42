create view board.report with (security_barrier) as
select r.id, r.kind, r.site, r.parameters, r.as_of, r.definition, r.program, r.made_time, r.content
from stanok.report r
where exists (select from stanok_formula.site s where s.name = r.site)
    or (
        r.site = '*'
        and not exists (select from stanok.site a where not exists (select from stanok_formula.site s where s.id = a.id))
    );
comment on view board.report is 'Reports that were printed, by the number that stands on them; those of all plants for whoever sees all.';
comment on column board.report.id is 'Number of the report [text]';
comment on column board.report.kind is 'shift, plant or programme [text]';
comment on column board.report.site is 'Plant, * for all that there were [text]';
comment on column board.report.parameters is 'What was asked for [JSON]';
comment on column board.report.as_of is 'Up to when its facts reach [UTC]';
comment on column board.report.definition is 'Definition that its ratios follow [text]';
comment on column board.report.program is 'Version of Stanok that asked [text]';
comment on column board.report.made_time is 'When it was printed first [UTC]';
comment on column board.report.content is 'Answers of the views, zlib over JSON [bytes]';
