-- Carteira: views of the customer list that people save and share, and the pipelines that the company leaves out of all totals.

create table saved_views (
    view_id bigint generated always as identity primary key,
    user_id bigint not null references users on delete cascade,
    name text not null check (char_length(name) between 1 and 60),
    query text not null,
    shared boolean not null default false,
    created_at timestamptz not null default now()
);
create index saved_views_by_user on saved_views (user_id);
comment on column saved_views.query is 'what stands in the address behind the question mark, without a page number';

create table saved_views_state (
    singleton boolean primary key default true check (singleton),
    changes bigint not null default 0
);
comment on table saved_views_state is 'one row: how often somebody changed a view, so that a kept page is known to be old';
insert into saved_views_state default values;

alter table sync_state add column left_out_pipelines bigint[] not null default '{}';
comment on column sync_state.left_out_pipelines is 'pipelines whose deals are in no total; what is derived has to be derived anew where it changes';

create function is_counted(currency_id bigint, pipeline_id bigint, usual_currency_id bigint, left_out_pipelines bigint[])
returns boolean language sql immutable parallel safe as $$
    select coalesce(currency_id = usual_currency_id, true) and coalesce(pipeline_id <> all (left_out_pipelines), true)
$$;
comment on function is_counted is 'of deals that are neither deleted nor rejected: the won ones that are sales, the lost and open ones that are told of';

do $$
declare
    kept text;
    made regprocedure;
    stranger text;
    sequence_name text;
begin
    for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
        foreach kept in array array['saved_views', 'saved_views_state'] loop
            execute format('alter table %I enable row level security', kept);
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
        for made in select p.oid::regprocedure from pg_proc p
                    where p.pronamespace = (select relnamespace from pg_class where oid = 'saved_views'::regclass)
                    and p.proname = 'is_counted' loop
            execute format('revoke all on function %s from %s', made,
                           case stranger when 'public' then 'public' else quote_ident(stranger) end);
        end loop;
    end loop;
end
$$;
