-- Carteira: how often each customer buys, and the company's rules for calling that new, late or lost. See docs/segments.md.

create table portfolio_rules (
    singleton boolean primary key default true check (singleton),
    new_days integer not null default 90 check (new_days > 0),
    late_days integer not null default 90 check (late_days > 0),
    inactive_days integer not null default 180 check (inactive_days > late_days),
    late_factor numeric not null default 1.5 check (late_factor >= 1),
    inactive_factor numeric not null default 3 check (inactive_factor > late_factor),
    least_late_days integer not null default 15 check (least_late_days > 0),
    least_inactive_days integer not null default 45 check (least_inactive_days > least_late_days),
    a_share numeric not null default 0.80 check (a_share > 0),
    b_share numeric not null default 0.95 check (b_share > a_share and b_share <= 1),
    recency_days integer[] not null default '{30,90,180,365}' check (cardinality(recency_days) = 4),
    frequencies integer[] not null default '{2,6,10,18}' check (cardinality(frequencies) = 4)
);
comment on table portfolio_rules is 'one row: what the company calls new, late, inactive, A and B';
comment on column portfolio_rules.new_days is 'how long a first purchase makes a customer new, and a return a recovered one';
comment on column portfolio_rules.late_days is 'days without a purchase after which a customer without a rhythm is late';
comment on column portfolio_rules.late_factor is 'how many times his usual gap a customer with a rhythm may let pass';
comment on column portfolio_rules.least_late_days is 'nobody is late before, however often he buys';
comment on column portfolio_rules.a_share is 'the part of the revenue of 12 months that the customers of class A make up; b_share: A and B';
comment on column portfolio_rules.recency_days is 'the last days of R5, R4, R3 and R2 since the last purchase';
comment on column portfolio_rules.frequencies is 'the most sales of F1, F2, F3 and F4';
insert into portfolio_rules default values;

create table portfolio_state (
    singleton boolean primary key default true check (singleton),
    timezone text not null default 'America/Sao_Paulo',
    day date,
    rules text
);
comment on table portfolio_state is 'one row: what customer_rhythm was derived with; where one of it changes, all of it is derived anew';
comment on column portfolio_state.day is 'the last day of the 12 months that year_revenue and year_sales count';
insert into portfolio_state default values;

create table customer_rhythm (
    customer_id bigint not null,
    scope text not null check (scope in ('all', 'own')),
    owner_id bigint,
    purchase_days integer not null,
    sales integer not null,
    first_day date not null,
    last_day date not null,
    usual_gap integer,
    due_on date,
    late_on date not null,
    inactive_on date not null,
    lost_days date[] not null,
    back_days date[] not null,
    quarters bigint not null,
    year_revenue numeric not null,
    year_sales integer not null,
    primary key (customer_id, scope)
);
comment on table customer_rhythm is 'one row per customer with a dated sale: of all his deals, and of those of his own seller; local days';
comment on column customer_rhythm.owner_id is 'the seller of the customer, not of a deal';
comment on column customer_rhythm.usual_gap is 'median days between the last purchases; null where they are too few to say';
comment on column customer_rhythm.late_on is 'the first day on which he is late, if nothing is bought until then; inactive_on alike';
comment on column customer_rhythm.lost_days is 'every day on which he became inactive, and the one on which he will';
comment on column customer_rhythm.back_days is 'every purchase day that ended such a time';
comment on column customer_rhythm.quarters is 'bit n: something was bought in the n-th quarter after the one of the first purchase';

-- The ABC curve is read in this order; a seller's part of the portfolio by the other one.
create index customer_rhythm_by_revenue on customer_rhythm (scope, year_revenue desc, customer_id) where year_revenue > 0;
create index customer_rhythm_of_owner on customer_rhythm (owner_id) where scope = 'own';

create function portfolio_status(today date, new_days integer, first_day date, back_on date, late_on date, inactive_on date)
returns text language sql immutable parallel safe as $$
    select case
        when today is null then null
        when first_day is null then 'sem'
        when today >= inactive_on then 'inativo'
        when today >= late_on then 'quase'
        when today - first_day <= new_days then 'novo'
        when today - back_on <= new_days then 'recuperado'
        else 'ativo'
    end
$$;
create function portfolio_class(
    year_revenue numeric, customer_id bigint, a_revenue numeric, a_customer bigint, b_revenue numeric, b_customer bigint)
returns text language sql immutable parallel safe as $$
    select case
        when coalesce(year_revenue, 0) <= 0 or b_customer is null then null
        when year_revenue > a_revenue or (year_revenue = a_revenue and customer_id <= a_customer) then 'A'
        when year_revenue > b_revenue or (year_revenue = b_revenue and customer_id <= b_customer) then 'B'
        else 'C'
    end
$$;
create function portfolio_cell(today date, last_day date, sales integer, recency_days integer[], frequencies integer[])
returns integer language sql immutable parallel safe as $$
    select (5 - width_bucket(today - last_day - 1, recency_days)) * 10 + 1 + width_bucket(sales - 1, frequencies)
$$;
comment on function portfolio_status is 'an alarm goes before a greeting: who is late is late, be he new or not';
comment on function portfolio_class is 'by the place of the last customer of A and of B in the order of revenue';
comment on function portfolio_cell is '11 to 55: R and F as two digits, 55 bought lately and often';

do $$
declare
    kept text;
    made regprocedure;
    stranger text;
begin
    for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
        foreach kept in array array['portfolio_rules', 'portfolio_state', 'customer_rhythm'] loop
            execute format('alter table %I enable row level security', kept);
            execute format('revoke all on table %I from %s', kept,
                           case stranger when 'public' then 'public' else quote_ident(stranger) end);
        end loop;
        for made in select p.oid::regprocedure from pg_proc p
                    where p.pronamespace = (select relnamespace from pg_class where oid = 'customer_rhythm'::regclass)
                    and p.proname in ('portfolio_status', 'portfolio_class', 'portfolio_cell') loop
            execute format('revoke all on function %s from %s', made,
                           case stranger when 'public' then 'public' else quote_ident(stranger) end);
        end loop;
    end loop;
end
$$;
