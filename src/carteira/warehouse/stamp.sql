-- name: stamp()^
-- What everything that is shown depends on: what was published, when it was read, and how the last run went. What is read after it is
-- not compiled, which takes longer than to run it.
select s.publication,
       (select max(opened_at) from sync_runs where state = 'succeeded') as last_sync_at,
       (select id || ' ' || state || ' ' || slices from sync_runs order by id desc limit 1) as last_run,
       (select changes from saved_views_state) as views,
       set_config('jit', 'off', true) as jit
from sync_state s;
