-- Samples of gauges lie in blocks: a row holds some of one machine, so that the server has a thirtieth of the rows to look
-- after. That leaves room for a B-tree from the start. Single rows remain those of before and those with a text.
-- requires: plain

create table stanok.sample_block_shape (
    event_time timestamptz not null,
    machine_id bigint not null,
    source_id bigint not null,
    raw integer not null,
    quality smallint not null,
    flags integer not null,
    spool_id integer not null,
    received_time timestamptz not null,
    event_times timestamptz[] not null,
    signal_ids bigint[] not null,
    values double precision[] not null,
    seqs bigint[] not null,
    records bigint[] not null,
    rows integer[] not null,
    received_times timestamptz[] not null
);
comment on column stanok.sample_block_shape.event_time is 'The least of event_times [UTC]';
comment on column stanok.sample_block_shape.machine_id is 'Machine [id]';
comment on column stanok.sample_block_shape.source_id is 'Source that sent them [id]';
comment on column stanok.sample_block_shape.raw is 'Number that the source itself uses for the word, -1 none [code]';
comment on column stanok.sample_block_shape.quality is '0 good, 1 uncertain, 2 bad, 3 stale [code]';
comment on column stanok.sample_block_shape.flags is 'Bits: 0-1 clock choice, others as in the vocabulary [bits]';
comment on column stanok.sample_block_shape.spool_id is 'Spool they came through [id]';
comment on column stanok.sample_block_shape.received_time is 'The least of received_times [UTC]';
comment on column stanok.sample_block_shape.event_times is 'When each happened, by the believed clock, in the order of arrival; as many as there are samples [UTC]';
comment on column stanok.sample_block_shape.signal_ids is 'Signal of each [id]';
comment on column stanok.sample_block_shape.values is 'Value of each in the unit of its signal [signal]';
comment on column stanok.sample_block_shape.seqs is 'Sequence number of the source, -1 none [1]';
comment on column stanok.sample_block_shape.records is 'Record of the spool [1]';
comment on column stanok.sample_block_shape.rows is 'Position inside the record [1]';
comment on column stanok.sample_block_shape.received_times is 'When the collector received each [UTC]';
comment on table stanok.sample_gauge is 'Samples of speeds, feeds, loads and other gauges that stand in no block: those with a text, and those of before there were blocks; never changed.';

do $$
declare
    held text;
    hyper boolean := false;
    place constant text := (
        select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'timescaledb'
    );
begin
    -- In the row and as they are: it fits into a page, and looking for something to compress costs more than writing.
    foreach held in array '{event_times, signal_ids, values, seqs, records, rows, received_times}'::text[] loop
        execute format('alter table stanok.sample_block_shape alter %I set storage plain', held);
    end loop;
    if place is not null then
        execute 'select exists (select from timescaledb_information.hypertables'
            ' where hypertable_schema = ''stanok'' and hypertable_name = ''sample_gauge'')' into hyper;
    end if;
    execute 'create table stanok.sample_block (like stanok.sample_block_shape including comments including storage)'
        || case when hyper then '' else ' partition by range (event_time)' end;
    if hyper then
        execute format('select %I.create_hypertable(''stanok.sample_block'', ''event_time'','
            ' chunk_time_interval => interval ''6 hours'', create_default_indexes => false,'
            ' associated_schema_name => ''stanok_raw'')', place);
    else
        create table stanok_raw.sample_block_rest partition of stanok.sample_block default;
    end if;
    drop table stanok.sample_block_shape;
end $$;
comment on table stanok.sample_block is 'Samples of gauges, some of one machine in a row; never changed. All of a block happened within one hour [UTC] and arrived within one; an array of one value says that it is the same for all.';
create index sample_block_machine on stanok.sample_block (machine_id, event_time);
create index sample_block_times on stanok.sample_block using brin (event_time, received_time)
    with (pages_per_range = 16, autosummarize = off);

create view stanok.sample_of_block as
select b.event_time as block_time, s.event_time, b.machine_id, coalesce(s.signal_id, b.signal_ids[1]) as signal_id, b.source_id,
    coalesce(s.value, b.values[1]) as value, b.raw, b.quality, b.flags, coalesce(s.seq, b.seqs[1]) as seq, b.spool_id,
    coalesce(s.record, b.records[1]) as record, coalesce(s.row, b.rows[1]) as row,
    coalesce(s.received_time, b.received_times[1]) as received_time
