-- What customer_rhythm says of the whole portfolio on one local day. Whoever sees all asks for the rows of scope 'all', somebody
-- who sees only his own for those of scope 'own' that carry his owner_id: they were made of his deals alone. `owner` narrows
-- what somebody sees to the customers of one seller.

-- name: in_memory()!
-- What follows may sort or group a row for each customer, and is done before a disk would be.
select set_config('jit', 'off', true),
    set_config('work_mem', greatest(pg_size_bytes(current_setting('work_mem')) / 1024, 32768)::text, true);

-- name: rules()^
-- What the company calls new, late, inactive, A and B, and the last day of the 12 months that were added up.
select r.new_days, r.late_days, r.inactive_days, r.late_factor, r.inactive_factor, r.least_late_days, r.least_inactive_days,
       r.a_share, r.b_share, r.recency_days, r.frequencies, s.day
from portfolio_rules r cross join portfolio_state s;

-- name: curve(sees_all, owner_id, points)
-- The ABC curve at about so many points, among them the last customer of A, of B and of all.
with sold as not materialized (
    select customer_id, year_revenue from customer_rhythm
    where scope = case when :sees_all then 'all' else 'own' end and (:sees_all or owner_id = :owner_id) and year_revenue > 0
), whole as materialized (
    select a_share * coalesce(sum(year_revenue), 0) as a_mark, b_share * coalesce(sum(year_revenue), 0) as b_mark,
           count(*) as customers, greatest(count(*) / :points::bigint, 1) as step
    from portfolio_rules left join sold on true
    group by a_share, b_share
), ranked as (
    select customer_id, year_revenue, row_number() over falling as place, sum(year_revenue) over falling as cumulated
    from sold
    window falling as (order by year_revenue desc, customer_id rows unbounded preceding)
)
select place, customer_id, year_revenue, cumulated,
       cumulated >= a_mark and cumulated - year_revenue < a_mark as ends_a,
       cumulated >= b_mark and cumulated - year_revenue < b_mark as ends_b
from ranked cross join whole
where (cumulated >= a_mark and cumulated - year_revenue < a_mark)
   or (cumulated >= b_mark and cumulated - year_revenue < b_mark)
   or place = customers or mod(place, step) = 0
order by place;

-- name: groups(today, new_days, recency_days, frequencies, a_revenue, a_customer, b_revenue, b_customer, until, quiet_days, sees_all, owner_id, owner)
-- Customers who have bought, by status, class and RFV cell: how many, what they bought in 12 months, who came to it lately.
with judged as (
    select portfolio_status(:today::date, :new_days, first_day, back_days[cardinality(back_days)], late_on, inactive_on) as status,
           portfolio_class(year_revenue, customer_id, :a_revenue, :a_customer, :b_revenue, :b_customer) as class,
           portfolio_cell(:today::date, last_day, sales, :recency_days, :frequencies) as cell,
           first_day, back_days[cardinality(back_days)] as back_on, late_on, inactive_on, last_day, due_on, year_revenue, year_sales
    from customer_rhythm
    where scope = case when :sees_all then 'all' else 'own' end and (:sees_all or owner_id = :owner_id)
      and (:owner::bigint is null or owner_id = :owner)
    -- Kept apart, or the planner expects as many groups as there are days and sorts everybody.
    offset 0
)
select status, class, cell, count(*) as customers, sum(year_revenue) as revenue,
       count(*) filter (where :today::date - case status when 'inativo' then inactive_on when 'quase' then late_on
                        when 'novo' then first_day when 'recuperado' then back_on end < 30) as lately,
       count(*) filter (where :today::date - last_day >= :quiet_days) as quiet,
       count(*) filter (where due_on between :today::date and :until::date) as expected,
       coalesce(sum(year_revenue / year_sales) filter (where due_on between :today::date and :until::date and year_sales > 0), 0)
           as expected_revenue
from judged
group by status, class, cell;

-- name: listed(sees_all, owner_id, owner)^
-- How many customers the list has.
select count(*) as customers
from customer_sales cs left join customers c on c.customer_id = cs.customer_id
where (:sees_all or c.owner_id = :owner_id) and (:owner::bigint is null or c.owner_id = :owner);

