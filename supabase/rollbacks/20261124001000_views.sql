-- Carteira: the saved views go with it; pipelines that were left out count again after `carteira rebuild`.
drop function is_counted;
alter table sync_state drop column left_out_pipelines;
drop table saved_views_state;
drop table saved_views;
