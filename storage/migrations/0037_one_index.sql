-- Writing is the limit, so raw samples carry one index: it knows both times of a range of blocks. Samples with a text are
-- read with the others. Rows that every commit changes have room to change in their place.
-- requires: plain

drop index stanok.sample_event_time;
drop index stanok.sample_event_received;
drop index stanok.sample_event_text;
create index sample_event_times on stanok.sample_event using brin (event_time, received_time)
    with (pages_per_range = 16, autosummarize = on);
drop index stanok.sample_gauge_time;
drop index stanok.sample_gauge_received;
drop index stanok.sample_gauge_text;
create index sample_gauge_times on stanok.sample_gauge using brin (event_time, received_time)
    with (pages_per_range = 16, autosummarize = on);

alter table stanok.machine_live set (fillfactor = 40);
alter table stanok.source_frontier set (fillfactor = 40);
