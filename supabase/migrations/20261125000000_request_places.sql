-- Carteira: who has requests in flight, and which requests were booked beside a run, from the few that a run leaves free.

alter table request_bookings add column single boolean not null default false;
comment on column request_bookings.single is 'booked by a hint or a command beside a run: what runs leave free is for these';

create table request_places (
    holder text primary key,
    places integer not null,
    until timestamptz not null
);
comment on table request_places is 'how many requests each process may have in flight; 0: it waits for a place, and a run makes one';
comment on column request_places.until is 'when the process is held for dead';

do $$
declare
    stranger text;
begin
    alter table request_places enable row level security;
    for stranger in select rolname from pg_roles where rolname in ('anon', 'authenticated') union all select 'public' loop
        execute format('revoke all on table request_places from %s',
                       case stranger when 'public' then 'public' else quote_ident(stranger) end);
    end loop;
end
$$;
