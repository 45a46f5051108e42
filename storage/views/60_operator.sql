create view stanok_formula.told as
select e.*
from stanok.operator_entry e
where e.takes_back is null
    and not exists (select from stanok.operator_entry b where b.takes_back = e.id);
comment on view stanok_formula.told is 'Entries in effect: neither taken back nor taking back.';

create view board.operator_entry with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    m.title,
    e.id,
    e.kind,
    e.takes_back,
    case when e.takes_back is not null then 'takes_back' when b.id is not null then 'taken_back' else 'in_effect' end
        as standing,
    e.from_time,
    e.to_time,
    e.reason,
    e.class,
    r.title_en as reason_en,
    r.title_ru as reason_ru,
    nullif(e.parts, 0) as parts,
    p.name as program,
    e.author,
    e.note,
    e.entered_time
from stanok.operator_entry e
join stanok.machine m on m.id = e.machine_id
join stanok_formula.site on site.id = m.site_id
left join stanok.operator_entry b on b.takes_back = e.id
left join stanok.reason r on r.code = e.reason
left join stanok.part_program p on p.id = e.program_id;
comment on view board.operator_entry is 'Everything people told, and what became of it; nothing is ever changed or removed.';
comment on column board.operator_entry.site is 'Plant [text]';
comment on column board.operator_entry.machine is 'Machine, site/machine [text]';
comment on column board.operator_entry.title is 'Title of the machine [text]';
comment on column board.operator_entry.id is 'Id of the entry [hex]';
comment on column board.operator_entry.kind is 'reason or scrap [text]';
comment on column board.operator_entry.takes_back is 'Entry that this one takes back; NULL none [hex]';
comment on column board.operator_entry.standing is 'in_effect, taken_back, or takes_back [text]';
comment on column board.operator_entry.from_time is 'Start, included; of scrap: when [UTC]';
comment on column board.operator_entry.to_time is 'End, excluded [UTC]';
comment on column board.operator_entry.reason is 'Code of the reason, empty for scrap [text]';
comment on column board.operator_entry.class is 'Class of the reason when it was told, empty for scrap [text]';
comment on column board.operator_entry.reason_en is 'Reason in English; NULL for scrap [text]';
comment on column board.operator_entry.reason_ru is 'Reason in Russian; NULL for scrap [text]';
comment on column board.operator_entry.parts is 'Scrap parts; NULL for a reason [1]';
comment on column board.operator_entry.program is 'Part program that was named; NULL none [text]';
comment on column board.operator_entry.author is 'Who told it [text]';
comment on column board.operator_entry.note is 'In own words [text]';
comment on column board.operator_entry.entered_time is 'When it was told [UTC]';

create view board.stop with (security_barrier) as
select
    site.name as site,
    m.name as machine,
    m.title,
    i.from_time as stop_from,
    i.to_time as stop_to,
    coalesce(piece.from_time, i.from_time) as from_time,
    coalesce(piece.to_time, i.to_time) as to_time,
    stanok_formula.seconds(coalesce(piece.to_time, i.to_time) - coalesce(piece.from_time, i.from_time)) as length_s,
    state.word as state,
    cause.word as cause,
    cause.title_en as cause_en,
    cause.title_ru as cause_ru,
    coalesce(piece.reason, '') as reason,
    coalesce(piece.class, '') as class,
    coalesce(r.title_en, piece.reason, 'Not yet classified') as reason_en,
    coalesce(r.title_ru, piece.reason, 'Ещё не указана') as reason_ru,
    coalesce(piece.author, '') as author,
    coalesce(piece.note, '') as note
from stanok_formula.state_span i
join stanok.machine m on m.id = i.machine_id
join stanok_formula.site on site.id = m.site_id
-- Left, though every state and cause has its words: else the server expects a handful of rows and looks each up.
left join stanok.state on state.id = i.state
left join stanok.cause on cause.id = i.cause
cross join lateral (
    -- Most stops have no reason. What follows is asked for those that have one only: `offset 0` keeps each question apart.
    select exists (
        select from stanok.operator_entry t
        where t.machine_id = i.machine_id and t.to_time > i.from_time and t.from_time < i.to_time and t.kind = 'reason'
        offset 0
    ) as told
    offset 0
) has
left join lateral (
    select cut.from_time, cut.to_time, note.reason, note.class, note.author, note.note
    from (
        select at as from_time, lead(at) over (order by at) as to_time
        from (
            select i.from_time as at
            union
            select i.to_time
            union
            select edge
            from stanok_formula.told t
            cross join lateral (values (t.from_time), (t.to_time)) e (edge)
            where t.machine_id = i.machine_id and t.kind = 'reason'
                and edge > i.from_time and edge < i.to_time
                and t.to_time > i.from_time and t.from_time < i.to_time
        ) edges
    ) cut
    left join lateral (
        select t.reason, t.class, t.author, t.note
        from stanok_formula.told t
        where t.machine_id = i.machine_id and t.kind = 'reason'
            and t.from_time <= cut.from_time and t.to_time > cut.from_time
        order by t.entered_time desc, t.id desc
        limit 1
    ) note on true
    where has.told and cut.to_time > cut.from_time
    offset 0
) piece on true
left join stanok.reason r on r.code = piece.reason
where i.state in (2, 3, 4, 5) and coalesce(piece.to_time, i.to_time) > coalesce(piece.from_time, i.from_time); -- idle, unplanned_stop, setup, planned_stop: by code, of which there are statistics
comment on view board.stop is
    'Time that a machine did not produce, with the reasons that people gave: an interval is cut where a reason begins or ends, the latest entry holds where several lie.';
comment on column board.stop.site is 'Plant [text]';
comment on column board.stop.machine is 'Machine, site/machine [text]';
comment on column board.stop.title is 'Title of the machine [text]';
comment on column board.stop.stop_from is 'Start of the whole interval [UTC]';
comment on column board.stop.stop_to is 'End of the whole interval; ask for those that touch your window, too: an index knows it [UTC]';
comment on column board.stop.from_time is 'Start of the piece, included [UTC]';
comment on column board.stop.to_time is 'End of the piece, excluded; as_of while it lasts [UTC]';
comment on column board.stop.length_s is 'Length of the piece [s]';
comment on column board.stop.state is 'Word of the state: idle, setup, planned_stop or unplanned_stop [text]';
comment on column board.stop.cause is 'Word of the cause that the machine told [text]';
comment on column board.stop.cause_en is 'Cause in English [text]';
comment on column board.stop.cause_ru is 'Cause in Russian [text]';
comment on column board.stop.reason is 'Code of the reason that a person gave, empty: not yet classified [text]';
comment on column board.stop.class is 'Class of the reason, empty without one [text]';
comment on column board.stop.reason_en is 'Reason in English [text]';
comment on column board.stop.reason_ru is 'Reason in Russian [text]';
comment on column board.stop.author is 'Who gave the reason [text]';
comment on column board.stop.note is 'In own words [text]';
