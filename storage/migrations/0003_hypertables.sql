-- Raw samples in chunks of six hours, so that retention drops whole chunks and writing touches a small one.
-- requires: timescaledb

select create_hypertable('stanok.sample_event', 'event_time', chunk_time_interval => interval '6 hours',
    create_default_indexes => false, migrate_data => true);
select create_hypertable('stanok.sample_gauge', 'event_time', chunk_time_interval => interval '6 hours',
    create_default_indexes => false, migrate_data => true);
