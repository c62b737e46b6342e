-- Carteira: what was sold on each local day, kept for accounts of many deals, so that the figures of a year read a year's days.

create table customer_places (
    customer_id bigint primary key,
    place integer not null unique
);
comment on table customer_places is 'customers who bought, numbered without gaps: the place of each in sales_day_buyers';

create table sales_days (
    since timestamptz primary key,
    until timestamptz not null check (until > since),
    stale boolean not null default false,
    usual_currency_id bigint,
    left_out_pipelines bigint[] not null
);
comment on table sales_days is 'days that are added up; no two of them overlap, and one that is stale or missing is read from the deals';
comment on column sales_days.stale is 'a deal of the day may have changed since: set by whoever writes deals, in the same transaction';
comment on column sales_days.left_out_pipelines is 'with usual_currency_id what is_counted was asked with; where sync_state says otherwise the day is not good';

create table sales_day_sums (
    since timestamptz not null references sales_days on delete cascade,
    owner_id bigint,
    revenue numeric not null,
    sales integer not null,
    lost integer not null,
    buyers bigint[] not null
);
create index sales_day_sums_by_day on sales_day_sums (since, owner_id);
comment on table sales_day_sums is 'what each seller sold on a day, lost, and to whom he sold; owner_id null: deals without a seller';

create table sales_day_buyers (
    since timestamptz not null references sales_days on delete cascade,
    block integer not null,
    buyers bit(4096) not null,
    primary key (since, block)
);
comment on table sales_day_buyers is 'who bought on a day from whomever: bit n of block b is the customer of place 4096 * b + n';

do $$
declare
    kept text;
    stranger text;
begin
    foreach kept in array array['customer_places', 'sales_days', 'sales_day_sums', 'sales_day_buyers'] loop
        execute format('alter table %I enable row level security', kept);
        for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
            execute format('revoke all on table %I from %s', kept,
                           case stranger when 'public' then 'public' else quote_ident(stranger) end);
        end loop;
    end loop;
end
$$;
