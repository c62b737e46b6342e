-- Carteira: back to the old columns (option B), with the rows that are there.

do $$
declare
    ours constant regclass := (quote_ident(current_schema()) || '.customer_sales')::regclass;
    change record;
begin
    for change in select undo from before_carteira where version = '20251002000001' order by step desc loop
        execute change.undo;
    end loop;
    delete from before_carteira where version = '20251002000001';
    for change in
        select names.old, names.new
        from (values ('cnpj', 'customer_cnpj'), ('deal_count', 'total_deals'), ('avg_deal_size', 'average_deal_value'))
            as names (old, new)
        join pg_attribute a on a.attrelid = ours and a.attname = names.new and not a.attisdropped
        where not exists (select from pg_attribute b
                          where b.attrelid = ours and b.attname = names.old and not b.attisdropped)
    loop
        execute format('alter table customer_sales rename column %I to %I', change.new, change.old);
    end loop;
end
$$;
