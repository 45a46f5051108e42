-- Indexes for boards that ask which stretches touch a window. What lasts has no end and stands in none of them: it is
-- replaced with every commit, what has ended hardly ever.
-- requires: plain

create index state_interval_ended on stanok.state_interval (to_time, from_time) where to_time is not null;
create index data_gap_ended on stanok.data_gap (to_time, from_time) where to_time is not null;
create index data_gap_lasting on stanok.data_gap (machine_id) where to_time is null;
