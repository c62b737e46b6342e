-- Carteira: people are told of every failure at once again.
alter table alerts drop column ripe_at;
