-- name: take_lease(holder, seconds)^
-- Take the lease if nobody's is running; the token tells this holder from every earlier one. Whoever has the row locked
-- is at work with it, publishing for instance, and is not waited for.
update sync_lease
set token = token + 1, holder = :holder, expires_at = clock_timestamp() + make_interval(secs => :seconds)
where singleton in (
    select singleton from sync_lease
    where holder is null or expires_at <= clock_timestamp()
    for update skip locked
)
returning token;

-- name: current_lease()^
-- Who holds the lease, and for how much longer.
select holder, extract(epoch from expires_at - clock_timestamp())::float8 as seconds from sync_lease;

-- name: renew_lease(seconds, token, asleep)!
-- Hold it longer, if it is still ours.
update sync_lease set expires_at = clock_timestamp() + make_interval(secs => :seconds)
where token = :token and holder is not null
and set_config('idle_in_transaction_session_timeout', :asleep, true) is not null;

-- name: release_lease(token)!
-- Give it back, if it is still ours.
update sync_lease set holder = null, expires_at = '-infinity' where token = :token;

-- name: share_lease(token, asleep)^
-- Before a run writes what it does not publish: the lease is ours and stays so until this transaction ends, which need
-- not wait for the disk. A crash of the server loses the last of these transactions and none before them, and the run.
select set_config('synchronous_commit', 'off', true),
    set_config('idle_in_transaction_session_timeout', :asleep, true) as held
from sync_lease where token = :token and holder is not null for share;

-- name: keep_lease(token, asleep)^
-- Before a run publishes: the same, against everybody.
select set_config('idle_in_transaction_session_timeout', :asleep, true) as held
from sync_lease where token = :token and holder is not null for update;
