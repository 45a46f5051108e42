-- Hours, shifts and days of facts, kept for ever: sums of closed minutes, changed by exact differences where those change.
-- Columns of measures are those of fact_minute; whoever adds one there adds it here.
-- requires: plain

create index fact_minute_open on stanok.fact_minute (machine_id, minute) where open;

create table stanok.fact_hour (like stanok.fact_minute including comments);
alter table stanok.fact_hour rename column minute to hour;
alter table stanok.fact_hour drop column shift_id, drop column open,
    add primary key (machine_id, hour, program_id, job_order);
alter table stanok.fact_hour set (fillfactor = 50); -- a running hour changes every minute, in its place
create index fact_hour_time on stanok.fact_hour (hour);
comment on table stanok.fact_hour is 'Closed minutes of one machine summed by hour, part program and job order.';
comment on column stanok.fact_hour.hour is 'Start of the hour [UTC]';

create table stanok.fact_shift (like stanok.fact_minute including comments);
alter table stanok.fact_shift drop column minute, drop column open,
    add primary key (machine_id, shift_id, program_id, job_order);
alter table stanok.fact_shift set (fillfactor = 50);
comment on table stanok.fact_shift is 'Closed minutes of one machine summed by shift, part program and job order; time outside shifts is not here.';
comment on column stanok.fact_shift.shift_id is 'Shift instance [id]';

create table stanok.fact_day (like stanok.fact_minute including comments);
alter table stanok.fact_day add column day date not null;
alter table stanok.fact_day drop column minute, drop column shift_id, drop column open,
    add primary key (machine_id, day, program_id, job_order);
alter table stanok.fact_day set (fillfactor = 50);
create index fact_day_time on stanok.fact_day (day);
comment on table stanok.fact_day is 'Closed minutes of one machine summed by production day, part program and job order.';
comment on column stanok.fact_day.day is 'Production day: of the shift, outside shifts the date at the site [date]';

create unlogged table stanok.fact_change (like stanok.fact_minute including comments);
alter table stanok.fact_change rename column minute to hour;
alter table stanok.fact_change add column day date not null, drop column open;
comment on table stanok.fact_change is 'What the running commit adds to the sums; empty between commits.';
comment on column stanok.fact_change.hour is 'Start of the hour [UTC]';
comment on column stanok.fact_change.day is 'Production day [date]';

create index shift_instance_day on stanok.shift_instance (site_id, production_day);

create table stanok.kept (
    machine_id bigint primary key,
    refold_from timestamptz not null,
    minutes_from timestamptz not null
);
comment on table stanok.kept is 'From when on the past of a machine is kept; no row: all of it.';
comment on column stanok.kept.machine_id is 'Machine [id]';
comment on column stanok.kept.refold_from is 'From when on it can be folded again [UTC]';
comment on column stanok.kept.minutes_from is 'From when on minutes are kept; earlier ones change no sums [UTC]';

-- The sums of what there is.
do $$
declare
    names text;
    sums text;
begin
    select string_agg(quote_ident(attname), ', ' order by attnum),
        string_agg(format('sum(f.%I)::bigint', attname), ', ' order by attnum)
    into names, sums
    from pg_attribute
    where attrelid = 'stanok.fact_minute'::regclass and attnum > 0 and not attisdropped
        and attname not in ('machine_id', 'minute', 'shift_id', 'program_id', 'job_order', 'open');
    execute format(
        'insert into stanok.fact_hour (machine_id, hour, program_id, job_order, %s)'
        ' select f.machine_id, date_bin(''1 hour'', f.minute, ''epoch''), f.program_id, f.job_order, %s'
        ' from stanok.fact_minute f where not f.open group by 1, 2, 3, 4', names, sums);
    execute format(
        'insert into stanok.fact_shift (machine_id, shift_id, program_id, job_order, %s)'
        ' select f.machine_id, f.shift_id, f.program_id, f.job_order, %s'
        ' from stanok.fact_minute f where not f.open and f.shift_id <> 0 group by 1, 2, 3, 4', names, sums);
    execute format(
        'insert into stanok.fact_day (machine_id, day, program_id, job_order, %s)'
        ' select f.machine_id, coalesce(s.production_day, (f.minute at time zone t.zone)::date),'
        ' f.program_id, f.job_order, %s'
        ' from stanok.fact_minute f join stanok.machine m on m.id = f.machine_id'
        ' join stanok.site t on t.id = m.site_id left join stanok.shift_instance s on s.id = f.shift_id'
        ' where not f.open group by 1, 2, 3, 4', names, sums);
end $$;
