-- What each customer bought in a quarter or a year, derived from `sales` and kept, where there are so many deals that to read them
-- takes long. A question of a period puts one of the `bought` blocks in the place of customer_spans.

-- name: wanting(starts, ends)
-- Which of these spans are not kept or no longer good, the newest first.
select w.since, w.until
from unnest(:starts::timestamptz[], :ends::timestamptz[]) as w (since, until)
cross join sync_state rule
left join sales_spans k on k.since = w.since and k.until = w.until and not k.stale
    and k.usual_currency_id is not distinct from rule.usual_currency_id and k.left_out_pipelines = rule.left_out_pipelines
where k.since is null
order by w.until desc, w.since desc;

-- name: drop_others(starts, ends)!
-- Spans as another time zone has them.
delete from sales_spans k
where not exists (select from unnest(:starts::timestamptz[], :ends::timestamptz[]) as w (since, until)
                  where w.since = k.since and w.until = k.until);

-- name: keep(since, until)^
-- This span is good from now on, for whoever sees this transaction.
insert into sales_spans as known (since, until, usual_currency_id, left_out_pipelines)
select :since, :until, usual_currency_id, left_out_pipelines from sync_state
on conflict (since, until) do update set
    stale = false, usual_currency_id = excluded.usual_currency_id, left_out_pipelines = excluded.left_out_pipelines
returning span_id;

-- name: derive(span_id, since, until)!
-- What everybody bought in a span; rows that do not differ are not written.
with derived as materialized (
    select customer_id, coalesce(sum(total), 0) as revenue, count(*)::integer as sales
    from sales
    where closed_at >= :since and closed_at < :until and status = 'won' and deleted_at is null and rejected_at is null
      and customer_id is not null
      and is_counted(currency_id, pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
    group by customer_id
), removed as (
    delete from customer_spans kept
    where span_id = :span_id and not exists (select from derived where derived.customer_id = kept.customer_id)
)
insert into customer_spans as kept (span_id, customer_id, revenue, sales)
select :span_id, customer_id, revenue, sales from derived
on conflict (span_id, customer_id) do update set revenue = excluded.revenue, sales = excluded.sales
where (kept.revenue, kept.sales) is distinct from (excluded.revenue, excluded.sales);

-- name: follow(customer_ids)!
-- What these customers bought in every span that is kept and good. The spans overlap, so their deals are added up between one edge of
-- a span and the next, and those pieces in the spans.
with good as materialized (
    select span_id, since, until from sales_spans where not stale
), edges as materialized (
    select array_agg(distinct edge order by edge) as edges from good cross join lateral unnest(array[since, until]) edge
), pieces as materialized (
    select s.customer_id, width_bucket(s.closed_at, edges) as piece, coalesce(sum(s.total), 0) as revenue, count(*) as sales
    from edges
    cross join unnest(:customer_ids::bigint[]) touched (customer_id)
    join sales s on s.customer_id = touched.customer_id
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null and s.closed_at >= edges[1]
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state),
                     (select left_out_pipelines from sync_state))
    group by 1, 2
), derived as materialized (
    select g.span_id, p.customer_id, sum(p.revenue) as revenue, sum(p.sales)::integer as sales
    from pieces p
    cross join edges
    join good g on g.since <= edges[p.piece] and g.until > edges[p.piece]
    group by 1, 2
), removed as (
    delete from customer_spans kept
    where span_id = any(array(select span_id from good)) and customer_id = any(:customer_ids::bigint[])
      and not exists (select from derived where derived.span_id = kept.span_id and derived.customer_id = kept.customer_id)
)
insert into customer_spans as kept (span_id, customer_id, revenue, sales)
select span_id, customer_id, revenue, sales from derived
on conflict (span_id, customer_id) do update set revenue = excluded.revenue, sales = excluded.sales
where (kept.revenue, kept.sales) is distinct from (excluded.revenue, excluded.sales);

-- name: all_change()!
-- Anybody's deals may be others.
update sales_spans set stale = true where not stale;

-- name: good(starts, ends)
-- Which of these spans may be read.
select k.since, k.until, k.span_id
from unnest(:starts::timestamptz[], :ends::timestamptz[]) as w (since, until)
join sales_spans k on k.since = w.since and k.until = w.until and not k.stale
join sync_state rule on k.usual_currency_id is not distinct from rule.usual_currency_id
    and k.left_out_pipelines = rule.left_out_pipelines;

-- name: bought(since, until, sees_all, owner_id)
-- What each customer bought in a period, deal by deal.
select s.customer_id, coalesce(sum(s.total), 0) as revenue, count(*) as sales
from sales s
where s.status = 'won' and s.deleted_at is null and s.rejected_at is null and s.customer_id is not null
  and s.closed_at >= :since and s.closed_at < :until
  and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
  and (:sees_all or s.owner_id = :owner_id)
group by s.customer_id;

-- name: bought_in_span(span_id)
-- The same of a period that is a span.
select customer_id, revenue, sales from customer_spans where span_id = :span_id;

-- name: bought_in_spans(span_ids, edge_starts, edge_ends, edge_signs)
-- The same of a period that is nearly made of spans: with the deals at its edges, which are added, or taken away where the spans
-- reach farther than the period.
select customer_id, sum(revenue) as revenue, sum(sales)::bigint as sales
from (
    select customer_id, revenue, sales from customer_spans where span_id = any(:span_ids::integer[])
    union all
    select s.customer_id, e.sign * coalesce(s.total, 0), e.sign
    from unnest(:edge_starts::timestamptz[], :edge_ends::timestamptz[], :edge_signs::integer[]) as e (since, until, sign)
    join sales s on s.closed_at >= e.since and s.closed_at < e.until
    where s.status = 'won' and s.deleted_at is null and s.rejected_at is null and s.customer_id is not null
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state),
                     (select left_out_pipelines from sync_state))
) part
group by customer_id
having sum(sales) > 0;
