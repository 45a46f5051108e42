-- The plant and its words. Ids are 63-bit hashes of natural keys, so two runs over the same input write the same rows.
-- requires: plain

create table stanok.plant_version (
    valid_from timestamptz primary key,
    hash bytea not null,
    enterprise text not null
);
comment on table stanok.plant_version is 'Plant files in the order they took effect.';
comment on column stanok.plant_version.valid_from is 'From when on this plant file holds [UTC]';
comment on column stanok.plant_version.hash is 'Content hash of the plant file [bytes]';
comment on column stanok.plant_version.enterprise is 'Title of the enterprise [text]';

create table stanok.site (
    id bigint primary key,
    name text not null unique,
    title text not null,
    zone text not null
);
comment on table stanok.site is 'Plants in one time zone.';
comment on column stanok.site.id is 'Hash of the name [id]';
comment on column stanok.site.name is 'Name in the plant file [text]';
comment on column stanok.site.title is 'Title for people [text]';
comment on column stanok.site.zone is 'IANA time zone [text]';

create table stanok.source (
    id bigint primary key,
    name text not null unique,
    protocol text not null,
    lateness_us bigint not null
);
comment on table stanok.source is 'Connections to OPC UA servers and MQTT brokers, without their secrets.';
comment on column stanok.source.id is 'Hash of the name [id]';
comment on column stanok.source.name is 'Name in the plant file [text]';
comment on column stanok.source.protocol is 'Protocol [text]';
comment on column stanok.source.lateness_us is 'How long after its event a sample is still folded in order, real time [µs]';

create table stanok.machine (
    id bigint primary key,
    site_id bigint not null references stanok.site,
    source_id bigint not null references stanok.source,
    name text not null unique,
    title text not null,
    area text not null,
    max_rate double precision not null
);
comment on table stanok.machine is 'Machine tools.';
comment on column stanok.machine.id is 'Hash of the name [id]';
comment on column stanok.machine.site_id is 'Site [id]';
comment on column stanok.machine.source_id is 'Source of its samples [id]';
comment on column stanok.machine.name is 'Name in the plant file, site/machine [text]';
comment on column stanok.machine.title is 'Title for people [text]';
comment on column stanok.machine.area is 'Area of the site [text]';
comment on column stanok.machine.max_rate is 'Greatest plausible output as a multiple of the standard rate [1]';

create table stanok.signal (
    id bigint primary key,
    name text not null unique,
    kind text not null,
    unit text not null,
    store smallint not null
);
comment on table stanok.signal is 'Signal names in use.';
comment on column stanok.signal.id is 'Hash of the name [id]';
comment on column stanok.signal.name is 'Name in the vocabulary [text]';
comment on column stanok.signal.kind is 'bool, word, float, counter or text [text]';
comment on column stanok.signal.unit is 'Unit of the value, empty for none [text]';
comment on column stanok.signal.store is '0: sample_event, 1: sample_gauge [code]';

create table stanok.part_program (
    id bigint primary key,
    name text not null unique
);
comment on table stanok.part_program is 'NC programs, from the plant file or seen on a machine.';
comment on column stanok.part_program.id is 'Hash of the name [id]';
comment on column stanok.part_program.name is 'Name as the control shows it [text]';

create table stanok.standard_time (
    program_id bigint references stanok.part_program,
    valid_from timestamptz,
    pri_us bigint not null,
    provenance text not null,
    primary key (program_id, valid_from)
);
comment on table stanok.standard_time is 'Planned run time per item (PRI) of part programs.';
comment on column stanok.standard_time.program_id is 'Part program [id]';
comment on column stanok.standard_time.valid_from is 'From when on it holds [UTC]';
comment on column stanok.standard_time.pri_us is 'Planned run time per item, 0 where none is known [µs]';
comment on column stanok.standard_time.provenance is 'Who says so [text]';

create table stanok.shift_instance (
    id bigint primary key,
    site_id bigint not null references stanok.site,
    name text not null,
    production_day date not null,
    start_time timestamptz not null,
    end_time timestamptz not null
);
create index shift_instance_start on stanok.shift_instance (site_id, start_time);
comment on table stanok.shift_instance is 'One shift of one day.';
comment on column stanok.shift_instance.id is 'Hash of site, day and name [id]';
comment on column stanok.shift_instance.site_id is 'Site [id]';
comment on column stanok.shift_instance.name is 'Name of the shift [text]';
comment on column stanok.shift_instance.production_day is 'Local day that the shift begins on [date]';
comment on column stanok.shift_instance.start_time is 'Start, included [UTC]';
comment on column stanok.shift_instance.end_time is 'End, excluded [UTC]';

create table stanok.state (
    id smallint primary key,
    word text not null unique,
    title_en text not null,
    title_ru text not null,
    colour text not null
);
comment on table stanok.state is 'Words of machine states.';
comment on column stanok.state.id is 'Code in state columns [code]';
comment on column stanok.state.word is 'Word in the vocabulary [text]';
comment on column stanok.state.title_en is 'English title [text]';
comment on column stanok.state.title_ru is 'Russian title [text]';
comment on column stanok.state.colour is 'Colour on boards [#rrggbb]';

create table stanok.cause (
    id smallint primary key,
    word text not null unique,
    title_en text not null,
    title_ru text not null,
    colour text not null
);
comment on table stanok.cause is 'Words for why a machine is in its state.';
comment on column stanok.cause.id is 'Code in cause columns [code]';
comment on column stanok.cause.word is 'Word in the vocabulary [text]';
comment on column stanok.cause.title_en is 'English title [text]';
comment on column stanok.cause.title_ru is 'Russian title [text]';
comment on column stanok.cause.colour is 'Colour on boards [#rrggbb]';
