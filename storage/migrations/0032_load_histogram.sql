-- How long spindles turned in each class of load: the load histogram, in minutes and in everything that sums them.
-- requires: plain

alter table stanok.fact_minute
    add column load_0_us bigint not null default 0,
    add column load_10_us bigint not null default 0,
    add column load_20_us bigint not null default 0,
    add column load_30_us bigint not null default 0,
    add column load_40_us bigint not null default 0,
    add column load_50_us bigint not null default 0,
    add column load_60_us bigint not null default 0,
    add column load_70_us bigint not null default 0,
    add column load_80_us bigint not null default 0,
    add column load_90_us bigint not null default 0,
    add column load_100_us bigint not null default 0;
alter table stanok.fact_hour
    add column load_0_us bigint not null default 0,
    add column load_10_us bigint not null default 0,
    add column load_20_us bigint not null default 0,
    add column load_30_us bigint not null default 0,
    add column load_40_us bigint not null default 0,
    add column load_50_us bigint not null default 0,
    add column load_60_us bigint not null default 0,
    add column load_70_us bigint not null default 0,
    add column load_80_us bigint not null default 0,
    add column load_90_us bigint not null default 0,
    add column load_100_us bigint not null default 0;
alter table stanok.fact_shift
    add column load_0_us bigint not null default 0,
    add column load_10_us bigint not null default 0,
    add column load_20_us bigint not null default 0,
    add column load_30_us bigint not null default 0,
    add column load_40_us bigint not null default 0,
    add column load_50_us bigint not null default 0,
    add column load_60_us bigint not null default 0,
    add column load_70_us bigint not null default 0,
    add column load_80_us bigint not null default 0,
    add column load_90_us bigint not null default 0,
    add column load_100_us bigint not null default 0;
alter table stanok.fact_day
    add column load_0_us bigint not null default 0,
    add column load_10_us bigint not null default 0,
    add column load_20_us bigint not null default 0,
    add column load_30_us bigint not null default 0,
    add column load_40_us bigint not null default 0,
    add column load_50_us bigint not null default 0,
    add column load_60_us bigint not null default 0,
    add column load_70_us bigint not null default 0,
    add column load_80_us bigint not null default 0,
    add column load_90_us bigint not null default 0,
    add column load_100_us bigint not null default 0;
alter table stanok.fact_change
    add column load_0_us bigint not null default 0,
    add column load_10_us bigint not null default 0,
    add column load_20_us bigint not null default 0,
    add column load_30_us bigint not null default 0,
    add column load_40_us bigint not null default 0,
    add column load_50_us bigint not null default 0,
    add column load_60_us bigint not null default 0,
    add column load_70_us bigint not null default 0,
    add column load_80_us bigint not null default 0,
    add column load_90_us bigint not null default 0,
    add column load_100_us bigint not null default 0;

do $$
declare
    low integer;
    tab text;
begin
    foreach tab in array array['fact_minute', 'fact_hour', 'fact_shift', 'fact_day', 'fact_change'] loop
        for low in select generate_series(0, 100, 10) loop
            execute format('comment on column stanok.%I.load_%s_us is %L', tab, low, case low
                when 100 then 'Of spindle_load_us: with a load of 100 % or more [µs]'
                else format('Of spindle_load_us: with a load from %s to below %s %% [µs]', low, low + 10) end);
        end loop;
    end loop;
end $$;
