-- name: alone()!
-- Everybody who writes published tables waits here for everybody else, until the transaction ends. What follows sorts
-- whole tables, which should not go to disk for 30,000 rows; compiling its queries would take longer than running them,
-- and a rough count of what came is enough for them.
select pg_advisory_xact_lock(hashtext('carteira.publish'), hashtext(current_schema())),
    set_config('jit', 'off', true),
    set_config('default_statistics_target', '10', true),
    set_config('work_mem', greatest(pg_size_bytes(current_setting('work_mem')) / 1024, 32768)::text, true);

-- name: days_change()!
-- The days of the deals that are staged, as they were and as they will be, are no longer what was added up; nor are those of the
-- deals of a contact who moves to another state.
update sales_days
set stale = true
where not stale and since in (
    select day.since
    from (
        select closed_at from staged_sales
        union all select sales.closed_at from sales join staged_sales using (deal_id)
        union all select closed_at from sales join staged_absences on entity = 'deals' and id = deal_id
        union all select closed_at from sales join staged_rejections on entity = 'deals' and id = deal_id
        union all select sold.closed_at from staged_customers staged
            left join customers published on published.customer_id = staged.customer_id
            cross join lateral (
                -- Looked up for each, or the planner, who expects many, would read every deal.
                select closed_at from sales
                where sales.customer_id = staged.customer_id and deleted_at is null and rejected_at is null
                offset 0
            ) sold
            where published.state is distinct from staged.state
    ) changing
    -- No two overlap, so it is the last one that begins by then or none.
    cross join lateral (
        select since, until from sales_days where since <= changing.closed_at order by since desc limit 1
    ) day
    where day.until > changing.closed_at);

-- name: all_days_change()!
-- After a full read any day may be another.
update sales_days set stale = true where not stale;

-- name: touched()^
-- Whose customer_sales may change: old and new customer of every deal, and every contact, that is staged.
select array(
    select customer_id from staged_sales where customer_id is not null
    union select sales.customer_id from sales join staged_sales using (deal_id) where sales.customer_id is not null
    union select customer_id from sales join staged_absences on entity = 'deals' and id = deal_id
        where customer_id is not null
    union select customer_id from sales join staged_rejections on entity = 'deals' and id = deal_id
        where customer_id is not null
    union select customer_id from staged_customers
    union select id from staged_absences where entity = 'contacts'
    union select id from staged_rejections where entity = 'contacts'
) as customer_ids;

-- name: becoming_live()^
-- How many rows will be live that are not, and how many live ones will go.
select
    (select count(distinct customer_id) from staged_customers staged
     where not exists (select from customers published where published.customer_id = staged.customer_id
                       and deleted_at is null and not placeholder)
     and not exists (select from staged_absences where entity = 'contacts' and id = staged.customer_id)
     and not exists (select from staged_rejections rejected where entity = 'contacts'
                     and id = staged.customer_id and rejected.reading > staged.reading)) as customers,
    (select count(distinct deal_id) from staged_sales staged
     where not exists (select from sales published where published.deal_id = staged.deal_id and deleted_at is null)
     and not exists (select from staged_absences where entity = 'deals' and id = staged.deal_id)
     and not exists (select from staged_rejections rejected where entity = 'deals'
                     and id = staged.deal_id and rejected.reading > staged.reading)) as deals;

