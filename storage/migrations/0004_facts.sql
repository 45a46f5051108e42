-- What the fold says: additive facts, intervals and gaps. No ratio is stored; views divide last, from sums.
-- requires: plain

create table stanok.fact_minute (
    machine_id bigint not null,
    minute timestamptz not null,
    shift_id bigint not null,
    program_id bigint not null,
    job_order bigint not null,
    apt bigint not null,
    apt_no_order bigint not null,
    aust bigint not null,
    adet_idle bigint not null,
    adet_stop bigint not null,
    adot_idle bigint not null,
    adot_setup bigint not null,
    adot_stop bigint not null,
    planned_state bigint not null,
    planned_calendar bigint not null,
    planned_failure bigint not null,
    unknown bigint not null,
    apt_out bigint not null,
    aust_out bigint not null,
    unknown_out bigint not null,
    parts_total bigint not null,
    parts_good bigint not null,
    parts_scrap bigint not null,
    parts_no_standard bigint not null,
    credit_total_us bigint not null,
    credit_good_us bigint not null,
    credit_gap_total_us bigint not null,
    credit_gap_good_us bigint not null,
    spindle_turning_us bigint not null,
    open boolean not null,
    primary key (machine_id, minute, shift_id, program_id, job_order)
);
comment on table stanok.fact_minute is 'Additive facts of one machine and minute; a machine-minute is replaced as a whole and its times sum to 60 000 000 µs once closed.';
comment on column stanok.fact_minute.machine_id is 'Machine [id]';
comment on column stanok.fact_minute.minute is 'Start of the minute [UTC]';
comment on column stanok.fact_minute.shift_id is 'Shift instance, 0 none [id]';
comment on column stanok.fact_minute.program_id is 'Part program, 0 none [id]';
comment on column stanok.fact_minute.job_order is 'Job order, 0 none [id]';
comment on column stanok.fact_minute.apt is 'Time producing [µs]';
comment on column stanok.fact_minute.apt_no_order is 'Time producing without an order [µs]';
comment on column stanok.fact_minute.aust is 'Time setting up [µs]';
comment on column stanok.fact_minute.adet_idle is 'Time idle during an order [µs]';
comment on column stanok.fact_minute.adet_stop is 'Time unplanned stop during an order [µs]';
comment on column stanok.fact_minute.adot_idle is 'Time idle without an order [µs]';
comment on column stanok.fact_minute.adot_setup is 'Time setting up without an order [µs]';
comment on column stanok.fact_minute.adot_stop is 'Time unplanned stop without an order [µs]';
comment on column stanok.fact_minute.planned_state is 'Time planned stop inside planned busy time [µs]';
comment on column stanok.fact_minute.planned_calendar is 'Time planned downtime by the calendar [µs]';
comment on column stanok.fact_minute.planned_failure is 'Time unplanned stop outside planned busy time [µs]';
comment on column stanok.fact_minute.unknown is 'Time no trusted data inside planned busy time [µs]';
comment on column stanok.fact_minute.apt_out is 'Time producing outside planned busy time [µs]';
comment on column stanok.fact_minute.aust_out is 'Time setting up outside planned busy time [µs]';
comment on column stanok.fact_minute.unknown_out is 'Time no trusted data outside planned busy time [µs]';
comment on column stanok.fact_minute.parts_total is 'Parts made [1]';
comment on column stanok.fact_minute.parts_good is 'Good parts [1]';
comment on column stanok.fact_minute.parts_scrap is 'Scrap parts [1]';
comment on column stanok.fact_minute.parts_no_standard is 'Parts of programs without a standard time [1]';
comment on column stanok.fact_minute.credit_total_us is 'Standard time of the parts made, without those booked after a gap [µs]';
comment on column stanok.fact_minute.credit_good_us is 'Standard time of the good parts, without those booked after a gap [µs]';
comment on column stanok.fact_minute.credit_gap_total_us is 'Standard time of parts booked after a gap [µs]';
comment on column stanok.fact_minute.credit_gap_good_us is 'Standard time of good parts booked after a gap [µs]';
comment on column stanok.fact_minute.spindle_turning_us is 'Spindle turning inside planned busy time [µs]';
comment on column stanok.fact_minute.open is 'The minute may still change [bool]';

