-- Which sites a role sees, and which grants were made; the roles and grants themselves stand in storage/roles.sql.
-- requires: plain

create table stanok.role_site (
    role_name text not null,
    site text not null,
    primary key (role_name, site)
);
comment on table stanok.role_site is 'Sites that a role sees through the views of schema board; a member of a role sees what the role sees.';
comment on column stanok.role_site.role_name is 'Role of the database server [text]';
comment on column stanok.role_site.site is 'Name of a site, * for all [text]';

insert into stanok.role_site values
    ('stanok_reader_all', '*'), ('stanok_ministry', '*'), ('stanok_health', '*'), ('stanok_collector', '*');

create table stanok.grant_build (
    checksum text primary key
);
comment on table stanok.grant_build is 'One row: the roles and grants that this database has.';
comment on column stanok.grant_build.checksum is 'sha256 over storage/roles.sql and the names of the roles there are [hex]';
