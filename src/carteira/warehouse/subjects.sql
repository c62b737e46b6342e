-- name: bind(issuer, subject, email)!
-- The first account that comes with a user's e-mail address becomes his; nothing where either is bound already.
insert into openid_subjects (issuer, subject, user_id)
select :issuer, :subject, user_id from users where lower(email) = lower(:email) and disabled_at is null
on conflict do nothing;

-- name: user_of(issuer, subject)^
-- The user whom an account belongs to, while he may sign in.
select u.user_id
from openid_subjects s
join users u on u.user_id = s.user_id
where s.issuer = :issuer and s.subject = :subject and u.disabled_at is null;

-- name: release(user_id)!
-- The next account that comes with the user's e-mail address becomes his.
delete from openid_subjects where user_id = :user_id;
