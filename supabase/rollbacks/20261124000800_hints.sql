-- Carteira: what a hint would have told, the next run finds by itself; the queue of the workers goes with them.
alter table sync_entities drop column hinted, drop column hinted_until;
drop table hints, webhook_state;

do $$
declare
    queue constant text := case current_schema() when 'public' then 'carteira_queue'
                           else left(current_schema(), 57) || '_queue' end;
begin
    if obj_description(to_regnamespace(quote_ident(queue)), 'pg_namespace') like 'made by carteira%' then
        execute format('drop schema %I cascade', queue);
    end if;
end
$$;
