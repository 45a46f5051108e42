-- Signals that somebody should ask about; each has innocent explanations, none is a proof. Marks stand in the view `mark`.

create view stanok_formula.mark as
select * from (values
    ('standard_changed', 0.0), -- any change within 90 days of a milestone
    ('planned_drift', 0.05),
    ('unexplained', 0.10), -- programmes.md: "other" and unknown reasons above 10 %
    ('told_late', 0.25),
    ('scrap_told', 0.02),
    ('silent_in_bad_weeks', 0.5),
    ('repeated', 2.0),
    ('parts_without_runtime', 0.0)
) m (signal, mark);
comment on view stanok_formula.mark is 'From when on a signal is shown.';

create view stanok_formula.standard_changed as
select s.site, s.part as detail, stanok_formula.ratio(s.pri_us, s.before_us) - 1 as value
from (
    select site, part, valid_from, pri_us, lag(pri_us) over (partition by site, part order by valid_from, bundle) as before_us
    from stanok.plant_standard
) s
join stanok.project j on j.site = s.site
where s.pri_us <> s.before_us
    and (abs(s.valid_from::date - j.begins) <= 90 or abs(s.valid_from::date - j.act) <= 90);
comment on view stanok_formula.standard_changed is 'Standard times that changed within 90 days of a start or an act, with the relative change.';

create view stanok_formula.plant_week as
select
    r.site, p.stratum, date_trunc('week', r.day)::date as week,
    stanok_formula.ratio(sum(r.busy - r.unknown), sum(r.busy)) as coverage,
    stanok_formula.ratio(sum(r.good), sum(r.busy - r.unknown)) as output
from stanok_formula.reported r
join stanok.programme_site p on p.name = r.site
group by 1, 2, 3;
comment on view stanok_formula.plant_week is 'Coverage of plants by week, and their standard time of good parts by observed time.';

create view board.programme_integrity with (security_barrier) as
select site.name as site, f.signal, f.detail, f.value, m.mark
from (
    select site, 'standard_changed' as signal, detail, value from stanok_formula.standard_changed
    union all
    select r.site, 'planned_drift', '',
        stanok_formula.ratio(sum(r.planned) filter (where late), sum(r.planned + r.busy) filter (where late))
        - stanok_formula.ratio(sum(r.planned) filter (where not late), sum(r.planned + r.busy) filter (where not late))
    from (select *, day > stanok_formula.reported_to() - 91 as late from stanok_formula.reported) r group by r.site
    union all
    select h.site, 'unexplained', '',
        stanok_formula.ratio(sum(l.lost_us) filter (where l.class in ('', 'other')), sum(l.lost_us))
    from stanok_formula.held h
    join stanok.plant_lost l using (site, machine, day, shift, revision)
    where h.day > (select stanok_formula.reported_to()) - 28 group by h.site
    union all
    select r.site, 'told_late', '', stanok_formula.ratio(sum(r.told_late), sum(r.told))
    from stanok_formula.reported r where r.day > (select stanok_formula.reported_to()) - 28 group by r.site
    union all
    select r.site, 'scrap_told', '', stanok_formula.ratio(sum(r.scrap_told), sum(r.parts))
    from stanok_formula.reported r where r.day > (select stanok_formula.reported_to()) - 28 group by r.site
    union all
    -- The collector is off in weeks that were bad for the neighbours too. Eight weeks are few enough to be seen in time.
    select w.site, 'silent_in_bad_weeks', '', corr(w.coverage, w.neighbours)
    from (
        select site, coverage,
            stanok_formula.ratio(sum(output) over beside - coalesce(output, 0), count(output) over beside - (output is not null)::int)
                as neighbours
        from stanok_formula.plant_week
        window beside as (partition by stratum, week)
    ) w
    where w.neighbours is not null
    group by w.site having count(*) >= 8
    union all
    select site, 'repeated', machine, count(*)
    from stanok_formula.reported where apt > 0 group by site, machine, apt, aust, adet, adot, busy, parts having count(*) > 2
    union all
    select site, 'parts_without_runtime', machine, count(*)
    from stanok_formula.reported where parts > 0 and apt + worked_out = 0 group by site, machine
) f
join stanok_formula.mark m on m.signal = f.signal
join stanok_formula.site on site.name = f.site
where f.value > m.mark or (f.signal = 'standard_changed' and f.value is not null);
comment on view board.programme_integrity is 'Signals that somebody should ask about; each has innocent explanations, none is a proof.';
comment on column board.programme_integrity.site is 'Plant [text]';
comment on column board.programme_integrity.signal is 'standard_changed, planned_drift, unexplained, told_late, scrap_told, silent_in_bad_weeks, repeated or parts_without_runtime [text]';
comment on column board.programme_integrity.detail is 'Part program or machine, empty: the whole plant [text]';
comment on column board.programme_integrity.value is 'Relative change, share, correlation or count, as the signal says [1]';
comment on column board.programme_integrity.mark is 'From when on it is shown [1]';
