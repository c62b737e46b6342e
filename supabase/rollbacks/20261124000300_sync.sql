-- Carteira: drops what the migration of this name made; all of it can be read from Ploomes again.
drop table request_bookings, sync_lease, rejected_rows, staged_absences, staged_look_ups, staged_rejections, staged_sales,
    staged_customers, staged_reads, sync_openings, sync_entities, sync_state, sync_runs;
