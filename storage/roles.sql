-- Who may do what. `stanok migrate` applies this file after every change of tables, views, roles or of the file itself,
-- and it may be applied again at any time.
-- Invariants: these roles are groups without login, and none is a superuser's; nobody gets what does not stand here; a
-- table that stands nowhere here can be used by its owner only; readers have no right to any table or its chunks.
-- Where the roles do not exist and cannot be made, all stays with whoever migrates.

-- Block: as the one who migrates

do $$
declare
    me constant record := (select r from pg_roles r where rolname = current_user);
    able constant boolean := me.rolsuper or me.rolcreaterole;
    name text;
begin
    foreach name in array array[
        'stanok_owner', 'stanok_migration', 'stanok_engine', 'stanok_maintenance', 'stanok_collector',
        'stanok_reader', 'stanok_reader_all', 'stanok_ministry', 'stanok_registrar', 'stanok_health'
    ] loop
        continue when not able or to_regrole(name) is not null;
        begin
            -- A member of stanok_migration becomes stanok_owner by SET ROLE only, so that nothing is changed by mistake.
            execute format('create role %I nologin %s', name, case name when 'stanok_migration' then 'noinherit' else '' end);
        exception when duplicate_object or unique_violation then
            null; -- another database of this server was migrated at the same moment
        end;
        if name = 'stanok_owner' and not me.rolsuper then
            execute format('grant stanok_owner to %I', me.rolname);
        end if;
    end loop;
    if able and not pg_has_role('stanok_migration', 'stanok_owner', 'member') then
        grant stanok_owner to stanok_migration;
    end if;
    if able and not pg_has_role('stanok_reader_all', 'stanok_reader', 'member') then
        grant stanok_reader to stanok_reader_all;
    end if;
    if able and not pg_has_role('stanok_registrar', 'stanok_ministry', 'member') then
        grant stanok_ministry to stanok_registrar; -- sees what it is answerable for
    end if;
end $$;

do $$
declare
    me constant record := (select r from pg_roles r where rolname = current_user);
    schemas constant regnamespace[] := array[
        to_regnamespace('stanok'), to_regnamespace('board'), to_regnamespace('stanok_formula')
    ];
    mine constant boolean := me.rolsuper
        or (select pg_has_role(datdba, 'usage') from pg_database where datname = current_database());
    name text;
begin
    if to_regrole('stanok_owner') is null or not pg_has_role('stanok_owner', 'member') then
        return;
    end if;
    if mine then
        execute format('revoke all on database %I from public', current_database());
        execute format('grant create on database %I to stanok_owner', current_database());
        for name in select rolname from pg_roles where rolname ~ '^stanok_(owner|migration|engine|maintenance|collector|reader|ministry|registrar|health)$' loop
            execute format('grant connect on database %I to %I', current_database(), name);
        end loop;
    end if;
    if me.rolsuper and to_regnamespace('_timescaledb_internal') is not null then
        grant create on schema _timescaledb_internal to stanok_owner; -- closed chunks get an index of their own
    end if;
    if me.rolsuper then -- whoever can make large objects can fill the disk
        for name in select p.oid::regprocedure from pg_proc p
            where pronamespace = 'pg_catalog'::regnamespace and proname ~ '^lo_(creat|create|from_bytea|put|import|open)$'
        loop
            execute format('revoke execute on function %s from public', name);
        end loop;
    end if;
    for name in select nspname from pg_namespace where oid = any (schemas) and nspowner <> 'stanok_owner'::regrole loop
        execute format('alter schema %I owner to stanok_owner', name);
    end loop;
    for name in
        select format('%s %s', case relkind when 'v' then 'view' else 'table' end, c.oid::regclass) from pg_class c
        where relnamespace = any (schemas) and relkind in ('r', 'p', 'v') and relowner <> 'stanok_owner'::regrole
    loop
        execute format('alter %s owner to stanok_owner', name);
    end loop;
    for name in
        select p.oid::regprocedure from pg_proc p
        where pronamespace = any (schemas) and proowner <> 'stanok_owner'::regrole
    loop
        execute format('alter routine %s owner to stanok_owner', name);
    end loop;
    for name in select nspname from pg_namespace where nspname = 'stanok_raw' and nspowner <> 'stanok_owner'::regrole loop
        execute format('alter schema %I owner to stanok_owner', name);
    end loop;
    for name in -- chunks of hypertables went with their table
        select c.oid::regclass from pg_class c where relnamespace = to_regnamespace('stanok_raw')
            and relkind = 'r' and relispartition and relowner <> 'stanok_owner'::regrole
    loop
        execute format('alter table %s owner to stanok_owner', name);
    end loop;
end $$;

-- Block: as the owner

do $$
declare
    name text;
    rule record;
