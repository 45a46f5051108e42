-- Modernization: what was registered, what plants report in signed bundles, and what was found. In a plant: what it sent.
-- Results of plants, bundles and findings only grow; the registry is the one that was loaded last, all loads are kept.
-- requires: plain

-- Registry

create table stanok.registry_version (
    number bigint generated always as identity primary key,
    loaded_time timestamptz not null,
    hash bytea not null,
    files jsonb not null
);
comment on table stanok.registry_version is 'Every registry that was loaded, as its files said; the last one holds.';
comment on column stanok.registry_version.number is 'Rises with every load [1]';
comment on column stanok.registry_version.loaded_time is 'When, by the clock of whoever loaded it [UTC]';
comment on column stanok.registry_version.hash is 'sha256 over the files [bytes]';
comment on column stanok.registry_version.files is 'Text of each file by its name [json]';

create table stanok.programme (
    name text primary key,
    title text not null
);
comment on table stanok.programme is 'Programmes under which projects are paid.';
comment on column stanok.programme.name is 'Name [text]';
comment on column stanok.programme.title is 'Title for people [text]';

create table stanok.programme_site (
    name text primary key,
    title text not null,
    country text not null,
    stratum text not null
);
comment on table stanok.programme_site is 'Plants that take part, those that only compare too.';
comment on column stanok.programme_site.name is 'Name of the site [text]';
comment on column stanok.programme_site.title is 'Title for people [text]';
comment on column stanok.programme_site.country is 'Country [text]';
comment on column stanok.programme_site.stratum is 'Plants of one stratum are compared with each other only [text]';

create table stanok.cell (
    name text primary key,
    site text not null references stanok.programme_site,
    title text not null,
    machine_class text not null,
    machines text[] not null
);
comment on table stanok.cell is 'Functional cells: machines that make a part family, those that were replaced too.';
comment on column stanok.cell.name is 'Name, site/cell [text]';
comment on column stanok.cell.site is 'Site [text]';
comment on column stanok.cell.title is 'Title for people [text]';
comment on column stanok.cell.machine_class is 'Class of its machines, such as turning [text]';
comment on column stanok.cell.machines is 'Machines, site/machine [text]';

create table stanok.project (
    name text primary key,
    programme text not null references stanok.programme,
    site text not null references stanok.programme_site,
    title text not null,
    cells text[] not null,
    begins date not null,
    act date,
    ramp_up_weeks integer not null,
    baseline_from date not null,
    baseline_to date not null,
    tier text not null,
    outcome text not null,
    funding text not null,
    cost double precision,
    currency text,
    price_year integer,
    planned_hours double precision,
    margin_per_hour double precision,
    more_cost_per_year double precision,
    sold_share double precision
);
comment on table stanok.project is 'One investment at one site.';
comment on column stanok.project.name is 'Name [text]';
comment on column stanok.project.programme is 'Programme [text]';
comment on column stanok.project.site is 'Site [text]';
comment on column stanok.project.title is 'Title for people [text]';
comment on column stanok.project.cells is 'Cells that it is to change [text]';
comment on column stanok.project.begins is 'Day on which the old machine stops [date]';
comment on column stanok.project.act is 'Commissioning act; null: none yet [date]';
comment on column stanok.project.ramp_up_weeks is 'Weeks after the act that are left out, declared beforehand [1]';
comment on column stanok.project.baseline_from is 'Start of the time before, included [date]';
comment on column stanok.project.baseline_to is 'End of the time before, included [date]';
comment on column stanok.project.tier is 'How the time before is known, B0 to B3 [text]';
comment on column stanok.project.outcome is 'The one outcome that was fixed beforehand [text]';
comment on column stanok.project.funding is 'Who pays [text]';
comment on column stanok.project.cost is 'Cost [currency]';
comment on column stanok.project.currency is 'ISO 4217 [text]';
comment on column stanok.project.price_year is 'Year whose prices the cost is in [1]';
comment on column stanok.project.planned_hours is 'Promised additional standard hours a year [h]';
comment on column stanok.project.margin_per_hour is 'What an additional standard hour earns [currency]';
comment on column stanok.project.more_cost_per_year is 'Additional running cost a year [currency]';
comment on column stanok.project.sold_share is 'Share of additional output that orders take up [1]';

