-- name: measures()^
-- What whoever watches wants to know of the syncs, in one pass over the log of runs and no count of rows.
with done as (
    select max(opened_at) filter (where state = 'succeeded') as last_sync_at,
        (array_agg(seconds order by id desc) filter (where state = 'succeeded'))[1] as last_seconds,
        coalesce(sum(requests), 0) as requests, coalesce(sum(throttled), 0) as throttled,
        count(*) filter (where state = 'succeeded') as succeeded, count(*) filter (where state = 'failed') as failed,
        count(*) filter (where state = 'refused') as refused, count(*) filter (where state = 'partial') as partial,
        count(*) filter (where state = 'running') as running
    from sync_runs
)
select done.last_sync_at, extract(epoch from now() - done.last_sync_at)::float8 as age, done.last_seconds::float8,
    done.requests, done.throttled, publication,
    (select live_rows from sync_entities where entity = 'contacts') as contacts,
    (select live_rows from sync_entities where entity = 'deals') as deals,
    (select count(*) from rejected_rows where closed_at is null) as rejected,
    (select expires_at > now() from sync_lease) as at_work,
    done.succeeded, done.failed, done.refused, done.partial, done.running
from done cross join sync_state;
