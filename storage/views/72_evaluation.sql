-- What was found about programmes: the last evaluation of each programme and outcome, and what it says of projects and plants.

create view stanok_formula.evaluated as
select distinct on (programme, outcome) * from stanok.evaluation order by programme, outcome, made_time desc, id;
comment on view stanok_formula.evaluated is 'The last evaluation of each programme and outcome.';

create view board.programme_effect with (security_barrier) as
select
    e.programme, p.title, e.outcome, e.finding, e.tier, e.plants, e.treated, e.value, e.low, e.high, e.p, e.verdict_en,
    e.verdict_ru, e.made_time, e.id as report, e.software
from stanok_formula.evaluated e
left join stanok.programme p on p.name = e.programme
where exists (select from stanok_formula.site s join stanok.project j on j.site = s.name where j.programme = e.programme);
comment on view board.programme_effect is 'What may be said about each programme and outcome; seen by whoever sees one of its plants.';
comment on column board.programme_effect.programme is 'Programme [text]';
comment on column board.programme_effect.title is 'Title of the programme [text]';
comment on column board.programme_effect.outcome is 'What was judged: output, load, availability or energy [text]';
comment on column board.programme_effect.finding is 'What may be said, from not_comparable to better [text]';
comment on column board.programme_effect.tier is 'How the time before is known: B0, B1 measured; B2, B3 declared [text]';
comment on column board.programme_effect.plants is 'Plants compared [1]';
comment on column board.programme_effect.treated is 'Those of them that started [1]';
comment on column board.programme_effect.value is 'Effect in the unit of the outcome; NULL where the finding carries none [1]';
comment on column board.programme_effect.low is 'Lower end of its interval; NULL where there is none [1]';
comment on column board.programme_effect.high is 'Upper end of its interval [1]';
comment on column board.programme_effect.p is 'p-value [1]';
comment on column board.programme_effect.verdict_en is 'In English words [text]';
comment on column board.programme_effect.verdict_ru is 'In Russian words [text]';
comment on column board.programme_effect.made_time is 'When it was evaluated [UTC]';
comment on column board.programme_effect.report is 'Id by which it can be repeated [hex]';
comment on column board.programme_effect.software is 'Version of the program [text]';

create view board.programme_project with (security_barrier) as
select
    site.name as site, e.programme, x ->> 'project' as project, coalesce(x ->> 'obstacle', '') as obstacle,
    (x ->> 'common')::double precision as common,
    (x ->> 'linked')::double precision as linked,
    (x ->> 'change')::double precision as change,
    (x -> 'factors' ->> 'planned')::double precision as by_planned,
    (x -> 'factors' ->> 'availability')::double precision as by_availability,
    (x -> 'factors' ->> 'effectiveness')::double precision as by_effectiveness,
    (x -> 'factors' ->> 'quality')::double precision as by_quality,
    (x -> 'factors' ->> 'technology')::double precision as by_technology,
    (x ->> 'technology_at_mix')::double precision as technology_at_mix,
    (x -> 'payback' ->> 'years')::double precision as payback_y,
    (x -> 'payback' ->> 'soonest')::double precision as payback_soonest_y,
    (x -> 'payback' ->> 'latest')::double precision as payback_latest_y,
    j.tier,
    j.planned_hours as planned_h
from stanok_formula.evaluated e
cross join lateral jsonb_array_elements(e.found -> 'projects') x
join stanok.project j on j.name = x ->> 'project'
join stanok_formula.site on site.name = j.site
where e.outcome = 'output';
comment on view board.programme_project is 'Each project of an evaluated programme: whether it can be compared, why its output changed, payback.';
comment on column board.programme_project.site is 'Plant [text]';
comment on column board.programme_project.programme is 'Programme [text]';
comment on column board.programme_project.project is 'Project [text]';
comment on column board.programme_project.obstacle is 'Why it is not compared: mix, no_standard, no_output; empty: it is [text]';
comment on column board.programme_project.common is 'Share of standard hours in parts that were made before and after, the lesser of both [1]';
comment on column board.programme_project.linked is 'Share of standard hours after in parts with linked standards [1]';
comment on column board.programme_project.change is 'Change of frozen standard hours by calendar hour, before and after, of itself: not the effect [1]';
comment on column board.programme_project.by_planned is 'What the planned share of time added to the change [1]';
comment on column board.programme_project.by_availability is 'What availability added [1]';
comment on column board.programme_project.by_effectiveness is 'What effectiveness added [1]';
comment on column board.programme_project.by_quality is 'What quality added [1]';
comment on column board.programme_project.by_technology is 'What shorter standard times added [1]';
comment on column board.programme_project.technology_at_mix is 'Gain of technology at the mix of the time before [1]';
comment on column board.programme_project.payback_y is 'Payback at the estimated effect; NULL not computed or not reached [a]';
comment on column board.programme_project.payback_soonest_y is 'Payback at the upper end of the interval [a]';
comment on column board.programme_project.payback_latest_y is 'Payback at the lower end; NULL not reached [a]';
comment on column board.programme_project.tier is 'How the time before is known [text]';
comment on column board.programme_project.planned_h is 'Promised additional standard hours a year [h]';

create view board.programme_band with (security_barrier) as
select
    site.name as site, x ->> 'stratum' as stratum, e.programme,
    (x ->> 'hours')::double precision as observed_h,
    (x ->> 'coverage')::double precision as coverage,
    (x ->> 'value')::double precision as value,
    (x ->> 'low')::double precision as low,
    (x ->> 'high')::double precision as high,
    (x ->> 'pooled')::double precision as pooled,
    (x ->> 'pooled_low')::double precision as pooled_low,
    (x ->> 'pooled_high')::double precision as pooled_high,
    (x ->> 'expected_low')::double precision as expected_low,
    (x ->> 'expected_high')::double precision as expected_high,
    x ->> 'standing' as standing
from stanok_formula.evaluated e
cross join lateral jsonb_array_elements(e.found -> 'plants') x
join stanok_formula.site on site.name = x ->> 'site'
where e.outcome = 'output';
comment on view board.programme_band is 'Plants beside those of their stratum, as bands: never a league table.';
comment on column board.programme_band.site is 'Plant [text]';
comment on column board.programme_band.stratum is 'Stratum [text]';
comment on column board.programme_band.programme is 'Programme whose evaluation compared them [text]';
comment on column board.programme_band.observed_h is 'Observed planned time [h]';
comment on column board.programme_band.coverage is 'Observed by planned busy time [1]';
comment on column board.programme_band.value is 'OEE over observed time; NULL below 80 % coverage [1]';
comment on column board.programme_band.low is 'Lower end of its interval [1]';
comment on column board.programme_band.high is 'Upper end of its interval [1]';
comment on column board.programme_band.pooled is 'The same drawn to the mean of the stratum, the more the less was observed [1]';
comment on column board.programme_band.pooled_low is 'Lower end of its interval [1]';
comment on column board.programme_band.pooled_high is 'Upper end of its interval [1]';
comment on column board.programme_band.expected_low is 'Funnel: where a plant of the stratum with so many hours lies by chance alone, lower end [1]';
comment on column board.programme_band.expected_high is 'Upper end [1]';
comment on column board.programme_band.standing is 'above, below, or same: inside the funnel; not_published: too little was observed [text]';
