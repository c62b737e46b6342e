-- Carteira: of the days that are kept, what makes up their totals and what is kept out of them.

-- They lack what is added here: whoever serves adds them up again.
delete from sales_days;

create table sales_day_ledgers (
    since timestamptz not null references sales_days on delete cascade,
    owner_id bigint,
    revenue numeric not null,
    with_customer numeric not null,
    without_customer numeric not null,
    sales_without_customer integer not null,
    sales_without_amount integer not null,
    sales_in_other_currency integer not null,
    sales_left_out integer not null,
    left_out_revenue numeric not null
);
create index sales_day_ledgers_by_day on sales_day_ledgers (since, owner_id);
comment on table sales_day_ledgers is 'of each seller''s won deals of a day: where they count, and why not; owner_id null: deals without a seller';

do $$
declare
    stranger text;
begin
    alter table sales_day_ledgers enable row level security;
    for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
        execute format('revoke all on table sales_day_ledgers from %s',
                       case stranger when 'public' then 'public' else quote_ident(stranger) end);
    end loop;
end
$$;
