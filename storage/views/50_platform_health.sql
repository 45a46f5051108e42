create view board.platform_health with (security_barrier) as
select
    e.tick_time,
    (select count(*) from stanok.spool_cursor) as spools,
    (select coalesce(sum(record), 0)::bigint from stanok.spool_cursor) as records,
    (select greatest(stanok_formula.seconds(e.tick_time - min(as_of)), 0)
        from stanok.machine_live where machine_id in (select id from stanok_formula.machine)) as lag_s,
    (select count(*) from stanok.machine_live
        where state = 0 and machine_id in (select id from stanok_formula.machine)) as machines_unknown,
    (select count(*) from stanok.data_gap
        where to_time is null and machine_id in (select id from stanok_formula.machine)) as gaps_lasting,
    (select count(*) from stanok.quarantine
        where machine_id is null or machine_id in (select id from stanok_formula.machine)) as quarantined,
    (select count(*) from stanok.recompute_request
        where machine_id in (select id from stanok_formula.machine)) as recompute_requests
from stanok.engine_state e;
comment on view board.platform_health is 'One row: how the platform itself is doing; machines are those that the asking role sees, spools all.';
comment on column board.platform_health.tick_time is 'Last tick of the engine, the now of all boards [UTC]';
comment on column board.platform_health.spools is 'Spools taken in [1]';
comment on column board.platform_health.records is 'Spool records taken in [1]';
comment on column board.platform_health.lag_s is 'How far the slowest machine is behind the tick [s]';
comment on column board.platform_health.machines_unknown is 'Machines without trusted data now [1]';
comment on column board.platform_health.gaps_lasting is 'Gaps that go on [1]';
comment on column board.platform_health.quarantined is 'Payloads that could not be decoded [1]';
comment on column board.platform_health.recompute_requests is 'Stretches of the past that wait to be folded again [1]';
