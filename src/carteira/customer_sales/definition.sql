-- name: refresh(customer_ids, opened_at)^
-- What counts as a sale, once (with `is_counted`, which the reports ask too): customer_sales of these customers, or of all.
with deals as (
    select
        customer_id,
        sum(coalesce(total, 0)) filter (where counts) as revenue,
        (count(*) filter (where counts))::integer as total_deals,
        min(closed_at) filter (where counts) as first_purchase_date,
        max(closed_at) filter (where counts) as last_purchase_date,
        (count(*) filter (where status = 'open' and told))::integer as open_deals,
        (count(*) filter (where status = 'lost' and told))::integer as lost_deals
    from sales
    cross join lateral (
        select
            status = 'won' and is_counted(currency_id, pipeline_id, (select usual_currency_id from sync_state),
                                          (select left_out_pipelines from sync_state)),
            is_counted(null, pipeline_id, null, (select left_out_pipelines from sync_state))
    ) sale (counts, told)
    where deleted_at is null and rejected_at is null
    and (:customer_ids::bigint[] is null or customer_id = any(:customer_ids::bigint[]))
    group by customer_id
), derived as (
    select
        customers.customer_id,
        customers.name as customer_name,
        customers.cnpj as customer_cnpj,
        round(coalesce(revenue, 0), 2)::numeric(18, 2) as total_revenue,
        coalesce(total_deals, 0) as total_deals,
        coalesce(round(revenue / nullif(total_deals, 0), 2), 0)::numeric(18, 2) as average_deal_value,
        first_purchase_date,
        last_purchase_date,
        coalesce(open_deals, 0) as open_deals,
        coalesce(lost_deals, 0) as lost_deals
    from customers
    left join deals on deals.customer_id = customers.customer_id
    where (:customer_ids::bigint[] is null or customers.customer_id = any(:customer_ids::bigint[]))
    and (deals.customer_id is not null or (customers.deleted_at is null and not customers.placeholder))
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