from stanok.sample_block b
cross join lateral unnest(b.event_times, b.signal_ids, b.values, b.seqs, b.records, b.rows, b.received_times)
    s (event_time, signal_id, value, seq, record, row, received_time);
comment on view stanok.sample_of_block is 'The samples in blocks, one in a row; they are found by their machine and by block_time.';
comment on column stanok.sample_of_block.block_time is 'event_time of the block, in the same hour and not later [UTC]';
comment on column stanok.sample_of_block.event_time is 'When it happened, by the believed clock [UTC]';
comment on column stanok.sample_of_block.machine_id is 'Machine [id]';
comment on column stanok.sample_of_block.signal_id is 'Signal [id]';
comment on column stanok.sample_of_block.source_id is 'Source that sent it [id]';
comment on column stanok.sample_of_block.value is 'Value in the unit of the signal; a code for words; NaN for texts [signal]';
comment on column stanok.sample_of_block.raw is 'Number that the source itself uses for the word, -1 none [code]';
comment on column stanok.sample_of_block.quality is '0 good, 1 uncertain, 2 bad, 3 stale [code]';
comment on column stanok.sample_of_block.flags is 'Bits: 0-1 clock choice, others as in the vocabulary [bits]';
comment on column stanok.sample_of_block.seq is 'Sequence number of the source, -1 none [1]';
comment on column stanok.sample_of_block.spool_id is 'Spool it came through [id]';
comment on column stanok.sample_of_block.record is 'Record of the spool [1]';
comment on column stanok.sample_of_block.row is 'Position inside the record [1]';
comment on column stanok.sample_of_block.received_time is 'When the collector received it [UTC]';

create view stanok.sample as
select event_time, machine_id, signal_id, source_id, value, raw, quality, flags, seq, spool_id, record, row, received_time, text
from stanok.sample_event
union all
select event_time, machine_id, signal_id, source_id, value, raw, quality, flags, seq, spool_id, record, row, received_time, text
from stanok.sample_gauge
union all
select event_time, machine_id, signal_id, source_id, value, raw, quality, flags, seq, spool_id, record, row, received_time, null
from stanok.sample_of_block;
comment on view stanok.sample is 'All samples, one in a row, for whoever looks at few of them: those in blocks are found by nothing but their machine.';
comment on column stanok.sample.event_time is 'When it happened, by the believed clock [UTC]';
comment on column stanok.sample.machine_id is 'Machine [id]';
comment on column stanok.sample.signal_id is 'Signal [id]';
comment on column stanok.sample.source_id is 'Source that sent it [id]';
comment on column stanok.sample.value is 'Value in the unit of the signal; a code for words; NaN for texts [signal]';
comment on column stanok.sample.raw is 'Number that the source itself uses for the word, -1 none [code]';
comment on column stanok.sample.quality is '0 good, 1 uncertain, 2 bad, 3 stale [code]';
comment on column stanok.sample.flags is 'Bits: 0-1 clock choice, others as in the vocabulary [bits]';
comment on column stanok.sample.seq is 'Sequence number of the source, -1 none [1]';
comment on column stanok.sample.spool_id is 'Spool it came through [id]';
comment on column stanok.sample.record is 'Record of the spool [1]';
comment on column stanok.sample.row is 'Position inside the record [1]';
comment on column stanok.sample.received_time is 'When the collector received it [UTC]';
comment on column stanok.sample.text is 'Text, null for values [text]';

create function stanok.raw_tables() returns text[] language sql immutable parallel safe
    return array['sample_event', 'sample_gauge', 'sample_block'];
comment on function stanok.raw_tables is 'Tables of raw samples.';
revoke execute on function stanok.raw_tables from public;

create or replace function stanok.chunk_length(what text) returns interval language sql immutable parallel safe
    return case what when 'sample_event' then interval '7 days' else interval '1 day' end;

