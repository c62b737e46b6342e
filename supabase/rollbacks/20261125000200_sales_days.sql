-- Carteira: all of it is derived.
drop table sales_day_buyers;
drop table sales_day_sums;
drop table sales_days;
drop table customer_places;