-- name: merge_customers()!
-- The latest reading of every staged contact, unless a newer one is published; none is newer than the time of reading.
-- Nobody else writes meanwhile (`alone`), so that rows need no lock for being looked at, as `on conflict` gives them.
with read as (
    select distinct on (customer_id) staged.* from staged_customers staged
    where not exists (select from staged_absences where entity = 'contacts' and id = staged.customer_id)
    order by customer_id, reading desc
), latest as (
    select * from read
    where not exists (select from staged_rejections rejected where entity = 'contacts'
                      and id = read.customer_id and rejected.reading > read.reading)
)
merge into customers as published
using latest on published.customer_id = latest.customer_id
when matched and (
    published.deleted_at is not null or published.updated_at is null
    or latest.updated_at >= published.updated_at
    or published.updated_at > (select greatest(server_now, hinted_until) from sync_openings
                               join sync_entities using (entity) where entity = 'contacts')
) and (
    published.name, published.legal_name, published.kind, published.cnpj,
    published.cnpj_root, published.cpf, published.document_raw, published.document_valid, published.city,
    published.state, published.owner_id, published.created_at, published.updated_at, published.deleted_at,
    published.rejected_at, published.placeholder
) is distinct from (
    latest.name, latest.legal_name, latest.kind, latest.cnpj, latest.cnpj_root, latest.cpf,
    latest.document_raw, latest.document_valid, latest.city, latest.state, latest.owner_id, latest.created_at,
    latest.updated_at, null::timestamptz, null::timestamptz, false
) then update set
    name = latest.name,
    name_key = latest.name_key,
    legal_name = latest.legal_name,
    kind = latest.kind,
    cnpj = latest.cnpj,
    cnpj_root = latest.cnpj_root,
    cpf = latest.cpf,
    document_raw = latest.document_raw,
    document_valid = latest.document_valid,
    city = latest.city,
    state = latest.state,
    owner_id = latest.owner_id,
    created_at = latest.created_at,
    updated_at = latest.updated_at,
    deleted_at = null,
    rejected_at = null,
    placeholder = false
when not matched then insert (
    customer_id, name, name_key, legal_name, kind, cnpj, cnpj_root, cpf, document_raw, document_valid, city,
    state, owner_id, created_at, updated_at)
values (
    latest.customer_id, latest.name, latest.name_key, latest.legal_name, latest.kind, latest.cnpj,
    latest.cnpj_root, latest.cpf, latest.document_raw, latest.document_valid, latest.city, latest.state,
    latest.owner_id, latest.created_at, latest.updated_at);

-- name: merge_sales()!
-- The same of every staged deal.
with read as (
    select distinct on (deal_id) staged.* from staged_sales staged
    where not exists (select from staged_absences where entity = 'deals' and id = staged.deal_id)
    order by deal_id, reading desc
), latest as (
    select * from read
    where not exists (select from staged_rejections rejected where entity = 'deals'
                      and id = read.deal_id and rejected.reading > read.reading)
)
merge into sales as published
using latest on published.deal_id = latest.deal_id
when matched and (
    published.deleted_at is not null or published.updated_at is null
    or latest.updated_at >= published.updated_at
    or published.updated_at > (select greatest(server_now, hinted_until) from sync_openings
                               join sync_entities using (entity) where entity = 'deals')
) and (
    published.customer_id, published.contact_name, published.title, published.total, published.currency_id,
    published.status, published.owner_id, published.pipeline_id, published.stage_id, published.loss_reason_id,
    published.created_at, published.closed_at, published.updated_at, published.deleted_at,
    published.rejected_at
) is distinct from (
    latest.customer_id, latest.contact_name, latest.title, latest.total, latest.currency_id, latest.status,
    latest.owner_id, latest.pipeline_id, latest.stage_id, latest.loss_reason_id, latest.created_at,
    latest.closed_at, latest.updated_at, null::timestamptz, null::timestamptz
) then update set
    customer_id = latest.customer_id,
    contact_name = latest.contact_name,
    title = latest.title,
    total = latest.total,
    currency_id = latest.currency_id,
    status = latest.status,
    owner_id = latest.owner_id,
    pipeline_id = latest.pipeline_id,
    stage_id = latest.stage_id,
    loss_reason_id = latest.loss_reason_id,
    created_at = latest.created_at,
    closed_at = latest.closed_at,
    updated_at = latest.updated_at,
    deleted_at = null,
    rejected_at = null
when not matched then insert (
    deal_id, customer_id, contact_name, title, total, currency_id, status, owner_id, pipeline_id, stage_id,
    loss_reason_id, created_at, closed_at, updated_at)