begin
    for name in select rolname from pg_roles where rolname ~ '^stanok_(engine|maintenance|collector|reader|ministry|registrar|health)$' loop
        execute format('revoke all on schema stanok, board, stanok_formula from %I', name);
        execute format('revoke all on all tables in schema stanok, board, stanok_formula from %I', name);
        execute format('grant usage on schema board to %I', name);
    end loop;
    for rule in
        select r.role_name, r.rights, r.place, relation
        from (values
            -- What the engine writes, statement by statement (storage/pg): it deletes only what it replaces.
            ('stanok_engine', 'select', 'stanok', 'schema_migration view_build grant_build sample'),
            ('stanok_engine', 'select, insert', 'stanok',
                'plant_version standard_time sample_event sample_gauge sample_block quarantine operator_entry'),
            -- Whoever may write at all keeps what is printed; nobody changes it (a trigger refuses).
            ('stanok_engine', 'insert', 'stanok', 'report'),
            ('stanok_maintenance', 'insert', 'stanok', 'report'),
            ('stanok_registrar', 'insert', 'stanok', 'report'),
            ('stanok_registrar', 'select', 'board', 'report'),
            ('stanok_engine', 'select, insert, update', 'stanok',
                'site source machine signal state cause part_program reason shift_instance job_order'
                ' spool_cursor engine_state machine_live source_frontier platform_measure'),
            ('stanok_engine', 'select, insert, delete', 'stanok',
                'fact_minute fact_change state_interval program_interval counter_event source_gap recompute_request'),
            ('stanok_engine', 'select, insert, update, delete', 'stanok',
                'data_gap machine_snapshot fact_hour fact_shift fact_day'),
            ('stanok_engine', 'select', 'stanok', 'kept'),
            ('stanok_engine', 'select', 'board', '*'),
            -- Copies, seals and looks at everything; repair_done is written by a trigger. What is old is removed by
            -- functions of the owner, which it may call; they write kept and gap_time.
            ('stanok_maintenance', 'select', 'stanok', '*'),
            ('stanok_maintenance', 'insert', 'stanok', 'result_revision bundle_made bundle_sent'),
            ('stanok_maintenance', 'select', 'board', '*'),
            -- How far its own spools have been taken in.
            ('stanok_collector', 'select', 'stanok', 'spool_cursor source'),
            ('stanok_collector', 'select', 'board', 'platform_health'),
            ('stanok_reader', 'select', 'board', '*'),
            -- Results only: nothing finer than a shift, no raw values, no names of people.
            ('stanok_ministry', 'select', 'board', 'kpi_shift kpi_day machine indicator_week idle_machine'
                ' programme_plant programme_bundle programme_machine'
                ' programme_reliability programme_localisation programme_operation programme_integrity programme_effect'
                ' programme_project programme_band'),
            -- Keeps the registry, says whose keys are trusted, loads bundles, evaluates; removes only the registry.
            ('stanok_registrar', 'select, insert, delete', 'stanok',
                'linked_standard operation asset project cell programme_site programme'),
            ('stanok_registrar', 'select, insert', 'stanok',
                'registry_version bundle bundle_refused plant_standard plant_shift plant_result plant_lost evaluation'),
            ('stanok_registrar', 'select, insert, update', 'stanok', 'site bundle_key plant_machine'),
            ('stanok_health', 'select', 'board', 'platform_health')
        ) r (role_name, rights, place, relations)
        cross join lateral regexp_split_to_table(r.relations, ' ') relation
        where to_regrole(r.role_name) is not null
            and (relation = '*' or to_regclass(format('%I.%I', r.place, relation)) is not null)
    loop
        execute format(
            'grant %s on %s to %I', rule.rights,
            case rule.relation when '*' then format('all tables in schema %I', rule.place)
                else format('%I.%I', rule.place, rule.relation) end,
            rule.role_name
        );
        execute format('grant usage on schema %I to %I', rule.place, rule.role_name);
    end loop;
    if to_regrole('stanok_engine') is not null and to_regprocedure('stanok.summarize_samples()') is not null then
        grant execute on function stanok.summarize_samples() to stanok_engine;
    end if;
    if to_regrole('stanok_maintenance') is not null then
        for name in select p.oid::regprocedure from pg_proc p
            where pronamespace = 'stanok'::regnamespace
                and proname in ('keep_from', 'forget_minutes', 'forget_samples', 'add_chunk', 'index_chunk', 'compress_chunk')
        loop
            execute format('grant execute on function %s to stanok_maintenance', name);
        end loop;
        if to_regnamespace('stanok_raw') is not null then -- pg_dump reads the chunks one by one
            grant usage on schema stanok_raw to stanok_maintenance;
            grant select on all tables in schema stanok_raw to stanok_maintenance;
        end if;
        grant select on all sequences in schema stanok to stanok_maintenance; -- pg_dump asks where they stand
    end if;
end $$;
