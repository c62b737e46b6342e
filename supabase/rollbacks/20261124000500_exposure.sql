-- Carteira: rights that were taken are not given back: a table that nobody may read is no harm, and the next rollbacks drop it.
select 1;
