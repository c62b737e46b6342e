-- The customer list. A question is put together of these blocks: each reads a table customer_sales, which is the real one
-- or a common table expression of that name, made by another block. So `page` and `totals` read what `matching` leaves,
-- and `matching` reads what the two blocks at the end make of a period or of somebody's own deals, once `judged` has taken
-- what has not the status, class or cell that is asked for.

-- name: is_adopted()^
-- Whether rows may be published whose contact was never read, those of a database that was taken over.
select last_full_at is null as adopted from sync_state;

-- name: matching(sees_all, owner_id, adopted, contact_missing, name_pattern, document_pattern, has_sales, owner, states, city, minimum, root)
-- The customers that a question means, with what they may be sorted by besides.
select cs.*, c.name_key, c.city, c.state, c.owner_id
from customer_sales cs
left join customers c on c.customer_id = cs.customer_id
where (:sees_all or c.owner_id = :owner_id)
  and (:contact_missing or c.customer_id is not null)
  and (:name_pattern::text is null
       or c.name_key like :name_pattern
       or c.cnpj like :document_pattern
       or c.cpf like :document_pattern
       or (:adopted and c.customer_id is null
           and (lower(cs.customer_name) like :name_pattern or cs.customer_cnpj like :document_pattern)))
  and (:has_sales::boolean is null or (cs.total_deals > 0) = :has_sales)
  and (:owner::bigint is null or c.owner_id = :owner)
  and (:states::text[] is null or c.state = any(:states))
  and (:city::text is null or c.city = :city)
  and (:minimum::numeric is null or cs.total_revenue >= :minimum)
  and (:root::text is null or c.cnpj_root = :root);

-- name: judged(sees_all, never_bought, statuses, classes, cells, quiet_days, due_until, today, new_days, recency_days, frequencies, a_revenue, a_customer, b_revenue, b_customer)
-- The customers whom the portfolio judges so. Of those who never bought it holds no row.
select cs.*
from customer_sales cs
where (:never_bought and not exists (
        select from customer_rhythm r
        where r.customer_id = cs.customer_id and r.scope = case when :sees_all then 'all' else 'own' end))
   or cs.customer_id in (
        select r.customer_id
        from customer_rhythm r
        where r.scope = case when :sees_all then 'all' else 'own' end
          and (:statuses::text[] is null
               or portfolio_status(:today::date, :new_days, r.first_day, r.back_days[cardinality(r.back_days)], r.late_on,
                                   r.inactive_on) = any(:statuses))
          and (:classes::text[] is null
               or portfolio_class(r.year_revenue, r.customer_id, :a_revenue, :a_customer, :b_revenue, :b_customer)
                  = any(:classes))
          and (:cells::integer[] is null
               or portfolio_cell(:today::date, r.last_day, r.sales, :recency_days, :frequencies) = any(:cells))
          and (:quiet_days::integer is null or :today::date - r.last_day >= :quiet_days)
          and (:due_until::date is null or r.due_on between :today::date and :due_until::date));

-- name: totals()^
-- How many there are, and what they bought.
select count(*) as customers, coalesce(sum(total_revenue), 0) as revenue, coalesce(sum(total_deals), 0)::bigint as deals
from customer_sales;

-- name: page(sees_all, today, new_days, a_revenue, a_customer, b_revenue, b_customer, limit, offset)
-- Some of them, in order. The ids are chosen first, so that a page far down costs no look at all contacts before it.
select cs.customer_id, cs.customer_name, cs.customer_cnpj, cs.total_revenue, cs.total_deals,
       cs.average_deal_value, cs.first_purchase_date, cs.last_purchase_date, cs.open_deals, cs.lost_deals,
       cs.last_sync_at, c.kind, c.cpf, c.document_raw, c.document_valid, c.city, c.state, c.owner_id,
       o.name as owner_name, c.deleted_at,
       portfolio_status(:today::date, :new_days, r.first_day, r.back_days[cardinality(r.back_days)], r.late_on, r.inactive_on)
           as status,
       portfolio_class(r.year_revenue, r.customer_id, :a_revenue, :a_customer, :b_revenue, :b_customer) as class
