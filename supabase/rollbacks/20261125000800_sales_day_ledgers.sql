-- Carteira: all of it is derived.
drop table sales_day_ledgers;
