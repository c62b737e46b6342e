-- Carteira: leaves customer_sales as it was found. One that was made here goes, unless it holds rows.

do $$
declare
    entry record;
    made_here boolean := obj_description(
        to_regclass(quote_ident(current_schema()) || '.customer_sales'), 'pg_class') = 'made by carteira';
begin
    for entry in select undo from before_carteira where version = '20251002000000' order by step desc loop
        execute entry.undo;
    end loop;
    if made_here then
        if not exists (select from customer_sales) then
            drop table customer_sales;
        end if;
    end if;
end
$$;
drop table before_carteira;
