-- How often each customer buys: customer_rhythm, derived from `customers` and `sales` by one SELECT as customer_sales is.

-- name: bearing(timezone, opened_at)^
-- What the table was derived with and what it is to be derived with: time zone, last day of the 12 months, rules.
select state.timezone, state.day, state.rules is distinct from r::text as rules_changed,
       coalesce(:timezone, state.timezone) as new_timezone,
       (:opened_at::timestamptz at time zone coalesce(:timezone, state.timezone))::date as new_day
from portfolio_state state cross join portfolio_rules r;

-- name: moved(timezone, day, new_day)^
-- The customers with a sale on the days by which the two years of 12 months differ.
select array(
    select distinct s.customer_id
    from (values (:day::date, :new_day::date), ((:day::date - interval '1 year')::date, (:new_day::date - interval '1 year')::date))
        as edges (was, becomes)
    join sales s
        on s.closed_at >= (least(was, becomes) + 1)::timestamp at time zone :timezone
        and s.closed_at < (greatest(was, becomes) + 1)::timestamp at time zone :timezone
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null and s.customer_id is not null
) as customer_ids;

-- name: refresh(customer_ids, timezone, day)^
-- customer_rhythm of these customers, or of all; rows that do not differ are not written. (`limit 1` tells the
-- planner that there is one row.)
with bought as materialized (
    -- In the order that both scopes are sorted by: sorting what is sorted costs next to nothing.
    select c.customer_id, c.owner_id, s.owner_id = c.owner_id as by_own_seller,
           (s.closed_at at time zone :timezone)::date as day, coalesce(s.total, 0) as total
    from customers c
    join sales s on s.customer_id = c.customer_id
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null and s.closed_at is not null
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state),
                     (select left_out_pipelines from sync_state))
      and (:customer_ids::bigint[] is null or c.customer_id = any(:customer_ids::bigint[]))
    order by customer_id, day desc
), summed as (
    select scopes.own, of_scope.*
    from (
        select least(inactive_days, least_inactive_days), (:day::date - interval '1 year')::date
        from portfolio_rules limit 1
    ) bounds (least_gap, year_before)
    cross join (values (false), (true)) scopes (own)
    cross join lateral (
        select customer_id, min(owner_id) as owner_id, max(place)::integer as purchase_days, count(*)::integer as sales,
               min(day) as first_day, max(day) as last_day,
               case when max(place) >= 3 then greatest(round(
                   (percentile_cont(0.5) within group (order by gap) filter (where gap > 0 and place <= 12))::numeric),
                   1)::integer
               end as usual_gap,
               array_agg(distinct date_part('year', day)::integer * 4 + date_part('quarter', day)::integer)
                   filter (where gap is distinct from 0) as quarters,
               array_agg(day) filter (where gap > least_gap) as long_gap_ends,
               array_agg(gap) filter (where gap > least_gap) as long_gaps,
               coalesce(sum(total) filter (where day > year_before and day <= :day::date), 0) as year_revenue,
               count(*) filter (where day > year_before and day <= :day::date)::integer as year_sales
        from (
            -- Of several sales on one day the last has the gap, the others have none: 0.
            select customer_id, owner_id, day, total,
                   day - lead(day) over latest_first as gap,
                   dense_rank() over latest_first as place
            from bought where by_own_seller or not own
            window latest_first as (partition by customer_id order by day desc)
        ) paced
        group by customer_id
    ) of_scope
), limited as (
    select summed.*,
           case when usual_gap is null then late_days
                else greatest(least_late_days, round(usual_gap * late_factor)::integer) end + 1 as late_after,
           case when usual_gap is null then inactive_days
                else greatest(least_inactive_days, round(usual_gap * inactive_factor)::integer) end + 1 as inactive_after
    from summed cross join (select * from portfolio_rules limit 1) portfolio_rules
), derived as (
    select l.customer_id, case when own then 'own' else 'all' end as scope, l.owner_id, l.purchase_days, l.sales, l.first_day, l.last_day, l.usual_gap,
           l.last_day + l.usual_gap as due_on, l.last_day + l.late_after as late_on,
           l.last_day + l.inactive_after as inactive_on,
           coalesce(lapses.lost_days, '{}') || (l.last_day + l.inactive_after) as lost_days,
           coalesce(lapses.back_days, '{}') as back_days,
           (select bit_or(1::bigint << bought_in - quarters[1]) from unnest(quarters) bought_in
            where bought_in - quarters[1] <= 62) as quarters,
           l.year_revenue, l.year_sales
    from limited l
    cross join lateral (
        select array_agg(day - gap + l.inactive_after order by day) as lost_days, array_agg(day order by day) as back_days
        from unnest(long_gap_ends, long_gaps) long (day, gap)
        where gap > l.inactive_after
    ) lapses
), removed as (
    delete from customer_rhythm as published
    where (:customer_ids::bigint[] is null or customer_id = any(:customer_ids::bigint[]))
    and not exists (select from derived
                    where derived.customer_id = published.customer_id and derived.scope = published.scope)
    returning 1
), written as (
    insert into customer_rhythm as published
    select * from derived
    on conflict (customer_id, scope) do update set
        owner_id = excluded.owner_id,
        purchase_days = excluded.purchase_days,
        sales = excluded.sales,
        first_day = excluded.first_day,
        last_day = excluded.last_day,
        usual_gap = excluded.usual_gap,
        due_on = excluded.due_on,
        late_on = excluded.late_on,
        inactive_on = excluded.inactive_on,
        lost_days = excluded.lost_days,
        back_days = excluded.back_days,
        quarters = excluded.quarters,
        year_revenue = excluded.year_revenue,
        year_sales = excluded.year_sales
    where published.* is distinct from excluded.*
    returning 1
)
select (select count(*) from removed) + (select count(*) from written) as changed;

-- name: remember(timezone, day)!
-- With what it was derived.
update portfolio_state
set timezone = :timezone, day = :day, rules = (select r::text from portfolio_rules r)
where (timezone, day, rules) is distinct from (:timezone, :day, (select r::text from portfolio_rules r));