values (
    latest.deal_id, latest.customer_id, latest.contact_name, latest.title, latest.total, latest.currency_id,
    latest.status, latest.owner_id, latest.pipeline_id, latest.stage_id, latest.loss_reason_id,
    latest.created_at, latest.closed_at, latest.updated_at);

-- name: nothing_published()^
-- Whether there is no deal yet, not even a deleted one.
select not exists (select from sales) as nothing;

-- name: first_sales()!
-- The same where there is none to compare with, which MERGE takes an eighth longer to find out.
with read as (
    select distinct on (deal_id) staged.* from staged_sales staged
    where not exists (select from staged_absences where entity = 'deals' and id = staged.deal_id)
    order by deal_id, reading desc
)
insert into sales (
    deal_id, customer_id, contact_name, title, total, currency_id, status, owner_id, pipeline_id, stage_id,
    loss_reason_id, created_at, closed_at, updated_at)
select
    deal_id, customer_id, contact_name, title, total, currency_id, status, owner_id, pipeline_id, stage_id,
    loss_reason_id, created_at, closed_at, updated_at
from read
where not exists (select from staged_rejections rejected where entity = 'deals'
                  and id = read.deal_id and rejected.reading > read.reading);

-- name: count_anew()!
-- After many rows came, what the planner has to know for the rest of this transaction and the first minute after it:
-- that hardly any is deleted. Without, it expects next to none that is not.
analyze customers (deleted_at, rejected_at, placeholder), sales (customer_id, deleted_at, rejected_at), sync_state;

-- name: tombstone(opened_at)^
-- Rows that Ploomes no longer has leave every total.
with gone_customers as (
    update customers set deleted_at = :opened_at, rejected_at = null
    from staged_absences where entity = 'contacts' and id = customer_id and deleted_at is null and not placeholder
    returning 1
), gone_sales as (
    update sales set deleted_at = :opened_at, rejected_at = null
    from staged_absences where entity = 'deals' and id = deal_id and deleted_at is null
    returning 1
)
select (select count(*) from gone_customers) as customers, (select count(*) from gone_sales) as deals;

-- name: flag_rejected(opened_at, full, run_id)^
-- Published rows of which Ploomes holds a version that cannot be read: out of the totals, and said so.
with current as (
    select distinct on (entity, id) entity, id, field, reason, raw from staged_rejections rejected
    where not exists (select from staged_sales staged where rejected.entity = 'deals'
                      and staged.deal_id = rejected.id and staged.reading > rejected.reading)
    and not exists (select from staged_customers staged where rejected.entity = 'contacts'
                    and staged.customer_id = rejected.id and staged.reading > rejected.reading)
    and not exists (select from staged_absences gone where gone.entity = rejected.entity and gone.id = rejected.id)
    order by entity, id, reading desc
), flagged_customers as (
    update customers set rejected_at = :opened_at
    from current where entity = 'contacts' and id = customer_id and rejected_at is null
    returning 1
), flagged_sales as (
    update sales set rejected_at = :opened_at
    from current where entity = 'deals' and id = deal_id and rejected_at is null
    returning 1
), readable_again as (
    update rejected_rows set closed_at = :opened_at
    where closed_at is null
    and not exists (select from current where current.entity = rejected_rows.entity and current.id = rejected_rows.id)
    and (
        :full
        or exists (select from staged_sales where rejected_rows.entity = 'deals' and deal_id = rejected_rows.id)
        or exists (select from staged_customers where rejected_rows.entity = 'contacts'
                   and customer_id = rejected_rows.id)
        or exists (select from staged_absences gone where gone.entity = rejected_rows.entity
                   and gone.id = rejected_rows.id))
    returning 1
), opened as (
    insert into rejected_rows as known (run_id, entity, id, field, reason, raw)
    select :run_id, entity, id, field, reason, raw from current
    on conflict (entity, id) where closed_at is null do update set
        run_id = excluded.run_id, field = excluded.field, reason = excluded.reason, raw = excluded.raw
    where (known.field, known.reason, known.raw) is distinct from (excluded.field, excluded.reason, excluded.raw)
    returning 1
)
select
    (select count(*) from current) as rejected,
    (select count(*) from flagged_customers) + (select count(*) from flagged_sales)
        + (select count(*) from readable_again) + (select count(*) from opened) as changed;

