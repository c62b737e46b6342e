-- Carteira: the columns that the code asks for, in place of those that the table had.

alter table customer_sales rename column cnpj to customer_cnpj;
alter table customer_sales rename column deal_count to total_deals;
alter table customer_sales rename column avg_deal_size to average_deal_value;
