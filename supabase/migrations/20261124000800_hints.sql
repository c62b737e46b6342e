-- Carteira: what Ploomes' webhooks say has changed, until it is read again, and what publishing it means for the next run.

create table hints (
    entity text not null check (entity in ('contacts', 'deals')),
    id bigint not null,
    calls integer not null default 1,
    tries integer not null default 0,
    received_at timestamptz not null default clock_timestamp(),
    due_at timestamptz not null default clock_timestamp(),
    primary key (entity, id)
);
comment on table hints is 'rows that a webhook named: read anew by whoever comes first, and then forgotten';
comment on column hints.calls is 'how often it was named: once more while it was being read, and it is read again';
comment on column hints.due_at is 'not before; whoever takes a hint moves it on, so that another takes over where he dies';
create index hints_by_time on hints (due_at);

create table webhook_state (
    singleton boolean primary key default true check (singleton),
    calls bigint not null default 0,
    received_at timestamptz,
    published_at timestamptz
);
comment on table webhook_state is 'one row: when Ploomes called last, and when a hint was published last';
insert into webhook_state default values;

alter table sync_entities
    add column hinted bigint not null default 0,
    add column hinted_until timestamptz;
comment on column sync_entities.hinted is 'rows that hints published since the last run did: they are in no count that it took';
comment on column sync_entities.hinted_until is 'Ploomes'' clock when a hint was read last: a published date up to then is no mistake';

do $$
declare
    kept text;
    stranger text;
begin
    for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
        foreach kept in array array['hints', 'webhook_state'] loop
            execute format('alter table %I enable row level security', kept);
            execute format('revoke all on table %I from %s', kept,
                           case stranger when 'public' then 'public' else quote_ident(stranger) end);
        end loop;
    end loop;
end
$$;
