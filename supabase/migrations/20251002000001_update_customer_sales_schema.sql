-- Carteira: the columns that the code asks for, in place of the old ones and with their data.

do $$
declare
    ours constant regclass := (quote_ident(current_schema()) || '.customer_sales')::regclass;
    change record;
begin
    for change in
        select names.old, names.new
        from (values ('cnpj', 'customer_cnpj'), ('deal_count', 'total_deals'), ('avg_deal_size', 'average_deal_value'))
            as names (old, new)
        join pg_attribute a on a.attrelid = ours and a.attname = names.old and not a.attisdropped
        where not exists (select from pg_attribute b
                          where b.attrelid = ours and b.attname = names.new and not b.attisdropped)
    loop
        execute format('alter table customer_sales rename column %I to %I', change.old, change.new);
    end loop;
    for change in
        select wanted.name, wanted.definition
        from (values (1, 'customer_cnpj', 'text'), (2, 'total_deals', 'integer default 0'),
                     (3, 'average_deal_value', 'numeric(15, 2) default 0'), (4, 'first_purchase_date', 'timestamptz'),
                     (5, 'open_deals', 'integer default 0'), (6, 'lost_deals', 'integer default 0'))
            as wanted (place, name, definition)
        where not exists (select from pg_attribute a
                          where a.attrelid = ours and a.attname = wanted.name and not a.attisdropped)
        order by wanted.place
    loop
        execute format('alter table customer_sales add column %I %s', change.name, change.definition);
        insert into before_carteira (version, undo)
        values ('20251002000001', format('alter table customer_sales drop column %I', change.name));
    end loop;
end
$$;
