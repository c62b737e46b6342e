-- name: add_read(run_id, entity, phase, part, since, after_id, upto_id, done, rows_read)!
-- A part of a read: which Ids of which entity, changed since when.
insert into staged_reads (run_id, entity, phase, part, since, after_id, upto_id, done, rows_read)
values (:run_id, :entity, :phase, :part, :since, :after_id, :upto_id, :done, :rows_read);

-- name: advance_reads(marks, pages, requests, throttled, customers, deals, run_id)!
-- How far some parts got: everything up to `after_id` is staged; and what that added to the run.
with counted as (
    update sync_runs
    set pages = pages + :pages, requests = :requests, throttled = :throttled, last_page_at = clock_timestamp(),
        customers_read = customers_read + :customers, deals_read = deals_read + :deals
    where id = :run_id
)
update staged_reads as read
set after_id = mark.after_id, done = mark.done, rows_read = read.rows_read + mark.rows_read
from jsonb_to_recordset(:marks::jsonb)
    as mark (entity text, phase text, part integer, after_id bigint, done boolean, rows_read bigint)
where (read.entity, read.phase, read.part) = (mark.entity, mark.phase, mark.part);

-- name: reads()
-- The parts of the unfinished run's reads.
select entity, phase, part, since, after_id, upto_id, done, rows_read from staged_reads order by entity, phase, part;

-- name: reject(entity, id, field, reason, raw)*!
-- A row that could not be read.
insert into staged_rejections (entity, id, field, reason, raw) values (:entity, :id, :field, :reason, :raw);

-- name: add_look_up(kind, id, name, pipeline_id, position, suspended, integration, archived)*!
-- A name behind a number.
insert into staged_look_ups (kind, id, name, pipeline_id, position, suspended, integration, archived)
values (:kind, :id, :name, :pipeline_id, :position, :suspended, :integration, :archived);

-- name: staged_look_up_kinds()
-- Which look-ups this run has read already.
select distinct kind from staged_look_ups;

-- name: unknown_look_ups()
-- Kinds of look-up of which a staged row names a number that nobody knows.
select 'owners' as kind where exists (
    select from (select owner_id from staged_sales union select owner_id from staged_customers) named
    where owner_id is not null and not exists (select from owners where owners.owner_id = named.owner_id))
union all select 'pipelines' where exists (
    select from staged_sales named
    where pipeline_id is not null and not exists (select from pipelines where pipelines.pipeline_id = named.pipeline_id))
union all select 'stages' where exists (
    select from staged_sales named
    where stage_id is not null and not exists (select from stages where stages.stage_id = named.stage_id))
union all select 'loss_reasons' where exists (
    select from staged_sales named
    where loss_reason_id is not null
    and not exists (select from loss_reasons where loss_reasons.loss_reason_id = named.loss_reason_id));

-- name: open_entity(entity, run_id, newest, newest_id, remote_count, server_now, watermark)!
-- What an entity was when the run opened.
insert into sync_openings (entity, run_id, newest, newest_id, remote_count, server_now, watermark)
values (:entity, :run_id, :newest, :newest_id, :remote_count, :server_now, :watermark);

-- name: begin_catch_up(newest, newest_id, remote_count, server_now, entity)!
-- A catch-up read begins, and this is what Ploomes was just before: kept, as the read may take several slices.
update sync_openings
set closing_newest = :newest, closing_newest_id = :newest_id, closing_count = :remote_count,
    closing_server_now = :server_now
where entity = :entity;

-- name: catch_up_under_way(entity)^
-- What Ploomes was before the catch-up that is under way.
select closing_newest, closing_newest_id, closing_count, closing_server_now from sync_openings
where entity = :entity and closing_count is not null;

-- name: end_catch_up(watermark, entity)!
-- A catch-up read is whole: the next run's watermark may follow where it began.
update sync_openings
set newest = closing_newest, newest_id = closing_newest_id, remote_count = closing_count,
    server_now = closing_server_now, watermark = :watermark, closing_count = null
where entity = :entity;

-- name: close_entity(unexplained, entity)!
-- How many rows more are here than Ploomes counts, after all.
update sync_openings set unexplained = :unexplained where entity = :entity;

-- name: openings()
-- What the unfinished run saw of each entity.
select entity, newest, newest_id, remote_count, server_now from sync_openings;

-- name: missing_deals()^
-- Published deals that a full read did not find, as 8-byte integers in ascending order.
select string_agg(int8send(deal_id), ''::bytea order by deal_id) as ids from sales
where deleted_at is null
and not exists (select from staged_sales staged where staged.deal_id = sales.deal_id)
and not exists (select from staged_rejections r where r.entity = 'deals' and r.id = sales.deal_id)
and not exists (select from staged_absences a where a.entity = 'deals' and a.id = sales.deal_id);

-- name: missing_contacts()^
-- Published contacts that a full read did not find, as 8-byte integers in ascending order.
select string_agg(int8send(customer_id), ''::bytea order by customer_id) as ids from customers
where deleted_at is null and not placeholder
and not exists (select from staged_customers staged where staged.customer_id = customers.customer_id)
and not exists (select from staged_rejections r where r.entity = 'contacts' and r.id = customers.customer_id)
and not exists (select from staged_absences a where a.entity = 'contacts' and a.id = customers.customer_id);

