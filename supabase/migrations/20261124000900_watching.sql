-- Carteira: who is to be forgotten, and which troubles people have been told of.

create table forgotten (
    customer_id bigint primary key,
    forgotten_at timestamptz not null default now()
);
comment on table forgotten is 'contacts whose personal data is not kept: what is read of them is emptied before it is published';

create table alerts (
    trouble text primary key check (trouble in ('failure', 'staleness')),
    since timestamptz not null,
    reason text not null default '',
    over_at timestamptz,
    told_at timestamptz,
    claimed_until timestamptz
);
comment on table alerts is 'troubles that are on, or over and not yet told to be over';
comment on column alerts.claimed_until is 'whoever tells people of it claims it first, so that they are told once; another takes over where he dies';

do $$
declare
    kept text;
    stranger text;
begin
    for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
        foreach kept in array array['forgotten', 'alerts'] loop
            execute format('alter table %I enable row level security', kept);
            execute format('revoke all on table %I from %s', kept,
                           case stranger when 'public' then 'public' else quote_ident(stranger) end);
        end loop;
    end loop;
end
$$;
