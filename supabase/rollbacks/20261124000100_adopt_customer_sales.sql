-- Carteira: puts back what was here. Where there was nothing, the rows stay in the table of the first two migrations.

alter table customer_sales rename to customer_sales_of_carteira;
alter index customer_sales_pkey rename to customer_sales_of_carteira_pkey;
alter index customer_sales_by_revenue rename to customer_sales_of_carteira_by_revenue;

do $$
declare
    entry record;
    kept boolean := to_regclass(quote_ident(current_schema()) || '.customer_sales_before_carteira') is not null;
    found bigint;
    copied bigint;
begin
    -- From PostgreSQL 18 on "not null" has a name too, and none may be there twice.
    for entry in select conname from pg_constraint
                 where conrelid = 'customer_sales_of_carteira'::regclass and contype = 'n' loop
        execute format('alter table customer_sales_of_carteira rename constraint %I to %I',
            entry.conname, left(entry.conname, 50) || '_of_carteira');
    end loop;
    for entry in select undo from before_carteira where version = '20261124000100' order by step desc loop
        execute entry.undo;
    end loop;
    delete from before_carteira where version = '20261124000100';
    if kept then
        return;
    end if;
    insert into customer_sales (customer_id, customer_name, customer_cnpj, total_revenue, total_deals,
        average_deal_value, last_purchase_date, last_sync_at, first_purchase_date, open_deals, lost_deals)
    select customer_id, customer_name, customer_cnpj, total_revenue, total_deals,
        average_deal_value, last_purchase_date, last_sync_at, first_purchase_date, open_deals, lost_deals
    from customer_sales_of_carteira
    where customer_id between -2147483648 and 2147483647 and abs(total_revenue) < 1e13 and abs(average_deal_value) < 1e13;
    get diagnostics copied = row_count;
    select count(*) into found from customer_sales_of_carteira;
    if found > copied then
        raise notice '% of % rows of customer_sales are too large for the old columns and were left out', found - copied, found;
    end if;
end
$$;

drop table customer_sales_of_carteira;
