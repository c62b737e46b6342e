-- Carteira: customer_sales as it was first written. A database that has one already keeps its own.

create table before_carteira (
    step bigint generated always as identity primary key,
    version text not null,
    undo text not null
);
comment on table before_carteira is 'how to put back what was here before, the latest step first: the rollbacks run it';
alter table before_carteira enable row level security;

do $$
declare
    renamed record;
begin
    if to_regclass(quote_ident(current_schema()) || '.customer_sales') is null then
        create table customer_sales (
            customer_id integer primary key,
            customer_name text not null,
            cnpj text,
            total_revenue numeric(15, 2) default 0,
            deal_count integer default 0,
            avg_deal_size numeric(15, 2) default 0,
            last_purchase_date timestamptz,
            last_sync_at timestamptz default now()
        );
        comment on table customer_sales is 'made by carteira';
        alter table customer_sales enable row level security;
        return;
    end if;
    -- The next rollback gives it the old names; one that came with the new ones gets those back in the end.
    for renamed in
        select names.old, names.new
        from (values ('cnpj', 'customer_cnpj'), ('deal_count', 'total_deals'), ('avg_deal_size', 'average_deal_value'))
            as names (old, new)
        join pg_attribute a on a.attname = names.new and not a.attisdropped
        where a.attrelid = to_regclass(quote_ident(current_schema()) || '.customer_sales')
            and not exists (select from pg_attribute b
                            where b.attrelid = a.attrelid and b.attname = names.old and not b.attisdropped)
    loop
        insert into before_carteira (version, undo)
        values ('20251002000000', format('alter table customer_sales rename column %I to %I', renamed.old, renamed.new));
    end loop;
end
$$;
