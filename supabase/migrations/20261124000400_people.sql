-- Carteira: who may look, and how they prove it. Only hashes of links, sessions and tokens are kept.

create table users (
    user_id bigint generated always as identity primary key,
    email text not null,
    name text not null default '',
    password_hash text,
    role text not null default 'admin' check (role in ('admin', 'gestor', 'vendedor')),
    owner_id bigint,
    created_at timestamptz not null default now(),
    disabled_at timestamptz
);
create unique index users_by_email on users (lower(email));
comment on column users.owner_id is 'the Ploomes owner that a vendedor is';

create table sign_in_links (
    link_hash bytea primary key,
    user_id bigint references users on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
comment on column sign_in_links.user_id is 'null: the first visitor, before there is any user';

create table sessions (
    session_hash bytea primary key,
    user_id bigint references users on delete cascade,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    by_link boolean not null default false
);
comment on column sessions.by_link is 'opened by a one-time link: for an hour a password may be set without the old one';

create table api_tokens (
    token_id bigint generated always as identity primary key,
    token_hash bytea not null unique,
    name text not null,
    user_id bigint references users on delete cascade,
    created_at timestamptz not null default now(),
    used_at timestamptz,
    revoked_at timestamptz
);

create table sign_in_attempts (
    attempt_id bigint generated always as identity primary key,
    email_key text not null,
    address text not null,
    attempted_at timestamptz not null default now(),
    succeeded boolean not null
);
create index sign_in_attempts_by_email on sign_in_attempts (email_key, attempted_at);
create index sign_in_attempts_by_address on sign_in_attempts (address, attempted_at);

create table audit_log (
    entry_id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    user_id bigint,
    email text not null default '',
    event text not null,
    detail text not null default '',
    address text not null default ''
);
comment on table audit_log is 'sign-ins, exports and changes of people; kept when the user is gone';