from unnest(array(
    select customer_id from customer_sales
    order by total_revenue desc, customer_id
    limit :limit offset :offset
)) with ordinality as chosen (customer_id, place)
join customer_sales cs on cs.customer_id = chosen.customer_id
left join customers c on c.customer_id = chosen.customer_id
left join owners o on o.owner_id = c.owner_id
left join customer_rhythm r on r.customer_id = chosen.customer_id and r.scope = case when :sees_all then 'all' else 'own' end
order by chosen.place;

-- name: page_of_figures(limit, offset)
-- The same as `page`, and only what stands in customer_sales.
select cs.customer_id, cs.customer_name, cs.customer_cnpj, cs.total_revenue, cs.total_deals,
       cs.average_deal_value, cs.first_purchase_date, cs.last_purchase_date, cs.open_deals, cs.lost_deals, cs.last_sync_at
from unnest(array(
    select customer_id from customer_sales
    order by total_revenue desc, customer_id
    limit :limit offset :offset
)) with ordinality as chosen (customer_id, place)
join customer_sales cs on cs.customer_id = chosen.customer_id
order by chosen.place;

-- name: shared_roots()^
-- What the CNPJs of companies with more than one customer begin with, whoever may see them.
select coalesce(array_agg(cnpj_root), '{}') as roots
from (select d.cnpj_root from customers d where d.cnpj_root is not null group by d.cnpj_root having count(*) > 1) shared;

-- name: totals_of_groups(shared)^
-- How many companies there are, and what they bought: as many as customers, less those who are not the first of theirs.
select everybody.customers - coalesce(shared.surplus, 0) as companies, everybody.revenue, everybody.deals
from (
    select count(*) as customers, coalesce(sum(total_revenue), 0) as revenue, coalesce(sum(total_deals), 0)::bigint as deals
    from customer_sales
) everybody
cross join (
    select sum(members - 1)::bigint as surplus
    from (
        select count(*) as members
        from unnest(:shared::text[]) root (root)
        cross join lateral (
            select d.customer_id, d.cnpj_root from customers d where d.cnpj_root = root.root offset 0
        ) d
        join customer_sales cs on cs.customer_id = d.customer_id
        group by d.cnpj_root
    ) company
) shared;

-- name: page_of_groups(shared, sees_all, today, new_days, a_revenue, a_customer, b_revenue, b_customer, limit, offset)
-- Some companies, in order: customers who share the first eight characters of the CNPJ are added up, who has none is alone. A
-- company is called as its biggest customer; it has a seller, a city or a state where all of them have the same one. It is as
-- late as the one of them who is the least late, has come back where one bought while none was active, and has the class of a
-- customer who bought what they did (docs/segments.md). Of those who are alone no more are read than the page can need.
select g.customer_id, g.customer_name, g.customer_cnpj, g.total_revenue::numeric(18, 2), g.total_deals::integer,
       g.average_deal_value::numeric(18, 2), g.first_purchase_date, g.last_purchase_date, g.open_deals::integer,
       g.lost_deals::integer, g.last_sync_at, c.kind, c.cpf, c.document_raw, c.document_valid, g.city, g.state, g.owner_id,
       o.name as owner_name, c.deleted_at,
       portfolio_status(:today::date, :new_days, coalesce(r.first_day, several.first_day),
                        coalesce(r.back_days[cardinality(r.back_days)], several.back_on), coalesce(r.late_on, several.late_on),
                        coalesce(r.inactive_on, several.inactive_on)) as status,
       portfolio_class(coalesce(r.year_revenue, several.year_revenue), g.customer_id, :a_revenue, :a_customer, :b_revenue,
                       :b_customer) as class,
       g.members
