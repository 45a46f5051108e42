-- What was true when: sealed days in a chain of hashes, and which repairs changed the past. Both only grow.
-- requires: plain

create table stanok.repair_done (
    id bigint generated always as identity primary key,
    machine_id bigint not null,
    from_time timestamptz not null,
    to_time timestamptz not null,
    cause text not null,
    done_time timestamptz
);
create index repair_done_machine on stanok.repair_done (machine_id, id);
comment on table stanok.repair_done is 'Recompute requests that the engine has worked off, noted by the transaction that stored the result.';
comment on column stanok.repair_done.id is 'Rises with every repair [1]';
comment on column stanok.repair_done.machine_id is 'Machine [id]';
comment on column stanok.repair_done.from_time is 'From when on the past was folded again [UTC]';
comment on column stanok.repair_done.to_time is 'End of the request; results after it may have changed too [UTC]';
comment on column stanok.repair_done.cause is 'Why [text]';
comment on column stanok.repair_done.done_time is 'Tick of the engine before it; null before the first tick [UTC]';

create table stanok.result_revision (
    number bigint primary key,
    machine_id bigint not null,
    day date not null,
    from_time timestamptz not null,
    to_time timestamptz not null,
    columns text not null,
    lines bigint not null,
    rows_hash bytea not null,
    cause text not null,
    repair bigint not null,
    sealed_time timestamptz not null,
    previous_hash bytea not null,
    hash bytea not null
);
create index result_revision_machine on stanok.result_revision (machine_id, day, number);
comment on table stanok.result_revision is 'Seals of closed days: what the results of a machine were, each chained to the one before.';
comment on column stanok.result_revision.number is 'From 1 without holes [1]';
comment on column stanok.result_revision.machine_id is 'Machine [id]';
comment on column stanok.result_revision.day is 'Local day of its site, midnight to midnight [date]';
comment on column stanok.result_revision.from_time is 'Start of the day, included [UTC]';
comment on column stanok.result_revision.to_time is 'End of the day, excluded [UTC]';
comment on column stanok.result_revision.columns is 'Columns of fact_minute that the hash covers, in order [text]';
comment on column stanok.result_revision.lines is 'Rows that the hash covers [1]';
comment on column stanok.result_revision.rows_hash is 'sha256 over the rows [bytes]';
comment on column stanok.result_revision.cause is 'closed: the first seal; otherwise the causes of the repairs since the one before [text]';
comment on column stanok.result_revision.repair is 'Last repair of the machine that it contains, 0 none [1]';
comment on column stanok.result_revision.sealed_time is 'Tick of the engine when it was sealed [UTC]';
comment on column stanok.result_revision.previous_hash is 'hash of the number before, 32 zero bytes for the first [bytes]';
comment on column stanok.result_revision.hash is 'sha256 over previous_hash and all other columns [bytes]';

create function stanok.note_repair() returns trigger language plpgsql security definer set search_path = pg_catalog as $$
begin
    insert into stanok.repair_done (machine_id, from_time, to_time, cause, done_time)
    values (old.machine_id, old.from_time, old.to_time, old.cause, (select tick_time from stanok.engine_state));
    return null;
end $$;
comment on function stanok.note_repair is 'Notes a request that goes away; only the engine removes requests.';
create trigger note_repair after delete on stanok.recompute_request
    for each row execute function stanok.note_repair();

create function stanok.refuse_change() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
    raise exception '% only grows', tg_table_name using errcode = 'insufficient_privilege';
end $$;
comment on function stanok.refuse_change is 'Lets nobody change or remove a row, the owner included.';
create trigger refuse_change before update or delete or truncate on stanok.result_revision
    for each statement execute function stanok.refuse_change();
create trigger refuse_change before update or delete or truncate on stanok.repair_done
    for each statement execute function stanok.refuse_change();