-- name: nameless_contacts()
-- Contacts that live deals name and that are not here, or only as placeholders of another name: by their newest deals.
select newest.customer_id, newest.contact_name
from (
    select distinct on (sales.customer_id) sales.customer_id, sales.contact_name, customers.name
    from sales
    left join customers on customers.customer_id = sales.customer_id
    where sales.customer_id is not null and sales.deleted_at is null and sales.rejected_at is null
    and (customers.customer_id is null or customers.placeholder)
    order by sales.customer_id, sales.updated_at desc, sales.deal_id desc
) newest
where newest.name is distinct from newest.contact_name;

-- name: nameless_among(customer_ids)
-- The same of some contacts; the deals of those that have a name of their own are not looked at.
select touched.customer_id, newest.contact_name
from unnest(:customer_ids::bigint[]) touched (customer_id)
left join customers on customers.customer_id = touched.customer_id
cross join lateral (
    select contact_name from sales
    where sales.customer_id = touched.customer_id and deleted_at is null and rejected_at is null
    order by updated_at desc, deal_id desc
    limit 1
) newest
where (customers.customer_id is null or customers.placeholder)
and customers.name is distinct from newest.contact_name;

-- name: put_placeholder(customer_id, name, name_key)*!
-- A contact that is known only by the deals that name it.
insert into customers (customer_id, name, name_key, kind, placeholder)
values (:customer_id, :name, :name_key, 'company', true)
on conflict (customer_id) do update set name = excluded.name, name_key = excluded.name_key
where customers.placeholder;

-- name: merge_look_ups()^
-- The names behind numbers; a number without a name gets an empty one, so that it is not asked for at every run.
with named as (
    select distinct owner_id, pipeline_id, stage_id, loss_reason_id from staged_sales
    union all select distinct owner_id, null::bigint, null::bigint, null::bigint from staged_customers
), put_owners as (
    insert into owners as known (owner_id, name, suspended, integration)
    select id, name, suspended, integration from staged_look_ups where kind = 'owners'
    union all
    select distinct owner_id, '', false, false from named
    where owner_id is not null
    and not exists (select from staged_look_ups where kind = 'owners' and id = named.owner_id)
    and not exists (select from owners where owners.owner_id = named.owner_id)
    on conflict (owner_id) do update set
        name = excluded.name, suspended = excluded.suspended, integration = excluded.integration
    where (known.name, known.suspended, known.integration)
        is distinct from (excluded.name, excluded.suspended, excluded.integration)
    returning 1
), put_pipelines as (
    insert into pipelines as known (pipeline_id, name, archived)
    select id, name, archived from staged_look_ups where kind = 'pipelines'
    union all
    select distinct pipeline_id, '', false from named
    where pipeline_id is not null
    and not exists (select from staged_look_ups where kind = 'pipelines' and id = named.pipeline_id)
    and not exists (select from pipelines where pipelines.pipeline_id = named.pipeline_id)
    on conflict (pipeline_id) do update set name = excluded.name, archived = excluded.archived
    where (known.name, known.archived) is distinct from (excluded.name, excluded.archived)
    returning 1
), put_stages as (
    insert into stages as known (stage_id, pipeline_id, name, position)
    select id, pipeline_id, name, position from staged_look_ups where kind = 'stages'
    union all
    select distinct stage_id, null::bigint, '', null::integer from named
    where stage_id is not null
    and not exists (select from staged_look_ups where kind = 'stages' and id = named.stage_id)
    and not exists (select from stages where stages.stage_id = named.stage_id)
    on conflict (stage_id) do update set
        pipeline_id = excluded.pipeline_id, name = excluded.name, position = excluded.position
    where (known.pipeline_id, known.name, known.position)
        is distinct from (excluded.pipeline_id, excluded.name, excluded.position)
    returning 1
), put_loss_reasons as (
    insert into loss_reasons as known (loss_reason_id, name)
    select id, name from staged_look_ups where kind = 'loss_reasons'
    union all
    select distinct loss_reason_id, '' from named
    where loss_reason_id is not null
    and not exists (select from staged_look_ups where kind = 'loss_reasons' and id = named.loss_reason_id)
    and not exists (select from loss_reasons where loss_reasons.loss_reason_id = named.loss_reason_id)
    on conflict (loss_reason_id) do update set name = excluded.name
    where known.name is distinct from excluded.name
    returning 1
)
select
    (select count(*) from put_owners) + (select count(*) from put_pipelines)
    + (select count(*) from put_stages) + (select count(*) from put_loss_reasons) as changed;

