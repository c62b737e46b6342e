-- name: has_users()^
-- Whether anybody can sign in at all.
select exists (select from users) as found;

-- name: person_of_session(session_hash, idle)^
-- Who a session belongs to, while it lives; one without a user is the first visitor's and ends with the first user.
select u.user_id, coalesce(u.name, '') as name, coalesce(u.email, '') as email, coalesce(u.role, 'admin') as role,
       u.owner_id, s.seen_at < now() - interval '5 minutes' as unseen
from sessions s
left join users u on u.user_id = s.user_id
where s.session_hash = :session_hash and s.expires_at > now() and s.seen_at > now() - :idle::interval
  and u.disabled_at is null
  and (s.user_id is not null or not exists (select from users));

-- name: person_of_token(token_hash)^
-- Who made an API token, while both are good.
select u.user_id, u.name, u.email, u.role, u.owner_id,
       coalesce(t.used_at < now() - interval '5 minutes', true) as unseen
from api_tokens t
join users u on u.user_id = t.user_id
where t.token_hash = :token_hash and t.revoked_at is null and u.disabled_at is null;

-- name: touch_session(session_hash)!
-- The session is in use.
update sessions set seen_at = now() where session_hash = :session_hash;

-- name: touch_token(token_hash)!
-- The token is in use.
update api_tokens set used_at = now() where token_hash = :token_hash;

-- name: add_user(email, name, role, owner_id)^
-- A new user; no row where the e-mail address is taken.
insert into users (email, name, role, owner_id) values (:email, :name, :role, :owner_id)
on conflict (lower(email)) do nothing
returning user_id;

-- name: lock_users()!
-- Nobody else becomes the first user meanwhile.
lock table users in share row exclusive mode;

-- name: users()
-- Everyone, with when they were last seen.
select u.user_id, u.email, u.name, u.role, u.owner_id, u.created_at, u.disabled_at,
       (select max(s.seen_at) from sessions s where s.user_id = u.user_id) as seen_at
from users u
order by lower(u.email);

-- name: user_by_email(email)^
-- A user who is not disabled, with the hash of the password.
select user_id, password_hash from users where lower(email) = lower(:email) and disabled_at is null;

-- name: set_password(user_id, password_hash)!
-- Another password.
update users set password_hash = :password_hash where user_id = :user_id;

-- name: set_disabled(email, disabled)^
-- A user is shut out, or let in again; no row where there is none.
update users set disabled_at = case when :disabled then coalesce(disabled_at, now()) end
where lower(email) = lower(:email)
returning user_id;

-- name: end_sessions(user_id)!
-- A user has to sign in again, everywhere.
delete from sessions where user_id = :user_id;

-- name: end_links(user_id)!
-- A user's unused links lead nowhere.
delete from sign_in_links where user_id = :user_id and used_at is null;

-- name: add_link(link_hash, user_id, life)!
-- A link that signs in once.
insert into sign_in_links (link_hash, user_id, expires_at) values (:link_hash, :user_id, now() + :life::interval);

-- name: use_link(link_hash)^
-- The link is used up; no row where it is not good any more. One for the first visitor is good until there is a user.
update sign_in_links l
set used_at = now()
where l.link_hash = :link_hash and l.used_at is null and l.expires_at > now()
  and case when l.user_id is null then not exists (select from users)
           else exists (select from users u where u.user_id = l.user_id and u.disabled_at is null) end
returning l.user_id;

-- name: add_session(session_hash, user_id, life, by_link)!
-- A session; user_id null: the first visitor's.
insert into sessions (session_hash, user_id, expires_at, by_link)
values (:session_hash, :user_id, now() + :life::interval, :by_link);

-- name: password_of_session(session_hash)^
-- The hash of the user's password, and whether the session may set another one without knowing it.
select u.password_hash, s.by_link and s.created_at > now() - interval '1 hour' as fresh_link
from sessions s
join users u on u.user_id = s.user_id
where s.session_hash = :session_hash;

-- name: end_session(session_hash)!
-- Signed out.
delete from sessions where session_hash = :session_hash;

-- name: sweep(idle)!
-- What has expired is of no use to anybody.
with ended as (
    delete from sessions where expires_at < now() or seen_at < now() - :idle::interval
), used as (
    delete from sign_in_links where expires_at < now() - interval '30 days'
)
delete from sign_in_attempts where attempted_at < now() - interval '30 days';

-- name: add_token(token_hash, name, email)^
-- A token with the rights of a user who is not disabled; without an e-mail address, of the first admin.
insert into api_tokens (token_hash, name, user_id)
select :token_hash, :name, user_id from users
where disabled_at is null and (lower(email) = lower(:email::text) or (:email::text is null and role = 'admin'))
order by user_id
limit 1
returning token_id;

-- name: tokens()
-- All tokens, whose they are, and when they were last used.
select t.token_id, t.name, coalesce(u.email, '') as email, coalesce(u.role, '') as role, t.created_at, t.used_at,
       t.revoked_at
from api_tokens t
left join users u on u.user_id = t.user_id
order by t.token_id;

-- name: revoke_tokens(name)
-- The tokens of a name open nothing any more.
update api_tokens set revoked_at = now() where name = :name and revoked_at is null returning token_id;

-- name: failures(email_key, address)^
-- Failed attempts of the last quarter of an hour since the last good one: on the account, and from the address.
select count(*) filter (where a.email_key = :email_key and a.attempted_at > coalesce(good.account, '-infinity'))
           as on_account,
       max(a.attempted_at) filter (where a.email_key = :email_key) as last_on_account,
       count(*) filter (where a.address = :address and a.attempted_at > coalesce(good.address, '-infinity'))
           as from_address,
       max(a.attempted_at) filter (where a.address = :address) as last_from_address,
       now() as now
from sign_in_attempts a
cross join (
    select max(attempted_at) filter (where email_key = :email_key) as account,
           max(attempted_at) filter (where address = :address) as address
    from sign_in_attempts
    where succeeded and attempted_at > now() - interval '15 minutes'
) good
where not a.succeeded and a.attempted_at > now() - interval '15 minutes'
  and (a.email_key = :email_key or a.address = :address);

-- name: add_attempt(email_key, address, succeeded)!
-- Somebody tried to sign in.
insert into sign_in_attempts (email_key, address, succeeded, attempted_at)
values (:email_key, :address, :succeeded, clock_timestamp());

-- name: add_audit(user_id, email, event, detail, address)!
-- Something that an admin may want to know of later.
insert into audit_log (user_id, email, event, detail, address) values (:user_id, :email, :event, :detail, :address);

-- name: audit(limit)
-- The newest entries of the audit log.
select at, email, event, detail, address from audit_log order by entry_id desc limit :limit;
