drop table loss_reasons, stages, pipelines, owners, sales, customers;
