-- Gap records as inputs of every later fold, and requests that can be counted off.
-- requires: plain

create table stanok.source_gap (
    machine_id bigint not null,
    source_id bigint not null,
    from_time timestamptz not null,
    to_time timestamptz,
    cause smallint not null,
    recovered boolean not null,
    primary key (machine_id, from_time, recovered)
);
comment on table stanok.source_gap is 'Gap records as the engine took them in; what follows from them stands in data_gap.';
comment on column stanok.source_gap.machine_id is 'Machine [id]';
comment on column stanok.source_gap.source_id is 'Source that was silent [id]';
comment on column stanok.source_gap.from_time is 'Last proof of life, included [UTC]';
comment on column stanok.source_gap.to_time is 'Next proof of life, excluded; null while it lasts [UTC]';
comment on column stanok.source_gap.cause is 'Cause as in the vocabulary [code]';
comment on column stanok.source_gap.recovered is 'A sequence proved that nothing is missing: it does not count [bool]';

insert into stanok.source_gap
select machine_id, source_id, from_time, to_time, cause, false
from stanok.data_gap where scope = 'state' and cause between 1 and 9;

alter table stanok.recompute_request drop constraint recompute_request_pkey;
alter table stanok.recompute_request add column id bigint generated always as identity primary key;
comment on column stanok.recompute_request.id is 'Number of the request; a repair removes those that it knew [1]';
create index recompute_request_machine on stanok.recompute_request (machine_id);
