-- Carteira: puts what was here aside, out of the public's sight, and goes on from its rows.

do $$
declare
    kept record;
    step record;
begin
    -- Made by the first migration and never used: there is nothing to keep but the way back.
    if obj_description((quote_ident(current_schema()) || '.customer_sales')::regclass, 'pg_class') = 'made by carteira'
        and not exists (select from customer_sales)
    then
        begin
            drop table customer_sales;
            insert into before_carteira (version, undo)
            values ('20261124000100', $undo$
                create table customer_sales (
                    customer_id integer primary key,
                    customer_name text not null,
                    customer_cnpj text,
                    total_revenue numeric(15, 2) default 0,
                    total_deals integer default 0,
                    average_deal_value numeric(15, 2) default 0,
                    last_purchase_date timestamptz,
                    last_sync_at timestamptz default now(),
                    first_purchase_date timestamptz,
                    open_deals integer default 0,
                    lost_deals integer default 0
                );
                comment on table customer_sales is 'made by carteira';
                alter table customer_sales enable row level security
            $undo$);
        exception
            when dependent_objects_still_exist then null; -- somebody's view on it: it is kept like any other
        end;
    end if;

    -- Each change beside its undoing; the rollback runs the latter backwards, so names agree at every step.
    for kept in
        select c.oid, c.relname, c.relrowsecurity
        from pg_class c
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
            and c.relname in ('customer_sales', 'sales', 'customers')
    loop
        for step in
            with recursive seen (oid) as (
                select kept.oid
                union
                select r.ev_class
                from seen
                join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = seen.oid
                    and d.classid = 'pg_rewrite'::regclass
                join pg_rewrite r on r.oid = d.objid
            ),
            owned (oid) as (
                select seen.oid from seen
                union
                select s.oid
                from seen
                join pg_depend d on d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass
                    and d.refobjid = seen.oid and d.deptype in ('a', 'i')
                join pg_class s on s.oid = d.objid and s.relkind = 'S'
            ),
            rights (place, what, target, grantee, grantable) as (
                -- Taking a right on a table takes it on the columns too, so the columns come first.
                select 1, format('%s (%I)', x.privilege_type, a.attname), 'table ' || c.oid::regclass, x.grantee, x.is_grantable
                from owned
                join pg_class c using (oid)
                join pg_attribute a on a.attrelid = c.oid
                cross join aclexplode(a.attacl) x
                union all
                select 2, x.privilege_type, case c.relkind when 'S' then 'sequence ' else 'table ' end || c.oid::regclass,
                    x.grantee, x.is_grantable
                from owned
                join pg_class c using (oid)
                cross join aclexplode(c.relacl) x
            ),
            strangers (oid, name) as (
                select 0, 'public'
                union all
                select r.oid, quote_ident(r.rolname) from pg_roles r where r.rolname in ('anon', 'authenticated')
            ),
            -- Names are chosen so that none is there twice in a schema, so ours would otherwise be others.
            names (what, name, aside) as (
                select 'alter index %I rename to %I', c.relname, left(c.relname, 46) || '_before_carteira'
                from pg_index i
                join pg_class c on c.oid = i.indexrelid
                where i.indrelid = kept.oid
                union all
                select format('alter table %I rename constraint %%I to %%I', kept.relname),
                    k.conname, left(k.conname, 46) || '_before_carteira'
                from pg_constraint k
                where k.conrelid = kept.oid and k.contype in ('c', 'f', 'n')
            )
            select place,
                format('revoke %s on %s from %s', what, target, name) as redo,
                format('grant %s on %s to %s', what, target, name)
                    || case when grantable then ' with grant option' else '' end as undo
            from rights
            join strangers on strangers.oid = rights.grantee
            union all
            select 3, format('alter table %I enable row level security', kept.relname),
                format('alter table %I disable row level security', kept.relname)
            where not kept.relrowsecurity
            union all
            select 4, format(what, name, aside), format(what, aside, name)
            from names
            union all
            select 5, format('alter table %I rename to %I', kept.relname, kept.relname || '_before_carteira'),
                format('alter table %I rename to %I', kept.relname || '_before_carteira', kept.relname)
            order by place, redo
        loop
            execute step.redo;
            insert into before_carteira (version, undo) values ('20261124000100', step.undo);
        end loop;
    end loop;
end
$$;

create table customer_sales (
    customer_id bigint primary key,
    customer_name text not null default '',
    customer_cnpj text,
    total_revenue numeric(18, 2) not null default 0,
    total_deals integer not null default 0,
    average_deal_value numeric(18, 2) not null default 0,
    first_purchase_date timestamptz,
    last_purchase_date timestamptz,
    open_deals integer not null default 0,
    lost_deals integer not null default 0,
    last_sync_at timestamptz not null default now()
);
comment on table customer_sales is 'one row per customer, derived from sales: rebuilt, never edited';
comment on column customer_sales.total_deals is 'deals that were won';
comment on column customer_sales.last_sync_at is 'opening time of the run that last changed the row';
alter table customer_sales enable row level security;
create index customer_sales_by_revenue on customer_sales (total_revenue desc, customer_id);

do $$
declare
    stranger text;
    found bigint;
    adopted bigint;
begin
    for stranger in select quote_ident(rolname) from pg_roles where rolname in ('anon', 'authenticated')
                    union all select 'public' loop
        execute format('revoke all on table customer_sales, before_carteira from %s', stranger);
    end loop;

    if to_regclass(quote_ident(current_schema()) || '.customer_sales_before_carteira') is null then
        return;
    end if;
    -- Through jsonb, since the table may have other types and lack or add columns; numbers stay exact in it.
    insert into customer_sales
    select (kept ->> 'customer_id')::bigint,
        coalesce(kept ->> 'customer_name', ''),
        -- Eleven digits are a person's CPF, which the old code put into the same column.
        nullif(case when document.bare !~ '^\d{11}$' then document.bare end, ''),
        coalesce((kept ->> 'total_revenue')::numeric, 0),
        coalesce((kept ->> 'total_deals')::integer, 0),
        coalesce((kept ->> 'average_deal_value')::numeric, 0),
        (kept ->> 'first_purchase_date')::timestamptz,
        (kept ->> 'last_purchase_date')::timestamptz,
        coalesce((kept ->> 'open_deals')::integer, 0),
        coalesce((kept ->> 'lost_deals')::integer, 0),
        coalesce((kept ->> 'last_sync_at')::timestamptz, now())
    from customer_sales_before_carteira as before
    cross join lateral (select to_jsonb(before) as kept) as as_json
    cross join lateral (select regexp_replace(upper(kept ->> 'customer_cnpj'), '[^0-9A-Z]', '', 'g') as bare) as document
    where kept ->> 'customer_id' ~ '^\s*\d{1,18}\s*$'
    order by length(kept ->> 'customer_id')
    on conflict do nothing;
    get diagnostics adopted = row_count;
    select count(*) into found from customer_sales_before_carteira;
    if found > adopted then
        raise notice '% of % rows of customer_sales have a customer_id that is no number, or is there twice: they stay in customer_sales_before_carteira and are not shown', found - adopted, found;
    end if;
end
$$;
