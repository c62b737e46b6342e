-- A sale is a won deal, neither deleted nor rejected, that `is_counted`: in the account's usual currency (or in none that is known)
-- and in no pipeline that the company leaves out. Each query says
-- `(:sees_all or sales.owner_id = :owner_id)`: the right of sight of whoever asks.

-- name: windows(starts, ends, cuts, sees_all, owner_id)
-- Revenue, sales, buying customers and lost deals of many periods at once: arrays of half-open bounds, in order; to_cut is the
-- revenue up to a third moment of each.
select counted.revenue, counted.sales, counted.customers, counted.lost, counted.to_cut
from unnest(:starts::timestamptz[], :ends::timestamptz[], :cuts::timestamptz[])
    with ordinality as w (since, until, cut, number)
cross join lateral (
    select coalesce(sum(s.total) filter (where s.status = 'won'), 0) as revenue,
           count(*) filter (where s.status = 'won') as sales,
           count(distinct s.customer_id) filter (where s.status = 'won') as customers,
           count(*) filter (where s.status = 'lost') as lost,
           coalesce(sum(s.total) filter (where s.status = 'won' and s.closed_at < w.cut), 0) as to_cut
    from sales s
    where s.status in ('won', 'lost') and s.deleted_at is null and s.rejected_at is null
      and s.closed_at >= w.since and s.closed_at < w.until
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
      and (:sees_all or s.owner_id = :owner_id)
) counted
order by w.number;

-- name: windows_of_days(starts, ends, cuts, sees_all, owner_id)
-- The same from the days that are kept, and from the deals only where none is: at a third moment within a day, and on days that
-- changed. Whose customer has no place bought on no day that is kept.
with asked as materialized (
    select w.number, w.since, w.until, w.cut
    from unnest(:starts::timestamptz[], :ends::timestamptz[], :cuts::timestamptz[])
        with ordinality as w (since, until, cut, number)
), kept as materialized (
    select a.number, a.cut, d.since, d.until
    from asked a
    join sales_days d on d.since >= a.since and d.until <= a.until
    cross join sync_state rule
    where not d.stale and d.usual_currency_id is not distinct from rule.usual_currency_id
      and d.left_out_pipelines = rule.left_out_pipelines and not (a.cut > d.since and a.cut < d.until)
), rest as materialized (
    select a.number, a.cut, lower(gap) as since, upper(gap) as until
    from asked a
    cross join lateral (
        select coalesce(range_agg(tstzrange(k.since, k.until)), '{}') as days from kept k where k.number = a.number
    ) covered
    cross join unnest(tstzmultirange(tstzrange(a.since, a.until)) - covered.days) gap
), deals as materialized (
    -- One look for each gap: so few they are that the planner, who expects many, would rather read every deal.
    select r.number, sold.*
    from rest r
    cross join lateral (
        select s.customer_id,
               coalesce(sum(s.total) filter (where s.status = 'won'), 0) as revenue,
               count(*) filter (where s.status = 'won') as sales,
               count(*) filter (where s.status = 'lost') as lost,
               coalesce(sum(s.total) filter (where s.status = 'won' and s.closed_at < r.cut), 0) as to_cut
        from sales s
        where s.closed_at >= r.since and s.closed_at < r.until
          and s.status in ('won', 'lost') and s.deleted_at is null and s.rejected_at is null
          and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
          and (:sees_all or s.owner_id = :owner_id)
        group by s.customer_id
    ) sold
), sold as (
    select number, sum(revenue) as revenue, sum(sales)::bigint as sales, sum(lost)::bigint as lost, sum(to_cut) as to_cut
    from (
        select k.number, d.revenue, d.sales, d.lost, case when k.since < k.cut then d.revenue else 0 end as to_cut
        from kept k join sales_day_sums d on d.since = k.since
        where :sees_all or d.owner_id = :owner_id
        union all
        select number, revenue, sales, lost, to_cut from deals
    ) each
    group by number
), bought as (
    select number, sum(bit_count(buyers))::bigint as customers
    from (
        select number, block, bit_or(buyers) as buyers
        from (
            select k.number, d.block, d.buyers from kept k join sales_day_buyers d on d.since = k.since where :sees_all
            union all
            select d.number, p.place / 4096, bit_or(set_bit(0::bit(4096), mod(p.place, 4096), 1))
            from deals d join customer_places p on p.customer_id = d.customer_id
            where d.sales > 0 and :sees_all
            group by 1, 2
        ) each
        group by number, block
    ) placed
    group by number
    union all
    select d.number, count(distinct d.customer_id)
    from deals d left join customer_places p on p.customer_id = d.customer_id
    where d.sales > 0 and d.customer_id is not null and p.customer_id is null and :sees_all
    group by d.number
    union all
    select number, count(distinct customer_id)
    from (
        select k.number, buyer.customer_id
        from kept k join sales_day_sums d on d.since = k.since cross join unnest(d.buyers) buyer (customer_id)
        where not :sees_all and d.owner_id = :owner_id
        union all
        select number, customer_id from deals where sales > 0 and not :sees_all
    ) his
    group by number
)
select coalesce(sold.revenue, 0) as revenue, coalesce(sold.sales, 0) as sales,
       coalesce(everybody.customers, 0) as customers,
       coalesce(sold.lost, 0) as lost, coalesce(sold.to_cut, 0) as to_cut