create table stanok.asset (
    site text not null references stanok.programme_site,
    inventory text not null,
    project text references stanok.project,
    machine text not null,
    model text not null,
    manufacturer text not null,
    serial text not null,
    origin text not null,
    okpd2 text not null,
    tnved text not null,
    register text,
    register_number text,
    issued date,
    valid_to date,
    points double precision,
    max_points double precision,
    rule_version text,
    cnc_vendor text not null,
    cnc_model text not null,
    cnc_origin text not null,
    software_number text not null,
    machine_class text not null,
    funding text not null,
    contract text not null,
    cost double precision,
    currency text,
    price_year integer,
    act date,
    planned_shifts integer,
    service text not null,
    service_origin text not null,
    connectivity text not null,
    replaces text[] not null,
    primary key (site, inventory)
);
comment on table stanok.asset is 'Things that were bought, or that were there and are replaced. Empty text: not told.';
comment on column stanok.asset.site is 'Site [text]';
comment on column stanok.asset.inventory is 'Inventory number [text]';
comment on column stanok.asset.project is 'Project that bought it; null: it was there [text]';
comment on column stanok.asset.machine is 'Machine of the plant file, site/machine [text]';
comment on column stanok.asset.model is 'Model [text]';
comment on column stanok.asset.manufacturer is 'Manufacturer [text]';
comment on column stanok.asset.serial is 'Serial number [text]';
comment on column stanok.asset.origin is 'Country of origin [text]';
comment on column stanok.asset.okpd2 is 'Code after OKPD 2 [text]';
comment on column stanok.asset.tnved is 'Code of the customs nomenclature of the EAEU [text]';
comment on column stanok.asset.register is 'Register of local products [text]';
comment on column stanok.asset.register_number is 'Number in the register [text]';
comment on column stanok.asset.issued is 'Entry from [date]';
comment on column stanok.asset.valid_to is 'Entry to [date]';
comment on column stanok.asset.points is 'Points of localisation [1]';
comment on column stanok.asset.max_points is 'Most points that are possible [1]';
comment on column stanok.asset.rule_version is 'Version of the rule that counts them [text]';
comment on column stanok.asset.cnc_vendor is 'Vendor of the control [text]';
comment on column stanok.asset.cnc_model is 'Model of the control [text]';
comment on column stanok.asset.cnc_origin is 'Origin of the control [text]';
comment on column stanok.asset.software_number is 'Number in the register of software [text]';
comment on column stanok.asset.machine_class is 'Class, such as turning [text]';
comment on column stanok.asset.funding is 'Who pays [text]';
comment on column stanok.asset.contract is 'Contract [text]';
comment on column stanok.asset.cost is 'Cost [currency]';
comment on column stanok.asset.currency is 'ISO 4217 [text]';
comment on column stanok.asset.price_year is 'Year whose prices the cost is in [1]';
comment on column stanok.asset.act is 'Commissioning act; null: none yet [date]';
comment on column stanok.asset.planned_shifts is 'Shifts a day it was planned for [1]';
comment on column stanok.asset.service is 'Who services it [text]';
comment on column stanok.asset.service_origin is 'Origin of the service [text]';
comment on column stanok.asset.connectivity is 'How it is connected [text]';
comment on column stanok.asset.replaces is 'Inventory numbers that it replaces [text]';

create table stanok.operation (
    number integer primary key,
    code text not null,
    site text not null,
    asset text not null,
    begins date not null,
    ends date not null,
    evidenced_hours double precision not null,
    foreign key (site, asset) references stanok.asset
);
comment on table stanok.operation is 'Technological operations that were performed.';
comment on column stanok.operation.number is 'Place in the registry [1]';
comment on column stanok.operation.code is 'Code of the operation [text]';
comment on column stanok.operation.site is 'Site [text]';
comment on column stanok.operation.asset is 'Inventory number of the machine [text]';
comment on column stanok.operation.begins is 'First day [date]';
comment on column stanok.operation.ends is 'Last day [date]';
comment on column stanok.operation.evidenced_hours is 'Hours that were told to be evidenced [h]';

create table stanok.linked_standard (
    project text references stanok.project,
    part text,
    frozen_h double precision not null,
    provenance text not null,
    primary key (project, part)
);
comment on table stanok.linked_standard is 'Frozen standard times of parts that were not made before, worked out later.';
comment on column stanok.linked_standard.project is 'Project [text]';
comment on column stanok.linked_standard.part is 'Part program [text]';
comment on column stanok.linked_standard.frozen_h is 'Standard time an item [h]';
comment on column stanok.linked_standard.provenance is 'Who says so, and from what [text]';

