-- The samples of one machine are found among those of all without a B-tree: commits write them machine by machine, so that
-- few machines share a block, and the one index of hot samples knows which. What it has not been told of yet is read
-- whole, so the engine tells it once a minute (stanok.summarize_samples); on its own the server would do it when it pleases.
-- requires: plain

drop index stanok.sample_event_times;
create index sample_event_times on stanok.sample_event using brin (event_time, received_time, machine_id)
    with (pages_per_range = 1, autosummarize = off);
drop index stanok.sample_gauge_times;
create index sample_gauge_times on stanok.sample_gauge using brin (event_time, received_time, machine_id)
    with (pages_per_range = 1, autosummarize = off);

create function stanok.summarize_samples() returns bigint
    language plpgsql security definer set search_path = pg_catalog set lock_timeout = '100ms' as $$
declare
    hot regclass;
    told bigint := 0;
begin
    for hot in
        select x.indexrelid::regclass
        from unnest('{stanok.sample_event, stanok.sample_gauge}'::regclass[]) whole
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
comment on function stanok.summarize_samples is 'Tells the index of hot samples what the blocks written since the last call hold; how many ranges of blocks that were.';
revoke execute on function stanok.summarize_samples from public;