from asked a
left join sold on sold.number = a.number
left join (select number, sum(customers)::bigint as customers from bought group by number) everybody on everybody.number = a.number
order by a.number;

-- name: shares(slots, starts, ends, sees_all, owner_id)
-- Revenue and sales of three periods by seller, by pipeline and by the customer's state, from one pass over the sales.
with deals as (
    select w.slot, s.owner_id, s.pipeline_id, c.state, coalesce(s.total, 0) as total
    from unnest(:slots::text[], :starts::timestamptz[], :ends::timestamptz[]) as w (slot, since, until)
    join sales s on s.closed_at >= w.since and s.closed_at < w.until
    left join customers c on c.customer_id = s.customer_id
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
      and (:sees_all or s.owner_id = :owner_id)
), grouped as (
    select case when grouping(owner_id) = 0 then 'seller' when grouping(pipeline_id) = 0 then 'pipeline' else 'state' end as kind,
           owner_id, pipeline_id, state,
           coalesce(sum(total) filter (where slot = 'now'), 0) as revenue,
           coalesce(sum(total) filter (where slot = 'before'), 0) as before,
           coalesce(sum(total) filter (where slot = 'last_year'), 0) as last_year,
           count(*) filter (where slot = 'now') as sales
    from deals
    group by grouping sets ((owner_id), (pipeline_id), (state))
)
select g.kind,
       coalesce(g.owner_id::text, g.pipeline_id::text, g.state) as key,
       coalesce(o.name, p.name, g.state, '') as name,
       g.revenue, g.before, g.last_year, g.sales
from grouped g
left join owners o on g.kind = 'seller' and o.owner_id = g.owner_id
left join pipelines p on g.kind = 'pipeline' and p.pipeline_id = g.pipeline_id
order by g.kind, g.revenue desc, key;

