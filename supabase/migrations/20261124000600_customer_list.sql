-- Carteira: what the customer list is sorted and narrowed by, so that its first pages are read and not sorted.

create index customers_by_name on customers (name_key, customer_id);
create index customers_by_owner on customers (owner_id);
