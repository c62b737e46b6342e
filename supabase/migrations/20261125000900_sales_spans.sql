-- Carteira: what each customer bought in every quarter and year, kept for accounts of many deals, so that a list of a year's revenue
-- does not go through a year's deals.

create table sales_spans (
    span_id integer generated always as identity primary key,
    since timestamptz not null,
    until timestamptz not null check (until > since),
    stale boolean not null default false,
    usual_currency_id bigint,
    left_out_pipelines bigint[] not null,
    unique (since, until)
);
comment on table sales_spans is 'local quarters and years that are added up; one that is stale or missing is read from the deals';
comment on column sales_spans.stale is 'any customer''s deals may have changed since; where those of a few changed, they are added up again at once';
comment on column sales_spans.left_out_pipelines is 'with usual_currency_id what is_counted was asked with; where sync_state says otherwise the span is not good';

create table customer_spans (
    span_id integer not null references sales_spans on delete cascade,
    customer_id bigint not null,
    revenue numeric not null,
    sales integer not null,
    primary key (span_id, customer_id)
);
comment on table customer_spans is 'what a customer bought in a span; no row where he bought nothing';

do $$
declare
    kept text;
    stranger text;
begin
    foreach kept in array array['sales_spans', 'customer_spans'] loop
        execute format('alter table %I enable row level security', kept);
        for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
            execute format('revoke all on table %I from %s', kept,
                           case stranger when 'public' then 'public' else quote_ident(stranger) end);
            execute format('revoke all on sequence sales_spans_span_id_seq from %s',
                           case stranger when 'public' then 'public' else quote_ident(stranger) end);
        end loop;
    end loop;
end
$$;