-- name: shares_of_days(slots, starts, ends, sees_all, owner_id)
-- The same from the days that are kept, and from the deals only where none is.
with asked as materialized (
    select w.slot, w.since, w.until
    from unnest(:slots::text[], :starts::timestamptz[], :ends::timestamptz[]) as w (slot, since, until)
), kept as materialized (
    select a.slot, d.since, d.until
    from asked a
    join sales_days d on d.since >= a.since and d.until <= a.until
    cross join sync_state rule
    where not d.stale and d.usual_currency_id is not distinct from rule.usual_currency_id
      and d.left_out_pipelines = rule.left_out_pipelines
), rest as materialized (
    select a.slot, lower(gap) as since, upper(gap) as until
    from asked a
    cross join lateral (
        select coalesce(range_agg(tstzrange(k.since, k.until)), '{}') as days from kept k where k.slot = a.slot
    ) covered
    cross join unnest(tstzmultirange(tstzrange(a.since, a.until)) - covered.days) gap
), parts as (
    select k.slot, 'seller' as kind, d.owner_id::text as key, d.revenue, d.sales
    from kept k join sales_day_sums d on d.since = k.since
    where d.sales > 0 and (:sees_all or d.owner_id = :owner_id)
    union all
    select k.slot, d.kind, d.key, d.revenue, d.sales
    from kept k join sales_day_shares d on d.since = k.since
    where d.scope = case when :sees_all then 'all' else 'own' end and (:sees_all or d.owner_id = :owner_id)
    union all
    select r.slot, named.kind, named.key, sold.revenue, sold.sales
    from rest r
    cross join lateral (
        select s.owner_id, s.pipeline_id, c.state, coalesce(sum(s.total), 0) as revenue, count(*) as sales
        from sales s
        left join customers c on c.customer_id = s.customer_id
        where s.closed_at >= r.since and s.closed_at < r.until
          and s.status = 'won' and s.deleted_at is null and s.rejected_at is null
          and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
          and (:sees_all or s.owner_id = :owner_id)
        group by s.owner_id, s.pipeline_id, c.state
    ) sold
    cross join lateral (
        values ('seller', sold.owner_id::text), ('pipeline', sold.pipeline_id::text), ('state', sold.state)
    ) named (kind, key)
), grouped as (
    select kind, key,
           coalesce(sum(revenue) filter (where slot = 'now'), 0) as revenue,
           coalesce(sum(revenue) filter (where slot = 'before'), 0) as before,
           coalesce(sum(revenue) filter (where slot = 'last_year'), 0) as last_year,
           coalesce(sum(sales) filter (where slot = 'now'), 0)::bigint as sales
    from parts
    group by kind, key
)
select g.kind, g.key, coalesce(o.name, p.name, case g.kind when 'state' then g.key end, '') as name,
       g.revenue, g.before, g.last_year, g.sales
from grouped g
left join owners o on g.kind = 'seller' and o.owner_id::text = g.key
left join pipelines p on g.kind = 'pipeline' and p.pipeline_id::text = g.key
order by g.kind, g.revenue desc, g.key;

-- name: biggest_sales(since, until, sees_all, owner_id, limit)
-- The sales of a period with the highest amounts; one's own sale to a customer of somebody else has no customer_id.
select s.deal_id, case when :sees_all or c.owner_id = :owner_id then s.customer_id end as customer_id,
       coalesce(nullif(c.name, ''), s.contact_name) as customer_name, s.title,
       coalesce(o.name, '') as seller, coalesce(p.name, '') as pipeline, s.closed_at, coalesce(s.total, 0) as total
from sales s
left join customers c on c.customer_id = s.customer_id
left join owners o on o.owner_id = s.owner_id
left join pipelines p on p.pipeline_id = s.pipeline_id
where s.status = 'won' and s.deleted_at is null and s.rejected_at is null
  and s.closed_at >= :since and s.closed_at < :until
  and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
  and (:sees_all or s.owner_id = :owner_id)
order by s.total desc nulls last, s.deal_id
limit :limit;

-- name: biggest_sales_of_days(since, until, sees_all, owner_id, limit)
-- The same, looked for on the days of the highest amounts alone: each has one sale of that amount, so as many days as sales
-- are asked for tell the least that a sale must be worth.
with kept as materialized (
    select d.since, d.until
    from sales_days d
    cross join sync_state rule
    where d.since >= :since and d.until <= :until and not d.stale
      and d.usual_currency_id is not distinct from rule.usual_currency_id and d.left_out_pipelines = rule.left_out_pipelines
), peaks as materialized (
    select k.since, k.until, max(d.biggest) as biggest
    from kept k join sales_day_sums d on d.since = k.since
    where d.sales > 0 and (:sees_all or d.owner_id = :owner_id)
    group by k.since, k.until
), mark as materialized (
    select case when count(biggest) = :limit then min(biggest) end as least
    from (select biggest from peaks order by biggest desc nulls last limit :limit) highest
), looked_at as (
    select since, until from peaks cross join mark where least is null or biggest >= least
    union all
    select lower(gap), upper(gap)
    from (select coalesce(range_agg(tstzrange(since, until)), '{}') as days from kept) covered
    cross join unnest(tstzmultirange(tstzrange(:since, :until)) - covered.days) gap
)
select s.deal_id, case when :sees_all or c.owner_id = :owner_id then s.customer_id end as customer_id,
       coalesce(nullif(c.name, ''), s.contact_name) as customer_name, s.title,
       coalesce(o.name, '') as seller, coalesce(p.name, '') as pipeline, s.closed_at, coalesce(s.total, 0) as total
