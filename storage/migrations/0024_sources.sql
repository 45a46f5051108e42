-- Several sources of one machine: a gap is of a machine and a source.
-- requires: plain

alter table stanok.source_gap drop constraint source_gap_pkey;
alter table stanok.source_gap add primary key (machine_id, source_id, from_time, recovered);

alter table stanok.data_gap add column source_rank smallint not null default 0;
alter table stanok.data_gap drop constraint data_gap_pkey;
alter table stanok.data_gap add primary key (machine_id, scope, from_time, source_rank);
comment on column stanok.data_gap.scope is
    'state: no trusted state, which makes UNKNOWN time; source: one of several sources of the machine is gone [text]';
comment on column stanok.data_gap.source_rank is
    'Scope source: rank of the source among those of the machine, from 0; otherwise 0 [1]';
