-- Carteira: customer_sales as it was first written; a database that has the table already keeps its own.

create table if not exists customer_sales (
    customer_id integer primary key,
    customer_name text not null,
    cnpj text,
    total_revenue numeric(15, 2) default 0,
    deal_count integer default 0,
    avg_deal_size numeric(15, 2) default 0,
    last_purchase_date timestamptz,
    last_sync_at timestamptz default now()
);