from looked_at l
cross join mark
cross join lateral (
    -- When they were closed stands in the index, what they are does not.
    select distinct s.closed_at from sales s
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null
      and s.closed_at >= l.since and s.closed_at < l.until and (mark.least is null or s.total >= mark.least)
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
      and (:sees_all or s.owner_id = :owner_id)
) moment
cross join lateral (
    select s.* from sales s
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null
      and s.closed_at = moment.closed_at and (mark.least is null or s.total >= mark.least)
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
      and (:sees_all or s.owner_id = :owner_id)
    order by s.total desc nulls last, s.deal_id
    limit :limit
) s
left join customers c on c.customer_id = s.customer_id
left join owners o on o.owner_id = s.owner_id
left join pipelines p on p.pipeline_id = s.pipeline_id
order by s.total desc nulls last, s.deal_id
limit :limit;

-- name: top_customers(sees_all, owner_id, limit, before_since, before_until)
-- The customers who bought most in a period, with what they bought in the period before, and whether they are in sight
-- themselves: one may sell to a customer of somebody else. In the place of customer_spans stands what was bought in the period.
select b.customer_id, coalesce(c.name, '') as customer_name, coalesce(c.state, '') as state, b.revenue, b.sales,
       earlier.revenue as before, coalesce(:sees_all or c.owner_id = :owner_id, false) as in_sight
from (select customer_id, revenue, sales from customer_spans order by revenue desc, customer_id limit :limit) b
left join customers c on c.customer_id = b.customer_id
cross join lateral (
    select coalesce(sum(s.total), 0) as revenue
    from sales s
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null and s.customer_id = b.customer_id
      and s.closed_at >= :before_since and s.closed_at < :before_until
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
      and (:sees_all or s.owner_id = :owner_id)
) earlier
order by b.revenue desc, b.customer_id;

-- name: ledger(since, until, sees_all, owner_id)^
-- What makes up the total of a period, and what is kept out of it, so that every total can be walked back to Ploomes.
with rule as (select usual_currency_id, left_out_pipelines from sync_state)
select coalesce(sum(s.total) filter (where usual), 0) as revenue,
       coalesce(sum(s.total) filter (where usual and s.customer_id is not null), 0) as with_customer,
       coalesce(sum(s.total) filter (where usual and s.customer_id is null), 0) as without_customer,
       count(*) filter (where usual and s.customer_id is null) as sales_without_customer,
       count(*) filter (where usual and s.total is null) as sales_without_amount,
       count(*) filter (where not usual and not left_out) as sales_in_other_currency,
       count(*) filter (where left_out) as sales_left_out,
       coalesce(sum(s.total) filter (where left_out and in_usual_currency), 0) as left_out_revenue
from sales s
cross join lateral (
    select is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from rule), (select left_out_pipelines from rule))
               as usual,
           coalesce(s.pipeline_id = any((select left_out_pipelines from rule)::bigint[]), false) as left_out,
           coalesce(s.currency_id = (select usual_currency_id from rule), true) as in_usual_currency
) kind
where s.status = 'won' and s.deleted_at is null and s.rejected_at is null
  and s.closed_at >= :since and s.closed_at < :until
  and (:sees_all or s.owner_id = :owner_id);

