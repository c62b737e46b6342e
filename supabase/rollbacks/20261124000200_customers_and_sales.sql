-- Carteira: drops what the migration of this name made; all of it can be read from Ploomes again.
drop table loss_reasons, stages, pipelines, owners, sales, customers;