-- name: cohorts(since, quarters, sees_all, owner_id, owner)
-- Customers by the quarter of the first purchase and by the quarters after it in which they bought, bit n for the n-th.
select date_trunc('quarter', first_day::timestamp)::date as quarter, r.quarters & ((1::bigint << :quarters::integer) - 1) as bought,
       count(*) as customers
from customer_rhythm r
where scope = case when :sees_all then 'all' else 'own' end and (:sees_all or owner_id = :owner_id)
      and (:owner::bigint is null or owner_id = :owner) and first_day >= :since::date
group by 1, 2;

-- name: balance(since, today, sees_all, owner_id, owner)
-- Customers won, won back and lost, by month.
with seen as materialized (
    select first_day, inactive_on, back_days[cardinality(back_days)] as back_on, lost_days, back_days from customer_rhythm
    where scope = case when :sees_all then 'all' else 'own' end and (:sees_all or owner_id = :owner_id)
      and (:owner::bigint is null or owner_id = :owner)
      and (first_day >= :since::date or inactive_on between :since::date and :today::date
           or back_days[cardinality(back_days)] >= :since::date)
), returns as (
    -- Who came back before these months was lost before them too.
    select turned.lost, turned.back
    from seen cross join unnest(lost_days, back_days) as turned (lost, back)
    where back_on >= :since::date and turned.back >= :since::date
), turns as (
    select date_trunc('month', first_day::timestamp) as month, count(*) as new, 0 as back, 0 as lost
    from seen where first_day between :since::date and :today::date
    group by 1
    union all
    select date_trunc('month', inactive_on::timestamp), 0, 0, count(*)
    from seen where inactive_on between :since::date and :today::date
    group by 1
    union all
    select date_trunc('month', back::timestamp), 0, count(*), 0 from returns where back <= :today::date group by 1
    union all
    select date_trunc('month', lost::timestamp), 0, 0, count(*)
    from returns where lost between :since::date and :today::date
    group by 1
)
select month::date, sum(new)::bigint as new, sum(back)::bigint as back, sum(lost)::bigint as lost
from turns
group by month
order by month;

-- name: buyers(since, until, sees_all, owner_id, owner)^
-- How many customers bought in a period.
select count(distinct s.customer_id) as customers
from sales s
left join customers c on c.customer_id = s.customer_id
where s.status = 'won' and s.deleted_at is null and s.rejected_at is null
  and s.closed_at >= :since and s.closed_at < :until
  and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
  and (:sees_all or (s.owner_id = :owner_id and c.owner_id = :owner_id))
  and (:owner::bigint is null or c.owner_id = :owner);

-- name: due(today, since, until, a_revenue, a_customer, limit, sees_all, owner_id, owner)
-- Customers of class A whose next purchase is due between two days, those left out who are late: they have a status for it.
select r.customer_id, coalesce(c.name, '') as name, r.due_on, r.year_revenue / nullif(r.year_sales, 0) as usual
from customer_rhythm r
join customers c on c.customer_id = r.customer_id
where r.scope = case when :sees_all then 'all' else 'own' end and (:sees_all or r.owner_id = :owner_id)
  and (:owner::bigint is null or r.owner_id = :owner)
  and r.due_on between :since::date and :until::date and r.late_on > :today::date
  and portfolio_class(r.year_revenue, r.customer_id, :a_revenue, :a_customer, :a_revenue, :a_customer) = 'A'
order by r.due_on, r.customer_id
limit :limit;

-- name: standing(customer_id, today, new_days, recency_days, frequencies, a_revenue, a_customer, b_revenue, b_customer, sees_all, owner_id)^
-- One customer's rhythm and what it makes of him.
select r.purchase_days, r.sales, r.first_day, r.last_day, r.usual_gap, r.due_on, r.late_on, r.inactive_on,
       back_days[cardinality(back_days)] as back_on,
       portfolio_status(:today::date, :new_days, first_day, back_days[cardinality(back_days)], late_on, inactive_on) as status,
       portfolio_class(year_revenue, customer_id, :a_revenue, :a_customer, :b_revenue, :b_customer) as class,
       portfolio_cell(:today::date, last_day, r.sales, :recency_days, :frequencies) as cell
from customer_rhythm r
where r.customer_id = :customer_id and r.scope = case when :sees_all then 'all' else 'own' end
  and (:sees_all or r.owner_id = :owner_id);
