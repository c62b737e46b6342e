-- Carteira: our own customer_sales.

drop table customer_sales;
create table customer_sales (
    customer_id bigint primary key,
    customer_name text not null default '',
    customer_cnpj text,
    total_revenue numeric(18, 2) not null default 0,
    total_deals integer not null default 0,
    average_deal_value numeric(18, 2) not null default 0,
    first_purchase_date timestamptz,
    last_purchase_date timestamptz,
    open_deals integer not null default 0,
    lost_deals integer not null default 0,
    last_sync_at timestamptz not null default now()
);
create index customer_sales_by_revenue on customer_sales (total_revenue desc, customer_id);
