-- Raw samples as they were sent: events (words, counters, texts) are few and kept long, gauges are many.
-- Only BRIN while a chunk is hot: a B-tree costs four to five times the time of writing.
-- requires: plain

create table stanok.sample_event (
    event_time timestamptz not null,
    machine_id bigint not null,
    signal_id bigint not null,
    source_id bigint not null,
    value double precision not null,
    raw integer not null,
    quality smallint not null,
    flags integer not null,
    seq bigint not null,
    spool_id integer not null,
    record bigint not null,
    row integer not null,
    received_time timestamptz not null,
    text text
);
create index sample_event_time on stanok.sample_event using brin (event_time) with (pages_per_range = 16, autosummarize = on);
create index sample_event_received on stanok.sample_event using brin (received_time) with (pages_per_range = 16, autosummarize = on);
comment on table stanok.sample_event is 'Samples of words, counters and texts; never changed.';
comment on column stanok.sample_event.event_time is 'When it happened, by the believed clock [UTC]';
comment on column stanok.sample_event.machine_id is 'Machine [id]';
comment on column stanok.sample_event.signal_id is 'Signal [id]';
comment on column stanok.sample_event.source_id is 'Source that sent it [id]';
comment on column stanok.sample_event.value is 'Value in the unit of the signal; a code for words; NaN for texts [signal]';
comment on column stanok.sample_event.raw is 'Number that the source itself uses for the word, -1 none [code]';
comment on column stanok.sample_event.quality is '0 good, 1 uncertain, 2 bad, 3 stale [code]';
comment on column stanok.sample_event.flags is 'Bits: 0-1 clock choice, others as in the vocabulary [bits]';
comment on column stanok.sample_event.seq is 'Sequence number of the source, -1 none [1]';
comment on column stanok.sample_event.spool_id is 'Spool it came through [id]';
comment on column stanok.sample_event.record is 'Record of the spool [1]';
comment on column stanok.sample_event.row is 'Position inside the record [1]';
comment on column stanok.sample_event.received_time is 'When the collector received it [UTC]';
comment on column stanok.sample_event.text is 'Text, null for values [text]';

create table stanok.sample_gauge (
    event_time timestamptz not null,
    machine_id bigint not null,
    signal_id bigint not null,
    source_id bigint not null,
    value double precision not null,
    raw integer not null,
    quality smallint not null,
    flags integer not null,
    seq bigint not null,
    spool_id integer not null,
    record bigint not null,
    row integer not null,
    received_time timestamptz not null,
    text text
);
create index sample_gauge_time on stanok.sample_gauge using brin (event_time) with (pages_per_range = 16, autosummarize = on);
create index sample_gauge_received on stanok.sample_gauge using brin (received_time) with (pages_per_range = 16, autosummarize = on);
comment on table stanok.sample_gauge is 'Samples of speeds, feeds, loads and other gauges; never changed.';
comment on column stanok.sample_gauge.event_time is 'When it happened, by the believed clock [UTC]';
comment on column stanok.sample_gauge.machine_id is 'Machine [id]';
comment on column stanok.sample_gauge.signal_id is 'Signal [id]';
comment on column stanok.sample_gauge.source_id is 'Source that sent it [id]';
comment on column stanok.sample_gauge.value is 'Value in the unit of the signal; a code for words; NaN for texts [signal]';
comment on column stanok.sample_gauge.raw is 'Number that the source itself uses for the word, -1 none [code]';
comment on column stanok.sample_gauge.quality is '0 good, 1 uncertain, 2 bad, 3 stale [code]';
comment on column stanok.sample_gauge.flags is 'Bits: 0-1 clock choice, others as in the vocabulary [bits]';
comment on column stanok.sample_gauge.seq is 'Sequence number of the source, -1 none [1]';
comment on column stanok.sample_gauge.spool_id is 'Spool it came through [id]';
comment on column stanok.sample_gauge.record is 'Record of the spool [1]';
comment on column stanok.sample_gauge.row is 'Position inside the record [1]';
comment on column stanok.sample_gauge.received_time is 'When the collector received it [UTC]';
comment on column stanok.sample_gauge.text is 'Text, null for values [text]';
