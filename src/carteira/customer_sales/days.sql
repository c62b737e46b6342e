-- What was sold on each day, derived from `sales` and kept, where there are so many deals that to read them takes long.

-- name: bearing()^
-- How many deals live, and the first moment at which one was won or lost.
select (select live_rows from sync_entities where entity = 'deals') as deals,
       (select min(closed_at) from sales
        where status in ('won', 'lost') and deleted_at is null and rejected_at is null) as first_closed_at;

-- name: are_kept()^
-- Whether it is the days that are to be read: with many gaps between them it would be slower than to read all deals.
select coalesce(count(*) filter (where not stale) > 0.9 * count(*), false) as kept from sales_days;

-- name: wanting(starts, ends)
-- Which of these days are not kept or no longer good, the newest first.
select w.since, w.until
from unnest(:starts::timestamptz[], :ends::timestamptz[]) as w (since, until)
cross join sync_state rule
left join sales_days d on d.since = w.since and d.until = w.until and not d.stale
    and d.usual_currency_id is not distinct from rule.usual_currency_id and d.left_out_pipelines = rule.left_out_pipelines
where d.since is null
order by w.since desc;

-- name: drop_others(starts, ends)!
-- Days as another time zone has them: none that is kept may overlap one of these.
delete from sales_days d
where not exists (select from unnest(:starts::timestamptz[], :ends::timestamptz[]) as w (since, until)
                  where w.since = d.since and w.until = d.until);

-- name: drop(starts)!
-- Before they are derived anew.
delete from sales_days where since = any(:starts::timestamptz[]);

-- name: place(starts, ends)!
-- A place for everybody who bought on these days and has none.
insert into customer_places (customer_id, place)
select customer_id, coalesce((select max(place) from customer_places), -1) + row_number() over (order by customer_id)
from (
    select distinct s.customer_id
    from unnest(:starts::timestamptz[], :ends::timestamptz[]) as w (since, until)
    join sales s on s.closed_at >= w.since and s.closed_at < w.until
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null and s.customer_id is not null
) bought
where not exists (select from customer_places known where known.customer_id = bought.customer_id);

-- name: derive(starts, ends)!
-- These days: what each seller sold, in which pipelines and states, what is kept out of that, and who bought.
with rule as (
    select usual_currency_id, left_out_pipelines from sync_state
), days as (
    insert into sales_days (since, until, usual_currency_id, left_out_pipelines)
    select w.since, w.until, rule.usual_currency_id, rule.left_out_pipelines
    from unnest(:starts::timestamptz[], :ends::timestamptz[]) as w (since, until) cross join rule
), closed as materialized (
    select w.since, s.owner_id, s.customer_id, s.pipeline_id, c.state, s.status = 'won' as won, s.total,
           is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from rule), (select left_out_pipelines from rule))
               as counted,
           coalesce(s.pipeline_id = any((select left_out_pipelines from rule)::bigint[]), false) as left_out,
           coalesce(s.currency_id = (select usual_currency_id from rule), true) as in_usual_currency
    from unnest(:starts::timestamptz[], :ends::timestamptz[]) as w (since, until)
    join sales s on s.closed_at >= w.since and s.closed_at < w.until
    left join customers c on c.customer_id = s.customer_id
    where s.status in ('won', 'lost') and s.deleted_at is null and s.rejected_at is null
), deals as (
    select * from closed where counted
), ledgers as (
    insert into sales_day_ledgers (since, owner_id, revenue, with_customer, without_customer, sales_without_customer,
                                   sales_without_amount, sales_in_other_currency, sales_left_out, left_out_revenue)
    select since, owner_id, coalesce(sum(total) filter (where counted), 0),
           coalesce(sum(total) filter (where counted and customer_id is not null), 0),
           coalesce(sum(total) filter (where counted and customer_id is null), 0),
           count(*) filter (where counted and customer_id is null), count(*) filter (where counted and total is null),
           count(*) filter (where not counted and not left_out), count(*) filter (where left_out),
           coalesce(sum(total) filter (where left_out and in_usual_currency), 0)
    from closed
    where won
    group by since, owner_id
), sums as (
    insert into sales_day_sums (since, owner_id, revenue, sales, lost, biggest, buyers)
    select since, owner_id, coalesce(sum(total) filter (where won), 0), count(*) filter (where won),
           count(*) filter (where not won), max(total) filter (where won),
           coalesce(array_agg(distinct customer_id) filter (where won and customer_id is not null), '{}')
    from deals
    group by since, owner_id
), shares as (
    insert into sales_day_shares (since, scope, owner_id, kind, key, revenue, sales)
    select since, case grouping(owner_id) when 0 then 'own' else 'all' end, owner_id,
           case grouping(pipeline_id) when 0 then 'pipeline' else 'state' end, coalesce(pipeline_id::text, state),
           coalesce(sum(total), 0), count(*)
    from deals
    where won
    group by grouping sets ((since, pipeline_id), (since, state), (since, owner_id, pipeline_id), (since, owner_id, state))
)
insert into sales_day_buyers (since, block, buyers)
select d.since, p.place / 4096, bit_or(set_bit(0::bit(4096), mod(p.place, 4096), 1))
from deals d
join customer_places p on p.customer_id = d.customer_id
where d.won
group by 1, 2;
