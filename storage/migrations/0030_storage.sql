-- What boards ask: which stretches touch a window. What lasts has no end and stands in no index by ends: it is replaced
-- with every commit, what has ended hardly ever.
-- requires: plain

create index state_interval_ended on stanok.state_interval (to_time, from_time) where to_time is not null;

alter table stanok.data_gap add column reach timestamptz not null generated always as (
    case when to_time is null or scope = 'count' and booked_time is null then 'infinity' else greatest(to_time, booked_time) end
) stored;
comment on column stanok.data_gap.reach is
    'Up to when it matters for a figure: its end or the instant at which parts were booked for it; infinity while that is open [UTC]';
create index data_gap_reach on stanok.data_gap (machine_id, reach);
create index data_gap_ended on stanok.data_gap (to_time, from_time) where to_time is not null;
create index data_gap_lasting on stanok.data_gap (machine_id) where to_time is null;

-- Samples with a text are few, and read apart from the others.
create index sample_event_text on stanok.sample_event (event_time) where text is not null;
create index sample_gauge_text on stanok.sample_gauge (event_time) where text is not null;
