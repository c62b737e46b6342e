-- Carteira: all of it is derived.
drop table sales_day_shares;
alter table sales_day_sums drop column biggest;
