-- Spindle, cutting and energy in facts, job orders by name, and what part counters did other than count on.
-- requires: plain

alter table stanok.fact_minute
    add column powered_us bigint not null default 0,
    add column program_running_us bigint not null default 0,
    add column in_cut_us bigint not null default 0,
    add column air_cut_us bigint not null default 0,
    add column feed_hold_us bigint not null default 0,
    add column spindle_load_us bigint not null default 0,
    add column spindle_load bigint not null default 0,
    add column feed_override_loss bigint not null default 0,
    add column spindle_override_loss bigint not null default 0,
    add column rapid_override_loss bigint not null default 0,
    add column energy_mj bigint not null default 0;
comment on column stanok.fact_minute.powered_us is 'Known time with the control on inside planned busy time [µs]';
comment on column stanok.fact_minute.program_running_us is 'Program running inside planned busy time [µs]';
comment on column stanok.fact_minute.in_cut_us is 'In cut inside planned busy time [µs]';
comment on column stanok.fact_minute.air_cut_us is 'Air cut inside planned busy time [µs]';
comment on column stanok.fact_minute.feed_hold_us is 'Feed held under a program inside planned busy time [µs]';
comment on column stanok.fact_minute.spindle_load_us is 'Spindle turning inside planned busy time with a known load of spindle 1 [µs]';
comment on column stanok.fact_minute.spindle_load is 'Integral of the load of spindle 1 over that time [‰·µs]';
comment on column stanok.fact_minute.feed_override_loss is 'Integral of 1000 less feed override over producing time [‰·µs]';
comment on column stanok.fact_minute.spindle_override_loss is 'Integral of 1000 less spindle override over producing time [‰·µs]';
comment on column stanok.fact_minute.rapid_override_loss is 'Integral of 1000 less rapid override over producing time in rapid [‰·µs]';
comment on column stanok.fact_minute.energy_mj is 'Energy of the whole machine in all time [mJ]';

create table stanok.job_order (
    id bigint not null,
    name text not null,
    primary key (id)
);
comment on table stanok.job_order is 'Orders and jobs that machines named.';
comment on column stanok.job_order.id is 'Hash of the name, the same for ever [id]';
comment on column stanok.job_order.name is 'Name [text]';

create table stanok.counter_event (
    machine_id bigint not null,
    counter smallint not null,
    at_time timestamptz not null,
    what smallint not null,
    from_time timestamptz not null,
    last bigint not null,
    reading bigint not null,
    parts bigint not null,
    primary key (machine_id, counter, at_time, what)
);
comment on table stanok.counter_event is 'What part counters did other than count on; after a reset parts may be missing.';
comment on column stanok.counter_event.machine_id is 'Machine [id]';
comment on column stanok.counter_event.counter is 'Counter: 0 total, 1 good, 2 scrap [code]';
comment on column stanok.counter_event.at_time is 'When it was decided [UTC]';
comment on column stanok.counter_event.what is '0 rollover, 1 correction, 2 reset, 3 preset, 4 dropped, 5 confirmed [code]';
comment on column stanok.counter_event.from_time is 'When the counter was read before [UTC]';
comment on column stanok.counter_event.last is 'That reading [1]';
comment on column stanok.counter_event.reading is 'The reading it is about [1]';
comment on column stanok.counter_event.parts is 'Parts booked for it [1]';
