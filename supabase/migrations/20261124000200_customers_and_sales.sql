-- Carteira: what Ploomes holds, one row per Contact and per Deal, and the look-ups that give names to their numbers.

create table customers (
    customer_id bigint primary key,
    name text not null default '',
    name_key text not null default '',
    legal_name text not null default '',
    kind text not null check (kind in ('company', 'person')),
    cnpj text,
    cnpj_root text,
    cpf text,
    document_raw text,
    document_valid boolean,
    city text,
    state text,
    owner_id bigint,
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    rejected_at timestamptz,
    placeholder boolean not null default false
);
comment on column customers.name_key is 'NFKD, accents dropped, casefolded: what search and sort use';
comment on column customers.document_valid is 'null where the contact has no document at all';
comment on column customers.rejected_at is 'since when Ploomes holds a version of this row that cannot be read';
comment on column customers.placeholder is 'a contact that a deal names and the API does not return';

create table sales (
    deal_id bigint primary key,
    customer_id bigint,
    contact_name text not null default '',
    title text not null default '',
    total numeric,
    currency_id bigint,
    status text not null check (status in ('open', 'won', 'lost', 'other')),
    owner_id bigint,
    pipeline_id bigint,
    stage_id bigint,
    loss_reason_id bigint,
    created_at timestamptz,
    closed_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    rejected_at timestamptz
);
comment on column sales.total is 'Amount exactly as received; null counts as 0';
comment on column sales.closed_at is 'FinishDate';
comment on column sales.rejected_at is 'since when Ploomes holds a version of this row that cannot be read: out of every total';

-- Refreshing a customer, and everything a page says of one customer, reads this and not the table.
create index sales_by_customer on sales (customer_id)
    include (status, total, closed_at, currency_id, owner_id, pipeline_id)
    where deleted_at is null and rejected_at is null;
-- Revenue, sales and the rate of won deals of a period.
create index sales_closed_by_date on sales (closed_at)
    include (status, customer_id, total, currency_id, owner_id, pipeline_id)
    where status in ('won', 'lost') and deleted_at is null and rejected_at is null;
create index customers_by_root on customers (cnpj_root) where cnpj_root is not null;

create table owners (
    owner_id bigint primary key,
    name text not null default '',
    suspended boolean not null default false,
    integration boolean not null default false
);
create table pipelines (
    pipeline_id bigint primary key,
    name text not null default '',
    archived boolean not null default false
);
create table stages (
    stage_id bigint primary key,
    pipeline_id bigint,
    name text not null default '',
    position integer
);
create table loss_reasons (
    loss_reason_id bigint primary key,
    name text not null default ''
);
