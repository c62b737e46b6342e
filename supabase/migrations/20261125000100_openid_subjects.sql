-- Carteira: whom an OpenID provider means by a subject: bound at the first sign-in, so that whoever gets a user's old e-mail address is not taken for him.

create table openid_subjects (
    issuer text not null,
    subject text not null,
    user_id bigint not null references users on delete cascade,
    bound_at timestamptz not null default now(),
    primary key (issuer, subject),
    unique (user_id, issuer)
);
comment on table openid_subjects is 'a user has one account at a provider; disabling the user ends the bond';

alter table openid_subjects enable row level security;
do $$
declare
    stranger text;
begin
    for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
        execute format('revoke all on table openid_subjects from %s',
                       case stranger when 'public' then 'public' else quote_ident(stranger) end);
    end loop;
end
$$;
