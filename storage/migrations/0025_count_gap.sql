-- Gaps of scope count: stretches in which it is not known how many parts a counter stands for; and of scope gauge:
-- stretches in which the state is known, but not whether a spindle turns.
-- requires: plain

alter table stanok.data_gap
    add column counter smallint not null default -1,
    add column good_sign smallint,
    add column scrap_sign smallint,
    add column credit_us bigint,
    add column least_us bigint,
    add column most_us bigint,
    add column pri_us bigint;
alter table stanok.data_gap drop constraint data_gap_pkey;
alter table stanok.data_gap add primary key (machine_id, scope, from_time, counter, source_rank);
comment on column stanok.data_gap.scope is
    'state: no trusted state, which makes UNKNOWN time; source: one of several sources of the machine is gone; count: parts '
    'between two readings uncertain; gauge: spindle not known [text]';
comment on column stanok.data_gap.from_time is 'Last proof of life or last trusted reading, included [UTC]';
comment on column stanok.data_gap.to_time is 'Next proof of life or reading, excluded; null while it lasts [UTC]';
comment on column stanok.data_gap.counter is 'Scope count: 0 total, 1 good, 2 scrap; otherwise -1 [code]';
comment on column stanok.data_gap.good_sign is 'Scope count: by how many good parts a part of the counter changes what was made [1]';
comment on column stanok.data_gap.scrap_sign is 'Scope count: by how many other parts a part of the counter changes what was made [1]';
comment on column stanok.data_gap.credit_us is 'Scope count: standard time of the parts of the counter that were booked for it [µs]';
comment on column stanok.data_gap.least_us is 'Scope count: the least standard time that may have been made [µs]';
comment on column stanok.data_gap.most_us is 'Scope count: the greatest; null limited only by time [µs]';
comment on column stanok.data_gap.pri_us is 'Scope count: greatest standard time of a part [µs]';
