-- name: urgent(reason)!
-- A failure that only a person can mend: it is told at once, even where no run is on record that failed by it.
insert into alerts as known (trouble, since, reason) values ('failure', clock_timestamp(), :reason)
on conflict (trouble) do update set
    reason = excluded.reason, over_at = null, ripe_at = least(known.ripe_at, excluded.ripe_at),
    since = case when known.over_at is not null and known.told_at is null then excluded.since else known.since end;

-- name: look(stale_seconds, patience)!
-- What the log of runs says is wrong: troubles begin, go on or are over. A run under way says nothing yet, and a run that
-- succeeded ends no failure that was seen after it.
with published as (
    select coalesce(max(opened_at) filter (where state = 'succeeded'), min(opened_at)) as at from sync_runs
), newest as (
    select state, finished_at, coalesce(error, '') as reason,
        state in ('failed', 'refused') or (state = 'partial' and error is not null) as failed
    from sync_runs order by id desc limit 1
), on_now as (
    select 'failure' as trouble, coalesce(finished_at, now()) as since, reason,
        coalesce(finished_at, now()) + make_interval(secs => :patience) as ripe_at
    from newest where failed
    union all
    select 'staleness', at, '', now() from published where at < now() - make_interval(secs => :stale_seconds)
), ended as (
    update alerts set over_at = now()
    where over_at is null and case trouble
        when 'failure' then exists (select from newest where state = 'succeeded' and finished_at >= alerts.since)
        else not exists (select from on_now where on_now.trouble = 'staleness') end
)
insert into alerts as known (trouble, since, reason, ripe_at)
select trouble, since, reason, ripe_at from on_now
on conflict (trouble) do update set
    reason = excluded.reason, over_at = null,
    since = case when known.over_at is not null and known.told_at is null then excluded.since else known.since end,
    ripe_at = case when known.over_at is not null and known.told_at is null then excluded.ripe_at else known.ripe_at end
where known.reason <> excluded.reason or known.over_at is not null;

-- name: claim(seconds)
-- What people have to be told and nobody is telling them; for so many seconds it is the caller's.
update alerts set claimed_until = clock_timestamp() + make_interval(secs => :seconds)
where (told_at is null) = (over_at is null) and (claimed_until is null or claimed_until < clock_timestamp())
    and (over_at is not null or ripe_at <= clock_timestamp())
returning trouble, since, reason, over_at;

-- name: told(trouble, over)!
-- They were told; of a trouble that is over nothing is left to remember, unless it is back and has to be told anew.
with remembered_no_more as (
    delete from alerts where trouble = :trouble and :over and over_at is not null
)
update alerts set told_at = case when not :over then clock_timestamp() end, claimed_until = null
where trouble = :trouble and not (:over and over_at is not null);

-- name: not_told(trouble)!
-- They could not be told: whoever looks next tries again.
update alerts set claimed_until = null where trouble = :trouble;

-- name: drop_untold()!
-- What came and went without anybody having been told is not worth a message.
delete from alerts where over_at is not null and told_at is null
    and (claimed_until is null or claimed_until < clock_timestamp());

-- name: last_success()^
-- As of when what is published is.
select max(opened_at) as last_sync_at from sync_runs where state = 'succeeded';
