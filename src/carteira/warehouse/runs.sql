-- name: unfinished()^
-- The one run that is not finished, if there is one.
select id, mode, fingerprint, opened_at, last_page_at, requests, accept_deletions from sync_runs
where state in ('running', 'partial');

-- name: open_run(mode, fingerprint, accept_deletions)<!
-- A new run.
insert into sync_runs (mode, state, fingerprint, accept_deletions)
values (:mode, 'running', :fingerprint, :accept_deletions)
returning id, opened_at;

-- name: resume_run(accept_deletions, run_id)!
-- The unfinished run goes on under its number.
update sync_runs
set state = 'running', slices = slices + 1, error = null, accept_deletions = accept_deletions or :accept_deletions
where id = :run_id;

-- name: expect(contacts, deals, run_id)!
-- How many rows there are to read.
update sync_runs set customers_expected = :contacts, deals_expected = :deals where id = :run_id;

-- name: leave_run(state, error, requests, throttled, seconds, audit, run_id)!
-- The run ends without publishing: partial, failed or refused.
update sync_runs
set state = :state, error = :error, requests = :requests, throttled = :throttled, seconds = seconds + :seconds,
    finished_at = case when :state = 'partial' then null else clock_timestamp() end,
    audit = coalesce(:audit::jsonb, audit)
where id = :run_id and state = 'running';

-- name: abandon_run(error, run_id)!
-- An unfinished run whose staging is of no use any more.
update sync_runs set state = 'failed', error = :error, finished_at = clock_timestamp()
where id = :run_id and state in ('running', 'partial');

-- name: succeed(requests, throttled, seconds, audit, sums, rejected, customers_changed, deals_changed, customers_deleted, deals_deleted, customer_sales_changed, run_id)!
-- The run has published.
update sync_runs
set state = 'succeeded', error = null, requests = :requests, throttled = :throttled, seconds = seconds + :seconds,
    finished_at = clock_timestamp(), audit = :audit::jsonb, sums = :sums::jsonb, rejected = :rejected,
    customers_changed = :customers_changed, deals_changed = :deals_changed,
    customers_deleted = :customers_deleted, deals_deleted = :deals_deleted,
    customer_sales_changed = :customer_sales_changed
where id = :run_id;

-- name: last_totals()^
-- What customer_sales added up to after the last publication.
select sums -> 'after' as totals from sync_runs where state = 'succeeded' order by opened_at desc, id desc limit 1;

-- name: state()^
-- What the last publications left for the next run.
select last_full_at, last_full_seconds, ploomes_user_id, ploomes_profile_id, refused_fields, usual_currency_id,
    publication
from sync_state;

-- name: entities()
-- What the last run saw of each entity.
select entity, watermark, newest, newest_id, remote_count, settled, live_rows, unexplained, hinted
from sync_entities;

-- name: recent(before, limit)
-- The last runs, newest first; `before`: those with a lower number.
select id, mode, state, opened_at, finished_at, slices, seconds, requests, throttled, pages, customers_expected,
    deals_expected, customers_read, deals_read, customers_changed, deals_changed, customers_deleted, deals_deleted,
    customer_sales_changed, rejected, error, audit, sums
from sync_runs
where :before::bigint is null or id < :before
order by id desc
limit :limit;

-- name: freshness()^
-- As of when the published rows are, and the number of the publication.
select (select max(opened_at) from sync_runs where state = 'succeeded') as last_sync_at, publication, last_full_at,
    usual_currency_id
from sync_state;

-- name: open_rejections(limit)
-- Rows that cannot be read, the newest first.
select run_id, entity, id, field, reason, raw, seen_at from rejected_rows
where closed_at is null order by seen_at desc, rejection_id desc limit :limit;

-- name: published_counts()^
-- What is published: live contacts and deals, deals by status, the sum of the won ones.
select
    (select count(*) from customers where deleted_at is null and not placeholder) as contacts,
    count(*) as deals,
    count(*) filter (where status = 'won') as won,
    count(*) filter (where status = 'lost') as lost,
    count(*) filter (where status = 'open') as open,
    coalesce(sum(total) filter (where status = 'won' and rejected_at is null), 0) as won_total
from sales where deleted_at is null;
