-- Carteira: of the days that are kept, what was sold in each pipeline and state, and the biggest sale of each seller.

-- They lack what is added here: whoever serves adds them up again.
delete from sales_days;

alter table sales_day_sums add column biggest numeric;
comment on column sales_day_sums.biggest is 'the highest amount of a sale; null where no sale has one';

create table sales_day_shares (
    since timestamptz not null references sales_days on delete cascade,
    scope text not null check (scope in ('all', 'own')),
    owner_id bigint,
    kind text not null check (kind in ('pipeline', 'state')),
    key text,
    revenue numeric not null,
    sales integer not null
);
create index sales_day_shares_by_day on sales_day_shares (since, scope, owner_id);
comment on table sales_day_shares is 'what was sold on a day in each pipeline and to each state: by everybody, and by each seller';
comment on column sales_day_shares.owner_id is 'of scope own: who sold; null: deals without a seller';
comment on column sales_day_shares.key is 'the id of the pipeline, or the state of the customer; null where there is none';

do $$
declare
    stranger text;
begin
    alter table sales_day_shares enable row level security;
    for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
        execute format('revoke all on table sales_day_shares from %s',
                       case stranger when 'public' then 'public' else quote_ident(stranger) end);
    end loop;
end
$$;