-- name: ledger_of_days(since, until, sees_all, owner_id)^
-- The same from the days that are kept, and from the deals only where none is.
with rule as (select usual_currency_id, left_out_pipelines from sync_state
), kept as materialized (
    select d.since, d.until
    from sales_days d
    cross join rule
    where d.since >= :since and d.until <= :until and not d.stale
      and d.usual_currency_id is not distinct from rule.usual_currency_id and d.left_out_pipelines = rule.left_out_pipelines
), rest as materialized (
    select lower(gap) as since, upper(gap) as until
    from (select coalesce(range_agg(tstzrange(since, until)), '{}') as days from kept) covered
    cross join unnest(tstzmultirange(tstzrange(:since, :until)) - covered.days) gap
)
select coalesce(sum(revenue), 0) as revenue, coalesce(sum(with_customer), 0) as with_customer,
       coalesce(sum(without_customer), 0) as without_customer,
       coalesce(sum(sales_without_customer), 0)::bigint as sales_without_customer,
       coalesce(sum(sales_without_amount), 0)::bigint as sales_without_amount,
       coalesce(sum(sales_in_other_currency), 0)::bigint as sales_in_other_currency,
       coalesce(sum(sales_left_out), 0)::bigint as sales_left_out,
       coalesce(sum(left_out_revenue), 0) as left_out_revenue
from (
    select d.revenue, d.with_customer, d.without_customer, d.sales_without_customer, d.sales_without_amount,
           d.sales_in_other_currency, d.sales_left_out, d.left_out_revenue
    from kept k join sales_day_ledgers d on d.since = k.since
    where :sees_all or d.owner_id = :owner_id
    union all
    select sold.*
    from rest r
    cross join lateral (
        select coalesce(sum(s.total) filter (where usual), 0), coalesce(sum(s.total) filter (where usual and s.customer_id is not null), 0),
               coalesce(sum(s.total) filter (where usual and s.customer_id is null), 0),
               count(*) filter (where usual and s.customer_id is null), count(*) filter (where usual and s.total is null),
               count(*) filter (where not usual and not left_out), count(*) filter (where left_out),
               coalesce(sum(s.total) filter (where left_out and in_usual_currency), 0)
        from sales s
        cross join lateral (
            select is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from rule), (select left_out_pipelines from rule)),
                   coalesce(s.pipeline_id = any((select left_out_pipelines from rule)::bigint[]), false),
                   coalesce(s.currency_id = (select usual_currency_id from rule), true)
        ) kind (usual, left_out, in_usual_currency)
        where s.status = 'won' and s.deleted_at is null and s.rejected_at is null
          and s.closed_at >= r.since and s.closed_at < r.until
          and (:sees_all or s.owner_id = :owner_id)
    ) sold
) part;

-- name: lacks(sees_all, owner_id)^
-- What no period tells of: sales without a date, documents that are not valid, and the pipelines that are left out.
with rule as (select usual_currency_id, left_out_pipelines from sync_state)
select undated.undated_sales, undated.undated_revenue,
       (select count(*) from customers c
        where c.document_valid = false and c.deleted_at is null
          and (:sees_all or c.owner_id = :owner_id)) as invalid_documents,
       (select coalesce(array_agg(coalesce(nullif(p.name, ''), kept.pipeline_id::text) order by p.name, kept.pipeline_id), '{}')
        from rule cross join unnest(rule.left_out_pipelines) kept (pipeline_id)
        left join pipelines p on p.pipeline_id = kept.pipeline_id) as pipelines_left_out
from (
    select count(*) as undated_sales, coalesce(sum(s.total), 0) as undated_revenue
    from sales s
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null and s.closed_at is null
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from rule), (select left_out_pipelines from rule))
      and (:sees_all or s.owner_id = :owner_id)
) undated;

-- name: last_sale(until, sees_all, owner_id)^
-- The newest sale up to a moment: what an empty period points to.
select s.closed_at, coalesce(s.total, 0) as total
from sales s
where s.status = 'won' and s.deleted_at is null and s.rejected_at is null and s.closed_at < :until
  and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
  and (:sees_all or s.owner_id = :owner_id)
order by s.closed_at desc
limit 1;

-- name: sellers(sees_all, owner_id)
-- Owners by name, those who left last: what a seller filter offers. Whether each has a deal is not asked: it would cost a scan.
select o.owner_id, o.name, o.suspended
from owners o
where not o.integration and (:sees_all or o.owner_id = :owner_id)
order by o.suspended, lower(o.name), o.owner_id;