from (
    select *, row_number() over () as place
    from (
        select * from (
            (select * from (
                select cs.customer_id, cs.customer_name, cs.customer_cnpj, cs.total_revenue,
                       cs.total_deals::bigint as total_deals, cs.average_deal_value, cs.first_purchase_date,
                       cs.last_purchase_date, cs.open_deals::bigint as open_deals, cs.lost_deals::bigint as lost_deals,
                       cs.last_sync_at, c.name_key, c.city, c.state, c.owner_id, array[cs.customer_id] as members
                from customer_sales cs
                left join customers c on c.customer_id = cs.customer_id
                where c.cnpj_root is null or c.cnpj_root <> all (:shared::text[])
            ) customer_sales
            order by total_revenue desc, customer_id
            limit :limit::bigint + :offset::bigint)
            union all
            select (array_agg(cs.customer_id order by cs.total_revenue desc, cs.customer_id))[1],
                   (array_agg(cs.customer_name order by cs.total_revenue desc, cs.customer_id))[1],
                   case count(*) when 1 then min(cs.customer_cnpj) else c.cnpj_root end,
                   sum(cs.total_revenue), sum(cs.total_deals),
                   coalesce(round(sum(cs.total_revenue) / nullif(sum(cs.total_deals), 0), 2), 0),
                   min(cs.first_purchase_date), max(cs.last_purchase_date), sum(cs.open_deals), sum(cs.lost_deals),
                   max(cs.last_sync_at), (array_agg(c.name_key order by cs.total_revenue desc, cs.customer_id))[1],
                   case when min(c.city) = max(c.city) then min(c.city) end,
                   case when min(c.state) = max(c.state) then min(c.state) end,
                   case when min(c.owner_id) = max(c.owner_id) then min(c.owner_id) end,
                   array_agg(cs.customer_id order by cs.total_revenue desc, cs.customer_id)
            from unnest(:shared::text[]) root (root)
            cross join lateral (
                -- Kept apart, or the planner would rather read all customers.
                select d.customer_id, d.cnpj_root, d.name_key, d.city, d.state, d.owner_id
                from customers d
                where d.cnpj_root = root.root
                offset 0
            ) c
            join customer_sales cs on cs.customer_id = c.customer_id
            group by c.cnpj_root
        ) customer_sales
        order by total_revenue desc, customer_id
        limit :limit offset :offset
    ) chosen
) g
left join customers c on cardinality(g.members) = 1 and c.customer_id = g.customer_id
left join owners o on o.owner_id = g.owner_id
left join customer_rhythm r on r.customer_id = c.customer_id and r.scope = case when :sees_all then 'all' else 'own' end
cross join lateral (
    select min(m.first_day) as first_day, max(m.late_on) as late_on, max(m.inactive_on) as inactive_on,
           sum(m.year_revenue) as year_revenue,
           (select max(bought_on)
            from customer_rhythm one cross join lateral unnest(one.back_days || one.first_day) bought_on
            where one.customer_id = any(g.members) and one.scope = min(m.scope) and bought_on > min(m.first_day)
              and not exists (
                select from customer_rhythm other
                where other.customer_id = any(g.members) and other.scope = one.scope and other.first_day < bought_on
                  and not exists (select from unnest(other.lost_days, other.back_days) lapse (lost_on, back_on)
                                  where lost_on < bought_on and coalesce(back_on >= bought_on, true)))) as back_on
    from customer_rhythm m
    where cardinality(g.members) > 1 and m.customer_id = any(g.members)
      and m.scope = case when :sees_all then 'all' else 'own' end
) several
order by g.place;

-- name: one_customer(customer_id, sees_all, owner_id)^
-- One customer, if it is in sight.
select cs.customer_id, cs.customer_name, cs.customer_cnpj, cs.total_revenue, cs.total_deals, cs.average_deal_value,
       cs.first_purchase_date, cs.last_purchase_date, cs.open_deals, cs.lost_deals, cs.last_sync_at,
       c.kind, c.cpf, c.document_raw, c.document_valid, c.city, c.state, c.owner_id, o.name as owner_name, c.deleted_at
from customer_sales cs
left join customers c on c.customer_id = cs.customer_id
left join owners o on o.owner_id = c.owner_id
where cs.customer_id = :customer_id and (:sees_all or c.owner_id = :owner_id);

-- name: deals_of_customer(customer_id, sees_all, owner_id)
-- The deals of one customer, the newest first; a customer out of sight has none.
select s.deal_id, s.title, s.status, s.total, s.currency_id, s.owner_id, o.name as owner_name,
       s.pipeline_id, p.name as pipeline_name, st.name as stage_name, l.name as loss_reason,
       s.created_at, s.closed_at, s.updated_at