create table stanok.state_interval (
    machine_id bigint not null,
    from_time timestamptz not null,
    to_time timestamptz,
    state smallint not null,
    cause smallint not null,
    rule smallint not null,
    primary key (machine_id, from_time)
);
comment on table stanok.state_interval is 'Half-open stretches of one machine state.';
comment on column stanok.state_interval.machine_id is 'Machine [id]';
comment on column stanok.state_interval.from_time is 'Start, included [UTC]';
comment on column stanok.state_interval.to_time is 'End, excluded; null while it lasts [UTC]';
comment on column stanok.state_interval.state is 'State [code]';
comment on column stanok.state_interval.cause is 'Cause [code]';
comment on column stanok.state_interval.rule is 'Number of the rule that decided [code]';

create table stanok.program_interval (
    machine_id bigint not null,
    from_time timestamptz not null,
    to_time timestamptz,
    program_id bigint not null,
    primary key (machine_id, from_time)
);
comment on table stanok.program_interval is 'Half-open stretches with one part program selected.';
comment on column stanok.program_interval.machine_id is 'Machine [id]';
comment on column stanok.program_interval.from_time is 'Start, included [UTC]';
comment on column stanok.program_interval.to_time is 'End, excluded; null while it lasts [UTC]';
comment on column stanok.program_interval.program_id is 'Part program, 0 none [id]';

create table stanok.data_gap (
    machine_id bigint not null,
    source_id bigint not null,
    scope text not null,
    from_time timestamptz not null,
    to_time timestamptz,
    cause smallint not null,
    outcome text,
    credit_good_us bigint,
    credit_total_us bigint,
    parts bigint,
    booked_time timestamptz,
    primary key (machine_id, scope, from_time)
);
comment on table stanok.data_gap is 'What is missing: nothing is missing without a row here.';
comment on column stanok.data_gap.machine_id is 'Machine [id]';
comment on column stanok.data_gap.source_id is 'Source that was silent [id]';
comment on column stanok.data_gap.scope is 'state: no trusted state, which makes UNKNOWN time [text]';
comment on column stanok.data_gap.from_time is 'Last proof of life, included [UTC]';
comment on column stanok.data_gap.to_time is 'Next proof of life, excluded; null while it lasts [UTC]';
comment on column stanok.data_gap.cause is 'Cause [code]';
comment on column stanok.data_gap.outcome is 'lost or recovered; null while it lasts [text]';
comment on column stanok.data_gap.credit_good_us is 'Standard time of good parts that the first counts after it booked; null not known [µs]';
comment on column stanok.data_gap.credit_total_us is 'Standard time of all parts that the first counts after it booked; null not known [µs]';
comment on column stanok.data_gap.parts is 'Parts that the first counts after it booked; null not known [1]';
comment on column stanok.data_gap.booked_time is 'When they were booked, the latest; null not known [UTC]';

create table stanok.machine_live (
    machine_id bigint not null,
    as_of timestamptz,
    settled timestamptz,
    state smallint not null,
    cause smallint not null,
    rule smallint not null,
    since timestamptz,
    program_id bigint not null,
    shift_id bigint not null,
    spindle_turning boolean not null,
    spindle_speed double precision not null,
    primary key (machine_id)
);
comment on table stanok.machine_live is 'One row a machine: what boards show now.';
comment on column stanok.machine_live.machine_id is 'Machine [id]';
comment on column stanok.machine_live.as_of is 'Up to when it is shown; null before first contact [UTC]';
comment on column stanok.machine_live.settled is 'Up to when it cannot change in order any more; null before first contact [UTC]';
comment on column stanok.machine_live.state is 'State [code]';
comment on column stanok.machine_live.cause is 'Cause [code]';
comment on column stanok.machine_live.rule is 'Number of the rule that decided [code]';
comment on column stanok.machine_live.since is 'Start of the state; null before first contact [UTC]';
comment on column stanok.machine_live.program_id is 'Part program selected, 0 none [id]';
comment on column stanok.machine_live.shift_id is 'Shift instance, 0 none [id]';
comment on column stanok.machine_live.spindle_turning is 'A spindle turns [bool]';
comment on column stanok.machine_live.spindle_speed is 'Speed of spindle 1, NaN where unknown [1/min]';
