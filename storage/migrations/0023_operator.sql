-- What people know: reasons for stops, scrap parts, and what was taken back. Entries only grow.
-- requires: plain

create table stanok.reason (
    code text primary key,
    class text not null,
    title_en text not null,
    title_ru text not null
);
comment on table stanok.reason is 'Catalogue of reasons, from the plant file; a code that the file has no more stays for the past.';
comment on column stanok.reason.code is 'What a person types [text]';
comment on column stanok.reason.class is 'repair, setup, planned, no_order, material, staff, tool, quality, utility or other [text]';
comment on column stanok.reason.title_en is 'English words [text]';
comment on column stanok.reason.title_ru is 'Russian words [text]';

create table stanok.operator_entry (
    id text primary key,
    spool_id integer not null,
    record bigint not null,
    kind text not null,
    takes_back text,
    machine_id bigint not null,
    from_time timestamptz not null,
    to_time timestamptz not null,
    reason text not null,
    class text not null,
    parts integer not null,
    program_id bigint not null,
    author text not null,
    note text not null,
    entered_time timestamptz not null
);
create index operator_entry_machine on stanok.operator_entry (machine_id, to_time);
create index operator_entry_takes_back on stanok.operator_entry (takes_back) where takes_back is not null;
comment on table stanok.operator_entry is 'Everything people told, as they told it; what is in effect stands in stanok_formula.told.';
comment on column stanok.operator_entry.id is 'Follows from the content: the same entry twice is one [hex]';
comment on column stanok.operator_entry.spool_id is 'Spool it came through [id]';
comment on column stanok.operator_entry.record is 'Record of the spool [1]';
comment on column stanok.operator_entry.kind is 'reason or scrap [text]';
comment on column stanok.operator_entry.takes_back is 'Entry that holds no more because of this one, which repeats it; null for an entry of its own [hex]';
comment on column stanok.operator_entry.machine_id is 'Machine [id]';
comment on column stanok.operator_entry.from_time is 'Start, included; of scrap: when [UTC]';
comment on column stanok.operator_entry.to_time is 'End, excluded; of scrap: 1 µs later [UTC]';
comment on column stanok.operator_entry.reason is 'Code of the reason, empty for scrap [text]';
comment on column stanok.operator_entry.class is 'Class of the reason when it was told, empty for scrap [text]';
comment on column stanok.operator_entry.parts is 'Scrap parts, 0 for a reason [1]';
comment on column stanok.operator_entry.program_id is 'Part program that was named, 0: the selected one [id]';
comment on column stanok.operator_entry.author is 'Who told it [text]';
comment on column stanok.operator_entry.note is 'In own words; of what takes back: why [text]';
comment on column stanok.operator_entry.entered_time is 'When it was told, by the clock of whoever told it [UTC]';

create trigger refuse_change before update or delete or truncate on stanok.operator_entry
    for each statement execute function stanok.refuse_change();
