-- name: has_users()^
-- Whether anybody can sign in at all.
select exists (select from users where disabled_at is null) as found;

-- name: person_of_session(session_hash, idle)^
-- Who a session belongs to, while it lives; a session without a user is the first visitor's and ends with the first user.
select u.user_id, coalesce(u.email, '') as email, coalesce(u.name, '') as name,
       coalesce(u.role, 'admin') as role, u.owner_id, s.seen_at
from sessions s
left join users u using (user_id)
where s.session_hash = :session_hash
  and s.expires_at > now()
  and s.seen_at > now() - :idle
  and u.disabled_at is null
  and (s.user_id is not null or not exists (select from users where disabled_at is null));

-- name: person_of_token(token_hash)^
-- Who made an API token, while both are good.
select u.user_id, u.email, u.name, u.role, u.owner_id
from api_tokens t
join users u using (user_id)
where t.token_hash = :token_hash and t.revoked_at is null and u.disabled_at is null;
