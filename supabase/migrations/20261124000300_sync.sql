-- Carteira: how a run remembers how far it got, what it staged, and that it is the only one.

create table sync_runs (
    id bigint generated always as identity primary key,
    mode text not null check (mode in ('full', 'incremental')),
    state text not null check (state in ('running', 'partial', 'succeeded', 'refused', 'failed')),
    fingerprint text not null default '',
    opened_at timestamptz not null default now(),
    finished_at timestamptz,
    last_page_at timestamptz,
    slices integer not null default 1,
    seconds numeric(12, 3) not null default 0,
    requests integer not null default 0,
    throttled integer not null default 0,
    pages integer not null default 0,
    customers_expected bigint,
    deals_expected bigint,
    customers_read bigint not null default 0,
    deals_read bigint not null default 0,
    customers_changed bigint not null default 0,
    deals_changed bigint not null default 0,
    customers_deleted bigint not null default 0,
    deals_deleted bigint not null default 0,
    customer_sales_changed bigint not null default 0,
    rejected bigint not null default 0,
    accept_deletions boolean not null default false,
    error text,
    audit jsonb not null default '[]',
    sums jsonb not null default '{}'
);
comment on column sync_runs.slices is 'in how many goes it was read';
comment on column sync_runs.seconds is 'time worked, over all slices';
comment on column sync_runs.audit is 'the verdict: [{"check", "verdict": "ok"|"warning"|"refused", "detail", "facts": {}}]';
comment on column sync_runs.sums is 'what the totals were before and after: {"before": {...}, "after": {...}}';
create unique index sync_runs_one_unfinished on sync_runs ((true)) where state in ('running', 'partial');
create index sync_runs_succeeded on sync_runs (opened_at desc) where state = 'succeeded';

create table sync_state (
    singleton boolean primary key default true check (singleton),
    publication bigint not null default 0,
    usual_currency_id bigint,
    last_full_at timestamptz,
    last_full_seconds numeric(12, 3),
    ploomes_user_id bigint,
    ploomes_profile_id bigint,
    refused_fields text[] not null default '{}'
);
comment on table sync_state is 'one row: what the last publications left for the next run and for the pages';
comment on column sync_state.publication is 'raised whenever published rows changed: the key of all that is kept rendered';
comment on column sync_state.refused_fields is 'enrichment that Ploomes would not give: its columns stay null';
insert into sync_state default values;

create table sync_entities (
    entity text primary key check (entity in ('contacts', 'deals')),
    watermark timestamptz,
    newest timestamptz,
    newest_id bigint,
    remote_count bigint,
    settled boolean not null default false,
    live_rows bigint not null default 0,
    unexplained bigint not null default 0
);
comment on column sync_entities.watermark is 'W of the next incremental read: LastUpdateDate ge W';
comment on column sync_entities.settled is 'the newest change was seconds old when it was seen, so nothing can share its time stamp unseen';
comment on column sync_entities.unexplained is
    'rows more (or fewer) here than in Ploomes that the last run could not explain: the next one looks again';
comment on column sync_entities.live_rows is 'published rows that are neither deleted nor placeholders';
insert into sync_entities (entity) values ('contacts'), ('deals');

create table sync_openings (
    entity text primary key check (entity in ('contacts', 'deals')),
    run_id bigint not null references sync_runs on delete cascade,
    newest timestamptz,
    newest_id bigint,
    remote_count bigint not null,
    server_now timestamptz not null,
    watermark timestamptz,
    closing_newest timestamptz,
    closing_newest_id bigint,
    closing_count bigint,
    closing_server_now timestamptz,
    unexplained bigint not null default 0
);
comment on table sync_openings is 'what the unfinished run saw before its first page and after its last';
comment on column sync_openings.closing_count is 'not null while a catch-up is under way: its end makes the closing the opening';

create table staged_reads (
    run_id bigint not null references sync_runs on delete cascade,
    entity text not null check (entity in ('contacts', 'deals')),
    phase text not null check (phase in ('main', 'catch-up', 'repair')),
    part integer not null,
    since timestamptz,
    after_id bigint not null default 0,
    upto_id bigint,
    done boolean not null default false,
    rows_read bigint not null default 0,
    primary key (entity, phase, part)
);
comment on column staged_reads.after_id is 'the last Id that was staged: the read goes on behind it';
comment on column staged_reads.upto_id is 'the last Id of this part; null: to the end';

-- One sequence for all of staging: of a row staged twice, readable or not, the latest reading wins.
create sequence staged_reading;

create table staged_customers (
    reading bigint not null default nextval('staged_reading'),
    customer_id bigint not null,
    name text not null,
    name_key text not null,
    legal_name text not null,
    kind text not null,
    cnpj text,
    cnpj_root text,
    cpf text,
    document_raw text,
    document_valid boolean,
    city text,
    state text,
    owner_id bigint,
    created_at timestamptz,
    updated_at timestamptz
);
create table staged_sales (
    reading bigint not null default nextval('staged_reading'),
    deal_id bigint not null,
    customer_id bigint,
    contact_name text not null,
    title text not null,
    total numeric,
    currency_id bigint,
    status text not null,
    owner_id bigint,
    pipeline_id bigint,
    stage_id bigint,
    loss_reason_id bigint,
    created_at timestamptz,
    closed_at timestamptz,
    updated_at timestamptz
);
alter sequence staged_reading owned by staged_sales.reading;
create table staged_rejections (
    reading bigint not null default nextval('staged_reading'),
    entity text not null,
    id bigint not null,
    field text not null,
    reason text not null,
    raw text not null
);
create table staged_look_ups (
    kind text not null check (kind in ('owners', 'pipelines', 'stages', 'loss_reasons')),
    id bigint not null,
    name text not null,
    pipeline_id bigint,
    position integer,
    suspended boolean not null default false,
    integration boolean not null default false,
    archived boolean not null default false
);
create table staged_absences (
    entity text not null,
    id bigint not null,
    primary key (entity, id)
);
comment on table staged_absences is 'published rows that Ploomes no longer has, confirmed by a listing of Ids';

create table rejected_rows (
    rejection_id bigint generated always as identity primary key,
    run_id bigint not null references sync_runs,
    entity text not null check (entity in ('contacts', 'deals')),
    id bigint not null,
    field text not null,
    reason text not null,
    raw text not null,
    seen_at timestamptz not null default now(),
    closed_at timestamptz
);
create unique index rejected_rows_one_open on rejected_rows (entity, id) where closed_at is null;

create table sync_lease (
    singleton boolean primary key default true check (singleton),
    token bigint not null default 0,
    holder text,
    expires_at timestamptz not null default '-infinity'
);
insert into sync_lease default values;

create table request_bookings (
    booking_id bigint generated always as identity primary key,
    booked_at timestamptz not null,
    requests integer not null
);
create index request_bookings_by_time on request_bookings (booked_at);
comment on table request_bookings is 'requests of the last minute, booked before they are sent, by every process on this account';