-- name: standing()^
-- What every page says of the data: their age, how the last run ended, how far an unfinished one is, what is rejected.
select (select max(opened_at) from sync_runs where state = 'succeeded') as last_sync_at,
       (select publication from sync_state) as publication,
       exists (select from customer_sales) as has_customers,
       (select count(*) from rejected_rows where closed_at is null) as rejected_rows,
       last.state, last.opened_at, last.error, coalesce(last.audit, '[]') as audit, last.customers_read, last.customers_expected, last.deals_read, last.deals_expected
from (select 1) one
left join (select * from sync_runs order by id desc limit 1) last on true;

-- name: trends(customer_ids, starts, until, sees_all, owner_id)
-- Revenue of some customers in consecutive windows, by the number of the window from 1; one without a sale has no row.
select s.customer_id, width_bucket(s.closed_at, :starts::timestamptz[]) as number, coalesce(sum(s.total), 0) as revenue
from sales s
where s.customer_id = any(:customer_ids::bigint[]) and s.status = 'won' and s.deleted_at is null and s.rejected_at is null
  and s.closed_at >= (:starts::timestamptz[])[1] and s.closed_at < :until
  and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
  and (:sees_all or s.owner_id = :owner_id)
group by 1, 2;

-- name: profile(customer_id, since, earlier, zone, sees_all, owner_id)^
-- What the page of a customer says beside the list's figures: two windows of revenue, money in open deals, the contact's dates.
select c.legal_name, c.cnpj_root, c.created_at, c.updated_at, c.placeholder,
       own.revenue, own.sales, own.earlier_revenue, own.earlier_sales, own.open_total, own.first_day
from customers c
cross join lateral (
    select coalesce(sum(s.total) filter (where won and s.closed_at >= :since), 0) as revenue,
           count(*) filter (where won and s.closed_at >= :since) as sales,
           coalesce(sum(s.total) filter (where won and s.closed_at >= :earlier and s.closed_at < :since), 0) as earlier_revenue,
           count(*) filter (where won and s.closed_at >= :earlier and s.closed_at < :since) as earlier_sales,
           coalesce(sum(s.total) filter (where s.status = 'open' and counted), 0) as open_total,
           min((s.closed_at at time zone :zone)::date) filter (where won) as first_day
    from sales s
    cross join lateral (
        select s.status = 'won' and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state)) as won,
               is_counted(null, s.pipeline_id, null, (select left_out_pipelines from sync_state)) as counted
    ) kind
    where s.customer_id = c.customer_id and s.deleted_at is null and s.rejected_at is null
      and (:sees_all or s.owner_id = :owner_id)
) own
where c.customer_id = :customer_id and (:sees_all or c.owner_id = :owner_id);

-- name: purchases(customer_id, since, zone, sees_all, owner_id)
-- The local days on which a customer bought, with what was bought on each.
select (s.closed_at at time zone :zone)::date as day, coalesce(sum(s.total), 0) as total
from sales s
where s.customer_id = :customer_id and s.status = 'won' and s.deleted_at is null and s.rejected_at is null
  and s.closed_at >= :since
  and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
  and (:sees_all or s.owner_id = :owner_id)
group by 1
order by 1;

-- name: branches(cnpj_root, since, sees_all, owner_id)
-- The establishments of one company, which share the first eight characters of the CNPJ.
select c.customer_id, c.name, c.cnpj, coalesce(c.city, '') as city, coalesce(c.state, '') as state, own.last_purchase, own.revenue
from customers c
cross join lateral (
    select max(s.closed_at) as last_purchase, coalesce(sum(s.total) filter (where s.closed_at >= :since), 0) as revenue
    from sales s
    where s.customer_id = c.customer_id and s.status = 'won' and s.deleted_at is null and s.rejected_at is null
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
      and (:sees_all or s.owner_id = :owner_id)
) own
where c.cnpj_root = :cnpj_root and c.deleted_at is null and (:sees_all or c.owner_id = :owner_id)
order by c.cnpj;