from sales s
left join customers c on c.customer_id = s.customer_id
left join owners o on o.owner_id = s.owner_id
left join pipelines p on p.pipeline_id = s.pipeline_id
left join stages st on st.stage_id = s.stage_id
left join loss_reasons l on l.loss_reason_id = s.loss_reason_id
where s.customer_id = :customer_id and s.deleted_at is null and s.rejected_at is null
  and (:sees_all or (s.owner_id = :owner_id and c.owner_id = :owner_id))
order by coalesce(s.closed_at, s.created_at) desc nulls last, s.deal_id desc;

-- name: customer_sales_of_period()
-- customer_sales with revenue, deals and average of a period, for somebody who sees all; the rest is as it always was. In the place of
-- customer_spans stands what was bought in the period.
select cs.customer_id, cs.customer_name, cs.customer_cnpj,
       coalesce(bought.revenue, 0)::numeric(18, 2) as total_revenue,
       coalesce(bought.sales, 0)::integer as total_deals,
       coalesce(round(bought.revenue / bought.sales, 2), 0)::numeric(18, 2) as average_deal_value,
       cs.first_purchase_date, cs.last_purchase_date, cs.open_deals, cs.lost_deals, cs.last_sync_at
from customer_sales cs
left join customer_spans bought on bought.customer_id = cs.customer_id;

-- name: customer_sales_of_each(since, until)
-- The same of few: each is added up alone, and nobody else.
select cs.customer_id, cs.customer_name, cs.customer_cnpj,
       bought.revenue::numeric(18, 2) as total_revenue,
       bought.deals::integer as total_deals,
       coalesce(round(bought.revenue / nullif(bought.deals, 0), 2), 0)::numeric(18, 2) as average_deal_value,
       cs.first_purchase_date, cs.last_purchase_date, cs.open_deals, cs.lost_deals, cs.last_sync_at
from customer_sales cs
cross join lateral (
    select coalesce(sum(s.total), 0) as revenue, count(*) as deals
    from sales s
    where s.customer_id = cs.customer_id and s.status = 'won' and s.deleted_at is null and s.rejected_at is null
      and s.closed_at >= :since and s.closed_at < :until
      and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state))
) bought;

-- name: customer_sales_of_owner(owner_id, since, until)
-- customer_sales of one owner's customers, made of that owner's deals alone; with a period as above, without one of always.
select cs.customer_id, cs.customer_name, cs.customer_cnpj,
       own.revenue::numeric(18, 2) as total_revenue, own.deals::integer as total_deals,
       coalesce(round(own.revenue / nullif(own.deals, 0), 2), 0)::numeric(18, 2) as average_deal_value,
       own.first_purchase_date, own.last_purchase_date, own.open_deals::integer as open_deals,
       own.lost_deals::integer as lost_deals, cs.last_sync_at
from customers c
join customer_sales cs on cs.customer_id = c.customer_id
cross join lateral (
    select coalesce(sum(s.total) filter (where counted), 0) as revenue,
           count(*) filter (where counted) as deals,
           min(s.closed_at) filter (where won) as first_purchase_date,
           max(s.closed_at) filter (where won) as last_purchase_date,
           count(*) filter (where s.status = 'open' and told) as open_deals,
           count(*) filter (where s.status = 'lost' and told) as lost_deals
    from sales s
    cross join lateral (
        select s.status = 'won' and is_counted(s.currency_id, s.pipeline_id, (select usual_currency_id from sync_state), (select left_out_pipelines from sync_state)) as won,
               is_counted(null, s.pipeline_id, null, (select left_out_pipelines from sync_state)) as told
    ) kind
    cross join lateral (
        select won and (:since::timestamptz is null or (s.closed_at >= :since and s.closed_at < :until)) as counted
    ) dated
    where s.customer_id = c.customer_id and s.owner_id = :owner_id
      and s.deleted_at is null and s.rejected_at is null
) own
where c.owner_id = :owner_id;
