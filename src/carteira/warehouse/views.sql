-- name: seen_by(user_id)
-- Somebody's views and those that others share, his own first; of a user who is disabled too, since the team goes on.
select v.view_id, v.name, v.query, v.shared, v.user_id = :user_id as own, coalesce(nullif(u.name, ''), u.email) as by_whom
from saved_views v
join users u on u.user_id = v.user_id
where v.user_id = :user_id or v.shared
order by v.user_id = :user_id desc, lower(v.name), v.view_id;

-- name: save(user_id, name, query, shared, most)^
-- A new view; no row where somebody has too many already.
insert into saved_views (user_id, name, query, shared)
select :user_id, :name, :query, :shared
where (select count(*) from saved_views where user_id = :user_id) < :most
returning view_id;

-- name: change(view_id, user_id, name, shared)^
-- Another name, and for whom it is; no row where it is not his.
update saved_views set name = :name, shared = :shared where view_id = :view_id and user_id = :user_id returning query;

-- name: forget(view_id, user_id, is_admin)^
-- Gone. What is shared an admin may take away too.
delete from saved_views where view_id = :view_id and (user_id = :user_id or (shared and :is_admin)) returning query;

-- name: changed()!
-- Whatever was rendered with the views of before is old.
update saved_views_state set changes = changes + 1;