-- In a plant: what it sent

create table stanok.bundle_made (
    site text not null,
    number integer not null,
    made_time timestamptz not null,
    pseudonyms boolean not null,
    hash bytea not null,
    content bytea not null,
    primary key (site, number)
);
comment on table stanok.bundle_made is 'Bundles that this plant has signed, as they were written.';
comment on column stanok.bundle_made.site is 'Site [text]';
comment on column stanok.bundle_made.number is 'From 1 without holes [1]';
comment on column stanok.bundle_made.made_time is 'Tick of the engine when it was made [UTC]';
comment on column stanok.bundle_made.pseudonyms is 'Machines and parts have other names in it [bool]';
comment on column stanok.bundle_made.hash is 'sha256 of what was signed [bytes]';
comment on column stanok.bundle_made.content is 'The file [bytes]';

create table stanok.bundle_sent (
    machine_id bigint not null,
    day date not null,
    shift text not null,
    revision integer not null,
    rows_hash bytea not null,
    bundle integer not null,
    primary key (machine_id, day, shift, revision)
);
comment on table stanok.bundle_sent is 'What was sent of each machine and shift: a result that differs from it goes with the next revision.';
comment on column stanok.bundle_sent.machine_id is 'Machine [id]';
comment on column stanok.bundle_sent.day is 'Production day [date]';
comment on column stanok.bundle_sent.shift is 'Name of the shift, empty: time outside shifts [text]';
comment on column stanok.bundle_sent.revision is 'From 1 [1]';
comment on column stanok.bundle_sent.rows_hash is 'sha256 of the result [bytes]';
comment on column stanok.bundle_sent.bundle is 'Number of the bundle [1]';

-- At the ministry: what plants report

create table stanok.bundle_key (
    site text not null,
    key bytea not null,
    trusted_time timestamptz not null,
    revoked_time timestamptz,
    primary key (site, key)
);
comment on table stanok.bundle_key is 'Public keys (Ed25519) that may sign for a plant.';
comment on column stanok.bundle_key.site is 'Site [text]';
comment on column stanok.bundle_key.key is 'Public key [bytes]';
comment on column stanok.bundle_key.trusted_time is 'When somebody said that it is the plant''s [UTC]';
comment on column stanok.bundle_key.revoked_time is 'From when on nothing it signed is loaded; null: it is trusted [UTC]';

create table stanok.bundle (
    site text not null,
    number integer not null,
    hash bytea not null,
    previous_hash bytea not null,
    key bytea not null,
    made_time timestamptz not null,
    first_day date,
    last_day date,
    shifts integer not null,
    revised integer not null,
    pseudonyms boolean not null,
    definition text not null,
    software text not null,
    file text not null,
    loaded_time timestamptz not null,
    primary key (site, number),
    foreign key (site, key) references stanok.bundle_key
);
comment on table stanok.bundle is 'Bundles that were loaded, each chained to the one before.';
comment on column stanok.bundle.site is 'Site [text]';
comment on column stanok.bundle.number is 'From 1 without holes [1]';
comment on column stanok.bundle.hash is 'sha256 of what was signed [bytes]';
comment on column stanok.bundle.previous_hash is 'hash of the number before, 32 zero bytes for the first [bytes]';
comment on column stanok.bundle.key is 'Key that signed it [bytes]';
comment on column stanok.bundle.made_time is 'When it was made, by the clock of the plant''s engine [UTC]';
comment on column stanok.bundle.first_day is 'First production day with a result in it; null: none [date]';
comment on column stanok.bundle.last_day is 'Last production day with a result in it [date]';
comment on column stanok.bundle.shifts is 'Results of machines and shifts in it [1]';
comment on column stanok.bundle.revised is 'Those of them that are revisions [1]';
comment on column stanok.bundle.pseudonyms is 'Machines and parts have other names in it [bool]';
comment on column stanok.bundle.definition is 'Definition that the sums follow [text]';
comment on column stanok.bundle.software is 'Version of the program that made it [text]';
comment on column stanok.bundle.file is 'Name of the file [text]';
comment on column stanok.bundle.loaded_time is 'When it was loaded [UTC]';

