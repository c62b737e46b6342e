-- name: put(entity, id)!
-- A webhook named this row. Whoever is reading it at this moment will see that it was named again.
insert into hints (entity, id) values (:entity, :id)
on conflict (entity, id) do update set calls = hints.calls + 1, tries = 0, received_at = excluded.received_at;

-- name: called()!
-- Ploomes called, whatever it had to say.
update webhook_state set calls = calls + 1, received_at = clock_timestamp();

-- name: take(entity, seconds, most)
-- The hints that are due, oldest first; for so many seconds they are nobody else's. As a subquery of the update the
-- limit would hold for each time that the plan asks it, and all would be taken.
with due as materialized (
    select id from hints where entity = :entity and due_at <= clock_timestamp()
    order by received_at limit :most for update skip locked
)
update hints set due_at = clock_timestamp() + make_interval(secs => :seconds), tries = tries + 1
from due where hints.entity = :entity and hints.id = due.id
returning hints.id, calls, tries, due_at;

-- name: still_ours(entity, taken)
-- Which of the hints that were taken nobody else has taken since; they stay ours until this transaction ends.
select hints.id from hints
join jsonb_to_recordset(:taken::jsonb) as taken (id bigint, due_at timestamptz) using (id)
where entity = :entity and hints.due_at = taken.due_at
for update of hints;

-- name: settle(entity, taken)!
-- Forget what was read; what was named again meanwhile is due at once.
with ours as (
    select hints.id, hints.calls > taken.calls as again from hints
    join jsonb_to_recordset(:taken::jsonb) as taken (id bigint, calls integer, due_at timestamptz) using (id)
    where entity = :entity and hints.due_at = taken.due_at
), forgotten as (
    delete from hints using ours where entity = :entity and hints.id = ours.id and not again
)
update hints set due_at = clock_timestamp(), tries = 0 from ours
where entity = :entity and hints.id = ours.id and again;

-- name: put_off(entity, taken, seconds, most_tries)!
-- Reading failed: once more after a while, and not for ever, since the next run reads what has changed anyhow.
with ours as (
    select hints.id from hints
    join jsonb_to_recordset(:taken::jsonb) as taken (id bigint, due_at timestamptz) using (id)
    where entity = :entity and hints.due_at = taken.due_at
), forgotten as (
    delete from hints using ours where entity = :entity and hints.id = ours.id and tries >= :most_tries
)
update hints set due_at = clock_timestamp() + make_interval(secs => :seconds) from ours
where entity = :entity and hints.id = ours.id and tries < :most_tries;

-- name: stage_beside()!
-- Until this transaction ends, the staging of the run that may be under way is out of sight behind an empty one, so
-- that what publishes a run publishes hints too, by the same rules.
do $$
begin
    create temporary table staged_reads (like staged_reads including defaults) on commit drop;
    create temporary table staged_customers (like staged_customers including defaults) on commit drop;
    create temporary table staged_sales (like staged_sales including defaults) on commit drop;
    create temporary table staged_rejections (like staged_rejections including defaults) on commit drop;
    create temporary table staged_look_ups (like staged_look_ups including defaults) on commit drop;
    create temporary table sync_openings (like sync_openings including defaults) on commit drop;
end
$$;

-- name: stage_absences_beside()!
-- The same for what is gone: apart, since the run under way has to learn of it first.
create temporary table staged_absences (like staged_absences including indexes) on commit drop;

-- name: state()^
-- What a hint is published against: the last run that succeeded, what it left, and who the key's user was.
select (select max(id) from sync_runs where state = 'succeeded') as run_id, clock_timestamp() as now,
    usual_currency_id, refused_fields, ploomes_user_id, ploomes_profile_id
from sync_state;

-- name: last_run()^
-- The last run that succeeded.
select max(id) as run_id from sync_runs where state = 'succeeded';

-- name: published(entity, changed, live, until)!
-- Published rows changed outside of a run: the next one may not take its own counts for granted.
update sync_entities
set live_rows = live_rows + :live, hinted = hinted + :changed, settled = settled and :changed = 0,
    hinted_until = greatest(hinted_until, :until)
where entity = :entity;

-- name: covered(opened_at)!
-- A run that opened after these were named has read what changed, whether or not a worker is there to do it.
delete from hints where received_at < :opened_at;

-- name: told()!
-- When a hint was published last.
update webhook_state set published_at = clock_timestamp();

-- name: health()^
-- When Ploomes called last and how often, when a hint was published last, and how many wait.
select calls, received_at, published_at,
    (select count(*) from hints) as waiting, (select min(received_at) from hints) as waiting_since
from webhook_state;

-- name: deals_of(customer_ids)
-- The live deals of contacts that are gone: a merge moves them and may not move their LastUpdateDate.
select deal_id from sales where customer_id = any(:customer_ids::bigint[]) and deleted_at is null;