-- name: deals_held()^
-- Of the published deals, in one pass: the currency of most won ones, which is the account's own; what the won ones that
-- can be read add up to; how many there are.
with held as (
    select currency_id, count(*) as deals, count(*) filter (where status = 'won') as won,
        sum(total) filter (where status = 'won' and rejected_at is null) as total
    from sales where deleted_at is null
    group by currency_id
)
select
    (select currency_id from held where currency_id is not null and won > 0 order by won desc, currency_id limit 1)
        as usual_currency_id,
    coalesce(sum(total), 0) as won_total, coalesce(sum(deals), 0)::bigint as live
from held;

-- name: read_total()^
-- What the won deals of a full read add up to, the latest reading of each.
with latest as (
    select distinct on (deal_id) deal_id, reading, total, status from staged_sales staged
    where not exists (select from staged_absences where entity = 'deals' and id = staged.deal_id)
    order by deal_id, reading desc
)
select coalesce(sum(total), 0) as total from latest
where status = 'won' and not exists (
    select from staged_rejections rejected
    where entity = 'deals' and id = latest.deal_id and rejected.reading > latest.reading);

-- name: close_entities(settling, full, deals, customers, hinted_deals, hinted_contacts)!
-- What the next run starts from; what hints published while this one read is in no count that it took.
update sync_entities
set watermark = opened.watermark, newest = opened.newest, newest_id = opened.newest_id,
    remote_count = opened.remote_count, unexplained = opened.unexplained,
    settled = coalesce(opened.newest < opened.server_now - make_interval(secs => :settling), true)
        and hinted = case sync_entities.entity when 'deals' then :hinted_deals::bigint else :hinted_contacts::bigint end,
    hinted = 0,
    live_rows = case
        when :full and sync_entities.entity = 'deals' then :deals
        when :full then (select count(*) from customers where deleted_at is null and not placeholder)
        else live_rows + case sync_entities.entity when 'deals' then :deals::bigint else :customers::bigint end end
from sync_openings opened
where opened.entity = sync_entities.entity;

-- name: close_state(changed, usual_currency_id, full, opened_at, seconds, ploomes_user_id, ploomes_profile_id, refused_fields)^
-- What the pages and the next run look at.
update sync_state
set publication = publication + case when :changed then 1 else 0 end,
    usual_currency_id = :usual_currency_id,
    last_full_at = case when :full then :opened_at else last_full_at end,
    last_full_seconds = case when :full then :seconds else last_full_seconds end,
    ploomes_user_id = coalesce(:ploomes_user_id, ploomes_user_id),
    ploomes_profile_id = case when :ploomes_user_id::bigint is null then ploomes_profile_id else :ploomes_profile_id end,
    refused_fields = :refused_fields
returning publication;

-- name: republished()!
-- Published rows changed outside of a run.
update sync_state set publication = publication + 1;

-- name: usual_currency_is(usual_currency_id)!
-- Before customer_sales is derived.
update sync_state set usual_currency_id = :usual_currency_id;