create table stanok.bundle_refused (
    number bigint generated always as identity primary key,
    file text not null,
    site text not null,
    why text not null,
    refused_time timestamptz not null
);
comment on table stanok.bundle_refused is 'Files that were not taken, and why.';
comment on column stanok.bundle_refused.number is 'Rises with every refusal [1]';
comment on column stanok.bundle_refused.file is 'Name of the file [text]';
comment on column stanok.bundle_refused.site is 'Site that the file names, not proven; empty: none [text]';
comment on column stanok.bundle_refused.why is 'Why, a sentence [text]';
comment on column stanok.bundle_refused.refused_time is 'When [UTC]';

create table stanok.plant_machine (
    site text not null,
    machine text not null,
    title text not null,
    area text not null,
    bundle integer not null,
    primary key (site, machine),
    foreign key (site, bundle) references stanok.bundle
);
comment on table stanok.plant_machine is 'Machines that plants report on.';
comment on column stanok.plant_machine.site is 'Site [text]';
comment on column stanok.plant_machine.machine is 'Machine, site/machine [text]';
comment on column stanok.plant_machine.title is 'Title for people [text]';
comment on column stanok.plant_machine.area is 'Area of the site [text]';
comment on column stanok.plant_machine.bundle is 'Number of the last bundle that told so [1]';

create table stanok.plant_standard (
    site text not null,
    part text not null,
    valid_from timestamptz not null,
    pri_us bigint not null,
    provenance text not null,
    bundle integer not null,
    primary key (site, part, valid_from, pri_us, provenance),
    foreign key (site, bundle) references stanok.bundle
);
comment on table stanok.plant_standard is 'Standard times of plants, as each bundle told them first.';
comment on column stanok.plant_standard.site is 'Site [text]';
comment on column stanok.plant_standard.part is 'Part program [text]';
comment on column stanok.plant_standard.valid_from is 'From when on it holds [UTC]';
comment on column stanok.plant_standard.pri_us is 'Planned run time per item, 0 where none is known [µs]';
comment on column stanok.plant_standard.provenance is 'Who says so [text]';
comment on column stanok.plant_standard.bundle is 'Number of the bundle that told it first [1]';

create table stanok.plant_shift (
    site text not null,
    machine text not null,
    day date not null,
    shift text not null,
    revision integer not null,
    bundle integer not null,
    start_time timestamptz,
    end_time timestamptz,
    failures integer not null,
    repaired integer not null,
    repair_us bigint not null,
    told integer not null,
    told_late integer not null,
    scrap_told integer not null,
    primary key (site, machine, day, shift, revision),
    foreign key (site, bundle) references stanok.bundle
);
create index plant_shift_day on stanok.plant_shift (day);
comment on table stanok.plant_shift is 'Results of machines and shifts, each revision; the greatest holds.';
comment on column stanok.plant_shift.site is 'Site [text]';
comment on column stanok.plant_shift.machine is 'Machine, site/machine [text]';
comment on column stanok.plant_shift.day is 'Production day [date]';
comment on column stanok.plant_shift.shift is 'Name of the shift, empty: time outside shifts [text]';
comment on column stanok.plant_shift.revision is 'From 1 [1]';
comment on column stanok.plant_shift.bundle is 'Number of the bundle that brought it [1]';
comment on column stanok.plant_shift.start_time is 'Start of the shift, included; null outside shifts [UTC]';
comment on column stanok.plant_shift.end_time is 'End of the shift, excluded [UTC]';
comment on column stanok.plant_shift.failures is 'Failures that began in it [1]';
comment on column stanok.plant_shift.repaired is 'Those of them that ended [1]';
comment on column stanok.plant_shift.repair_us is 'How long these took to repair [µs]';
comment on column stanok.plant_shift.told is 'Reasons for stops that ended in it [1]';
comment on column stanok.plant_shift.told_late is 'Those of them that were entered more than a day after [1]';
comment on column stanok.plant_shift.scrap_told is 'Scrap parts that people entered [1]';

create table stanok.plant_result (like stanok.fact_shift including comments);
alter table stanok.plant_result
    drop column machine_id, drop column shift_id, drop column program_id, drop column job_order,
    add column site text not null,
    add column machine text not null,
    add column day date not null,
    add column shift text not null,
    add column revision integer not null,
    add column part text not null,
    add primary key (site, machine, day, shift, revision, part),
    add foreign key (site, machine, day, shift, revision) references stanok.plant_shift;
