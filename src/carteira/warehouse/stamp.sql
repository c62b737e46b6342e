-- name: stamp()^
-- What everything that is shown depends on: what was published, when it was read, and how the last run went. What is read after it
-- sorts and groups in memory rather than on a disk, and is not compiled, which takes longer than to run it.
select s.publication,
       (select max(opened_at) from sync_runs where state = 'succeeded') as last_sync_at,
       (select id || ' ' || state || ' ' || slices from sync_runs order by id desc limit 1) as last_run,
       (select changes from saved_views_state) as views,
       set_config('jit', 'off', true),
       set_config('work_mem', greatest(pg_size_bytes(current_setting('work_mem')) / 1024, 32768)::text, true)
from sync_state s;