-- name: known_deals(full)^
-- The deals that Ploomes should have, if all that is here is right, as 8-byte integers in ascending order.
select string_agg(int8send(id), ''::bytea order by id) as ids from (
    select deal_id as id from sales where deleted_at is null and not :full
    union select deal_id from staged_sales
    union select id from staged_rejections where entity = 'deals'
    union select id from rejected_rows where entity = 'deals' and closed_at is null and not :full
    except select id from staged_absences where entity = 'deals'
) known;

-- name: known_contacts(full)^
-- The same for contacts; placeholders are not Ploomes'.
select string_agg(int8send(id), ''::bytea order by id) as ids from (
    select customer_id as id from customers where deleted_at is null and not placeholder and not :full
    union select customer_id from staged_customers
    union select id from staged_rejections where entity = 'contacts'
    union select id from rejected_rows where entity = 'contacts' and closed_at is null and not :full
    except select id from staged_absences where entity = 'contacts'
) known;

-- name: new_deals()^
-- How many staged or rejected deals are not among the published ones, and how many of those will go.
select
    (select count(*) from (
        select deal_id as id from staged_sales
        union select id from staged_rejections where entity = 'deals'
        union select id from rejected_rows where entity = 'deals' and closed_at is null
     ) seen
     where not exists (select from sales where sales.deal_id = seen.id and deleted_at is null)
     and not exists (select from staged_absences a where a.entity = 'deals' and a.id = seen.id)) as fresh,
    (select count(*) from staged_absences a join sales on sales.deal_id = a.id and deleted_at is null
     where a.entity = 'deals') as gone,
    (select live_rows from sync_entities where entity = 'deals') as live;

-- name: new_contacts()^
-- The same for contacts.
select
    (select count(*) from (
        select customer_id as id from staged_customers
        union select id from staged_rejections where entity = 'contacts'
        union select id from rejected_rows where entity = 'contacts' and closed_at is null
     ) seen
     where not exists (
        select from customers where customers.customer_id = seen.id and deleted_at is null and not placeholder)
     and not exists (select from staged_absences a where a.entity = 'contacts' and a.id = seen.id)) as fresh,
    (select count(*) from staged_absences a
     join customers on customers.customer_id = a.id and deleted_at is null and not placeholder
     where a.entity = 'contacts') as gone,
    (select live_rows from sync_entities where entity = 'contacts') as live;

-- name: staged_deals()^
-- How many deals a full read holds, readable or not, without those that are gone again.
select
    (select count(distinct deal_id) from staged_sales
     where not exists (select from staged_absences where entity = 'deals' and id = deal_id))
    + (select count(distinct id) from staged_rejections rejected
       where entity = 'deals' and not exists (select from staged_sales where deal_id = rejected.id)
       and not exists (select from staged_absences gone where gone.entity = 'deals' and gone.id = rejected.id)) as seen;

-- name: staged_contacts()^
-- The same for contacts.
select
    (select count(distinct customer_id) from staged_customers
     where not exists (select from staged_absences where entity = 'contacts' and id = customer_id))
    + (select count(distinct id) from staged_rejections rejected
       where entity = 'contacts' and not exists (select from staged_customers where customer_id = rejected.id)
       and not exists (select from staged_absences gone where gone.entity = 'contacts' and gone.id = rejected.id)) as seen;

-- name: add_absences(entity, ids)!
-- Rows that Ploomes no longer has.
insert into staged_absences (entity, id) select :entity, unnest(:ids::bigint[]) on conflict do nothing;

-- name: drop_absences(entity, ids)!
-- Rows that are there after all.
delete from staged_absences where entity = :entity and id = any(:ids::bigint[]);

-- name: any_absence(entity)^
-- Whether anything of an entity is about to be tombstoned, or dropped from the staging.
select exists (select from staged_absences where entity = :entity) as absent;

-- name: orphaned_deals()
-- Live deals of the contacts that are about to be tombstoned, and not read again since.
select deal_id from sales
where customer_id in (select id from staged_absences where entity = 'contacts') and deleted_at is null
and not exists (select from staged_absences a where a.entity = 'deals' and a.id = deal_id)
union
select deal_id from staged_sales
where customer_id in (select id from staged_absences where entity = 'contacts')
and not exists (select from staged_absences a where a.entity = 'deals' and a.id = deal_id)
order by deal_id;

-- name: absences()^
-- How many published deals and contacts are about to be tombstoned, and how many are published.
select
    (select count(*) from staged_absences a join sales on deal_id = id and deleted_at is null
     where a.entity = 'deals') as deals,
    (select count(*) from staged_absences a
     join customers on customer_id = id and deleted_at is null and not placeholder
     where a.entity = 'contacts') as contacts;

-- name: rejections(full)^
-- How many rows of each entity are rejected now, those of earlier runs included.
select
    count(*) filter (where entity = 'deals') as deals, count(*) filter (where entity = 'contacts') as contacts
from (
    select entity, id from staged_rejections
    union select entity, id from rejected_rows r where closed_at is null and not :full
) rejected;

-- name: staged_rows()^
-- How much is staged: what decides how it is cleared.
select (select count(*) from (select from staged_sales limit 10001) few)
    + (select count(*) from (select from staged_customers limit 10001) few) as staged;

-- name: clear_large()!
-- Throw away a large staging, where deleting its rows would take longer and leave their places to be vacuumed.
truncate staged_sales, staged_customers;

-- name: clear()!
-- Throw away what is staged, and the marks of how far it got.
with
    a as (delete from staged_sales),
    b as (delete from staged_customers),
    c as (delete from staged_rejections),
    d as (delete from staged_absences),
    e as (delete from staged_look_ups),
    f as (delete from staged_reads)
delete from sync_openings;