comment on table stanok.plant_result is 'Sums of a machine and shift by part program.';
comment on column stanok.plant_result.site is 'Site [text]';
comment on column stanok.plant_result.machine is 'Machine, site/machine [text]';
comment on column stanok.plant_result.day is 'Production day [date]';
comment on column stanok.plant_result.shift is 'Name of the shift, empty: time outside shifts [text]';
comment on column stanok.plant_result.revision is 'From 1 [1]';
comment on column stanok.plant_result.part is 'Part program, empty: none [text]';

create table stanok.plant_lost (
    site text not null,
    machine text not null,
    day date not null,
    shift text not null,
    revision integer not null,
    class text not null,
    lost_us bigint not null,
    primary key (site, machine, day, shift, revision, class),
    foreign key (site, machine, day, shift, revision) references stanok.plant_shift
);
comment on table stanok.plant_lost is 'Time that a machine did not produce in a shift, by class of the reason.';
comment on column stanok.plant_lost.site is 'Site [text]';
comment on column stanok.plant_lost.machine is 'Machine, site/machine [text]';
comment on column stanok.plant_lost.day is 'Production day [date]';
comment on column stanok.plant_lost.shift is 'Name of the shift [text]';
comment on column stanok.plant_lost.revision is 'From 1 [1]';
comment on column stanok.plant_lost.class is 'Class of the reason that people gave or the machine told, empty: nobody did [text]';
comment on column stanok.plant_lost.lost_us is 'Time [µs]';

-- What was found

create table stanok.evaluation (
    id text primary key,
    programme text not null,
    outcome text not null,
    made_time timestamptz not null,
    finding text not null,
    tier text not null,
    plants integer not null,
    treated integer not null,
    value double precision,
    low double precision,
    high double precision,
    p double precision,
    verdict_en text not null,
    verdict_ru text not null,
    seed integer not null,
    registry bigint not null references stanok.registry_version,
    bundles jsonb not null,
    software text not null,
    found jsonb not null
);
create index evaluation_programme on stanok.evaluation (programme, outcome, made_time);
comment on table stanok.evaluation is 'Evaluations of programmes, with all that is needed to repeat them.';
comment on column stanok.evaluation.id is 'Follows from what was asked, registry, bundles and program: the same again has the same [hex]';
comment on column stanok.evaluation.programme is 'Programme [text]';
comment on column stanok.evaluation.outcome is 'What was judged [text]';
comment on column stanok.evaluation.made_time is 'When [UTC]';
comment on column stanok.evaluation.finding is 'What may be said, from not_comparable to better [text]';
comment on column stanok.evaluation.tier is 'How the time before is known, the worst of its projects [text]';
comment on column stanok.evaluation.plants is 'Plants compared [1]';
comment on column stanok.evaluation.treated is 'Those of them that started [1]';
comment on column stanok.evaluation.value is 'Effect in the unit of the outcome; null where the finding carries none [1]';
comment on column stanok.evaluation.low is 'Lower end of its interval; null where there is none [1]';
comment on column stanok.evaluation.high is 'Upper end of its interval [1]';
comment on column stanok.evaluation.p is 'p-value [1]';
comment on column stanok.evaluation.verdict_en is 'In English words [text]';
comment on column stanok.evaluation.verdict_ru is 'In Russian words [text]';
comment on column stanok.evaluation.seed is 'Seed of the draws [1]';
comment on column stanok.evaluation.registry is 'Number of the registry [1]';
comment on column stanok.evaluation.bundles is 'Last bundle of each plant, its hash in hex [json]';
comment on column stanok.evaluation.software is 'Version of the program [text]';
comment on column stanok.evaluation.found is 'Everything that was found: projects, factors, payback, plants [json]';

-- These only grow.

do $$
declare
    name text;
begin
    foreach name in array array['registry_version', 'bundle_made', 'bundle_sent', 'bundle', 'bundle_refused',
        'plant_standard', 'plant_shift', 'plant_result', 'plant_lost', 'evaluation']
    loop
        execute format('create trigger refuse_change before update or delete or truncate on stanok.%I'
            ' for each statement execute function stanok.refuse_change()', name);
    end loop;
end $$;
