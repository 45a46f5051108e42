-- The one place that decides whose rows a reader sees: every view of schema board joins these, and is a security barrier.

create view stanok_formula.site as
select s.id, s.name, s.title, s.zone
from stanok.site s
where (select has_table_privilege('stanok.site'::regclass, 'select'))
    or exists (
        -- The role is the one that asks, also inside a view; a role that this server does not have gives NULL.
        select from stanok.role_site r
        where r.site in (s.name, '*')
            and pg_has_role(to_regrole(quote_ident(r.role_name))::oid, 'usage')
    );
comment on view stanok_formula.site is
    'Sites that the asking role sees: all for whoever may read the table itself, else those of stanok.role_site.';

create view stanok_formula.machine as
select m.id
from stanok.machine m
join stanok_formula.site s on s.id = m.site_id;
comment on view stanok_formula.machine is 'Machines of the sites that the asking role sees.';