-- As before, of all raw tables.
create or replace function stanok.add_chunk() returns text
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '10s' as $$
declare
    what text;
    rest text;
    made text;
    since timestamptz;
    until timestamptz;
    taken timestamptz; -- end of what lies in the partition of before
    tick constant timestamptz := coalesce((select tick_time from stanok.engine_state), now()); -- before an engine ran
begin
    foreach what in array stanok.raw_tables() loop
        rest := (select name from stanok.raw_chunks(what) c where c.until is null);
        continue when rest is null;
        taken := coalesce((select c.until from stanok.raw_chunks(what) c where name = what || '_before'), '-infinity');
        execute format(
            'select min(s) from ('
            ' select s from generate_series(stanok.chunk_start($1, $2), $2 + interval ''14 days'', stanok.chunk_length($1)) s'
            ' union select stanok.chunk_start($1, min(event_time)) from stanok_raw.%I'
            '  where event_time < $2 + interval ''14 days'' and event_time >= $3'
            ') w where s >= $3 and not exists (select from stanok.raw_chunks($1) where until = s + stanok.chunk_length($1))',
            rest) using what, tick, taken into since;
        continue when since is null;
        until := since + stanok.chunk_length(what);
        made := what || to_char(since at time zone 'UTC', '_YYYYMMDD');
        execute format('create table stanok_raw.%I (like stanok.%I including all)', made, what);
        execute format('lock table stanok_raw.%I in access exclusive mode', rest); -- no commit adds to it meanwhile
        execute format('with gone as (delete from stanok_raw.%I where event_time >= $1 and event_time < $2 returning *)'
            ' insert into stanok_raw.%I select * from gone', rest, made) using since, until;
        execute format('alter table stanok.%I attach partition stanok_raw.%I for values from (%L) to (%L)',
            what, made, since, until);
        if to_regrole('stanok_maintenance') is not null then
            execute format('grant select on stanok_raw.%I to stanok_maintenance', made);
        end if;
        return made;
    end loop;
    return null;
end $$;

create or replace function stanok.forget_samples(what text, before timestamptz, most integer) returns bigint
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '10s' as $$
declare
    place constant text := (
        select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where extname = 'timescaledb'
    );
    found text;
    gone bigint := 0;
    less bigint;
begin
    if what <> all (stanok.raw_tables())
        or before > (select min(minutes_from) from stanok.kept) or not exists (select from stanok.kept) then
        raise exception 'these samples are kept' using errcode = 'insufficient_privilege';
    end if;
    if not exists (select from stanok.raw_chunks(what)) then
        execute format('select count(*) from %I.drop_chunks(%L::regclass, $1)', place, 'stanok.' || what)
        using before into gone;
        return gone;
    end if;
    for found in select name from stanok.raw_chunks(what) where until <= before loop
        execute format('drop table stanok_raw.%I', found);
        gone := gone + 1;
    end loop;
    -- Rows that share a partition with younger ones.
    for found in select name from stanok.raw_chunks(what) where name in (what || '_before', what || '_rest') loop
        execute format(
            'delete from stanok_raw.%1$I where ctid = any (array('
            'select ctid from stanok_raw.%1$I where event_time < $1 limit $2))', found) using before, most;
        get diagnostics less = row_count;
        gone := gone + less;
    end loop;
    return gone;
end $$;

create or replace function stanok.summarize_samples() returns bigint
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '100ms' as $$
declare
    hot regclass;
    told bigint := 0;
begin
    for hot in
        select x.indexrelid::regclass
        from unnest(stanok.raw_tables()) what cross join lateral (select ('stanok.' || what)::regclass) w (whole)
        cross join lateral (
            -- Chunks are named as they are made; those made ahead are empty.
            select inhrelid from pg_inherits
            where inhparent = whole and pg_relation_size(inhrelid) > 0
            order by inhrelid desc limit 3
        ) chunk
        join pg_index x on x.indrelid = chunk.inhrelid
        join pg_class i on i.oid = x.indexrelid
        join pg_am a on a.oid = i.relam and a.amname = 'brin'
    loop
        begin
            told := told + brin_summarize_new_values(hot);
        exception when lock_not_available then -- something else looks after this chunk now, and the next minute is soon
            null;
        end;
    end loop;
    return told;
end $$;
