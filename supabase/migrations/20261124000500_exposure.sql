-- Carteira: PostgREST serves whatever anon and authenticated may read: they may read nothing of ours, whatever a project's defaults are.

do $$
declare
    ours constant text[] := array[
        'customers', 'sales', 'customer_sales', 'owners', 'pipelines', 'stages', 'loss_reasons',
        'sync_runs', 'sync_state', 'sync_entities', 'sync_openings', 'staged_reads', 'staged_customers', 'staged_sales',
        'staged_rejections', 'staged_absences', 'staged_look_ups', 'rejected_rows', 'sync_lease', 'request_bookings',
        'users', 'sign_in_links', 'sessions', 'api_tokens', 'sign_in_attempts', 'audit_log', 'before_carteira'];
    stranger text;
    kept text;
    sequence_name text;
begin
    foreach kept in array ours loop
        execute format('alter table %I enable row level security', kept);
        for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated')
                        union all select 'public' loop
            execute format('revoke all on table %I from %s', kept,
                           case stranger when 'public' then 'public' else quote_ident(stranger) end);
            for sequence_name in
                select s.relname from pg_class s
                join pg_depend d on d.objid = s.oid and d.classid = 'pg_class'::regclass
                where s.relkind = 'S' and d.refobjid = kept::regclass loop
                execute format('revoke all on sequence %I from %s', sequence_name,
                               case stranger when 'public' then 'public' else quote_ident(stranger) end);
            end loop;
        end loop;
    end loop;
end
$$;
