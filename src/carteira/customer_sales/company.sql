-- name: pipelines()
-- Every pipeline that is known, and whether it is left out.
select p.pipeline_id, p.name, p.archived, p.pipeline_id = any(state.left_out_pipelines) as left_out
from sync_state state
cross join pipelines p
order by p.archived, lower(p.name), p.pipeline_id;

-- name: leave_out(pipeline_ids)^
-- Which pipelines are in no total; a row where that is a change.
update sync_state
set left_out_pipelines = :pipeline_ids::bigint[]
where left_out_pipelines is distinct from :pipeline_ids::bigint[]
returning true as changed;

-- name: rules()^
-- The limits and shares that forms may change.
select new_days, late_days, inactive_days, late_factor, inactive_factor, least_late_days, least_inactive_days, a_share, b_share,
    recency_days, frequencies
from portfolio_rules;

-- name: set_rules(new_days, late_days, inactive_days, late_factor, inactive_factor, least_late_days, least_inactive_days, a_share, b_share, recency_days, frequencies)^
-- Other limits and shares; a row where that is a change.
update portfolio_rules
set new_days = :new_days, late_days = :late_days, inactive_days = :inactive_days, late_factor = :late_factor,
    inactive_factor = :inactive_factor, least_late_days = :least_late_days, least_inactive_days = :least_inactive_days,
    a_share = :a_share, b_share = :b_share, recency_days = :recency_days, frequencies = :frequencies
where (new_days, late_days, inactive_days, late_factor, inactive_factor, least_late_days, least_inactive_days, a_share, b_share,
       recency_days, frequencies)
    is distinct from (:new_days::integer, :late_days::integer, :inactive_days::integer, :late_factor::numeric,
                      :inactive_factor::numeric, :least_late_days::integer, :least_inactive_days::integer, :a_share::numeric,
                      :b_share::numeric, :recency_days::integer[], :frequencies::integer[])
returning true as changed;
