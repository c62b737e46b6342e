-- Carteira: all of it is derived.
drop table customer_spans;
drop table sales_spans;
