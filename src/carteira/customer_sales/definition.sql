-- name: refresh(customer_ids, opened_at)^
-- What counts as a sale, once: customer_sales of these customers, or of all, from `customers` and `sales`.
with derived as (
    select
        customers.customer_id,
        customers.name as customer_name,
        customers.cnpj as customer_cnpj,
        round(coalesce(sum(sales.total) filter (where sale.counts), 0), 2)::numeric(18, 2) as total_revenue,
        (count(sales.deal_id) filter (where sale.counts))::integer as total_deals,
        coalesce(round(
            sum(coalesce(sales.total, 0)) filter (where sale.counts) / nullif(count(*) filter (where sale.counts), 0),
            2), 0)::numeric(18, 2) as average_deal_value,
        min(sales.closed_at) filter (where sale.counts) as first_purchase_date,
        max(sales.closed_at) filter (where sale.counts) as last_purchase_date,
        (count(*) filter (where sales.status = 'open'))::integer as open_deals,
        (count(*) filter (where sales.status = 'lost'))::integer as lost_deals
    from customers
    cross join sync_state
    left join sales on sales.customer_id = customers.customer_id
        and sales.deleted_at is null and sales.rejected_at is null
    cross join lateral (select sales.status = 'won' and coalesce(sales.currency_id = usual_currency_id, true)) sale (counts)
    where :customer_ids::bigint[] is null or customers.customer_id = any(:customer_ids::bigint[])
    group by customers.customer_id
    having (customers.deleted_at is null and not customers.placeholder) or count(sales.deal_id) > 0
), removed as (
    delete from customer_sales
    where (:customer_ids::bigint[] is null or customer_id = any(:customer_ids::bigint[]))
    and not exists (select from derived where derived.customer_id = customer_sales.customer_id)
    returning 1
), written as (
    insert into customer_sales as published (
        customer_id, customer_name, customer_cnpj, total_revenue, total_deals, average_deal_value,
        first_purchase_date, last_purchase_date, open_deals, lost_deals, last_sync_at)
    select
        customer_id, customer_name, customer_cnpj, total_revenue, total_deals, average_deal_value,
        first_purchase_date, last_purchase_date, open_deals, lost_deals, :opened_at
    from derived
    on conflict (customer_id) do update set
        customer_name = excluded.customer_name,
        customer_cnpj = excluded.customer_cnpj,
        total_revenue = excluded.total_revenue,
        total_deals = excluded.total_deals,
        average_deal_value = excluded.average_deal_value,
        first_purchase_date = excluded.first_purchase_date,
        last_purchase_date = excluded.last_purchase_date,
        open_deals = excluded.open_deals,
        lost_deals = excluded.lost_deals,
        last_sync_at = excluded.last_sync_at
    where (
        published.customer_name, published.customer_cnpj, published.total_revenue, published.total_deals,
        published.average_deal_value, published.first_purchase_date, published.last_purchase_date,
        published.open_deals, published.lost_deals
    ) is distinct from (
        excluded.customer_name, excluded.customer_cnpj, excluded.total_revenue, excluded.total_deals,
        excluded.average_deal_value, excluded.first_purchase_date, excluded.last_purchase_date,
        excluded.open_deals, excluded.lost_deals
    )
    returning 1
)
select (select count(*) from removed) + (select count(*) from written) as changed;

-- name: totals(customer_ids)^
-- What customer_sales adds up to, of these customers or of all.
select count(*) as customers, coalesce(sum(total_revenue), 0) as revenue, coalesce(sum(total_deals), 0) as deals
from customer_sales
where :customer_ids::bigint[] is null or customer_id = any(:customer_ids::bigint[]);

-- name: all_is_adopted()^
-- A row where customer_sales has rows though nothing was ever read.
select 1
from sync_state
where last_full_at is null and exists (select from customer_sales) and not exists (select from customers)
    and not exists (select from sales);
