-- Position and honesty: how far the engine has come, its states, what it could not read and what it must fold again.
-- requires: plain

create table stanok.spool_cursor (
    id integer generated always as identity not null,
    spool text not null,
    record bigint not null,
    epoch bigint not null,
    primary key (id),
    unique (spool)
);
comment on table stanok.spool_cursor is 'How far each spool has been taken in, and who may write: the owner of the epoch.';
comment on column stanok.spool_cursor.id is 'Number in the raw tables [id]';
comment on column stanok.spool_cursor.spool is 'Random name of the spool file [text]';
comment on column stanok.spool_cursor.record is 'Last record in the database [1]';
comment on column stanok.spool_cursor.epoch is 'Rises with every engine that takes the spool over [1]';

create table stanok.engine_state (
    one boolean not null,
    tick_time timestamptz not null,
    primary key (one),
    check (one)
);
comment on table stanok.engine_state is 'One row: the clock of the engine, which views take for now.';
comment on column stanok.engine_state.one is 'Always true [bool]';
comment on column stanok.engine_state.tick_time is 'Last tick of the engine [UTC]';

create table stanok.source_frontier (
    machine_id bigint not null,
    source_id bigint not null,
    last_event timestamptz,
    last_heartbeat timestamptz,
    last_life timestamptz,
    gap_from timestamptz,
    primary key (machine_id, source_id)
);
comment on table stanok.source_frontier is 'How far each source has spoken for each machine.';
comment on column stanok.source_frontier.machine_id is 'Machine [id]';
comment on column stanok.source_frontier.source_id is 'Source [id]';
comment on column stanok.source_frontier.last_event is 'Latest event; null never [UTC]';
comment on column stanok.source_frontier.last_heartbeat is 'Latest heartbeat; null never [UTC]';
comment on column stanok.source_frontier.last_life is 'Last proof of life; null never [UTC]';
comment on column stanok.source_frontier.gap_from is 'Start of the open gap; null none [UTC]';

create table stanok.machine_snapshot (
    machine_id bigint not null,
    hour timestamptz not null,
    plant_hash bytea not null,
    code_version text not null,
    state bytea not null,
    primary key (machine_id, hour)
);
comment on table stanok.machine_snapshot is 'State of the fold of a machine at full hours.';
comment on column stanok.machine_snapshot.machine_id is 'Machine [id]';
comment on column stanok.machine_snapshot.hour is 'All samples before it are in the state [UTC]';
comment on column stanok.machine_snapshot.plant_hash is 'Plant file it was made under [bytes]';
comment on column stanok.machine_snapshot.code_version is 'Rules and code it was made by [text]';
comment on column stanok.machine_snapshot.state is 'State [bytes]';

create table stanok.quarantine (
    spool_id integer not null,
    record bigint not null,
    source_id bigint not null,
    machine_id bigint,
    received_time timestamptz not null,
    reason text not null,
    origin text not null,
    raw bytea not null,
    primary key (spool_id, record)
);
comment on table stanok.quarantine is 'What could not be decoded, with its bytes.';
comment on column stanok.quarantine.spool_id is 'Spool it came through [id]';
comment on column stanok.quarantine.record is 'Record of the spool [1]';
comment on column stanok.quarantine.source_id is 'Source that sent it [id]';
comment on column stanok.quarantine.machine_id is 'Machine it was for; null not known [id]';
comment on column stanok.quarantine.received_time is 'When the collector received it [UTC]';
comment on column stanok.quarantine.reason is 'What is wrong with it [text]';
comment on column stanok.quarantine.origin is 'Topic or address [text]';
comment on column stanok.quarantine.raw is 'Bytes as they came [bytes]';

create table stanok.recompute_request (
    machine_id bigint not null,
    from_time timestamptz not null,
    to_time timestamptz not null,
    cause text not null,
    requested timestamptz,
    primary key (machine_id, from_time, to_time)
);
comment on table stanok.recompute_request is 'Stretches of the past to fold again; removed by the transaction that stores the result.';
comment on column stanok.recompute_request.machine_id is 'Machine [id]';
comment on column stanok.recompute_request.from_time is 'Start, included [UTC]';
comment on column stanok.recompute_request.to_time is 'End, excluded [UTC]';
comment on column stanok.recompute_request.cause is 'Why [text]';
comment on column stanok.recompute_request.requested is 'Tick of the engine when it was asked for; null before the first tick [UTC]';
