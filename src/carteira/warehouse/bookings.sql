-- name: alone()!
-- One booking at a time, over all processes, until this transaction ends.
select pg_advisory_xact_lock(hashtext('carteira.request_bookings'), 0);

-- name: booked(window, holder)^
-- How many requests the window holds, how many of them are runs', and how many seconds until the first of them leaves
-- it; how many places in flight others have, and how many of those wait for one.
select coalesce(sum(requests), 0)::integer as requests,
    coalesce(sum(requests) filter (where not single), 0)::integer as by_runs,
    extract(epoch from min(booked_at) + make_interval(secs => :window) - clock_timestamp())::float8 as seconds,
    (select coalesce(sum(places), 0)::integer from request_places
     where holder <> :holder and until > clock_timestamp()) as taken,
    (select count(*)::integer from request_places
     where holder <> :holder and until > clock_timestamp() and places = 0) as waiting
from request_bookings
where booked_at > clock_timestamp() - make_interval(secs => :window);

-- name: book(requests, single, holder, places, seconds)<!
-- Book some, with places for them, and forget those that have left every window.
with forgotten as (
    delete from request_bookings where booked_at < clock_timestamp() - interval '1 hour'
), placed as (
    insert into request_places (holder, places, until)
    values (:holder, :places, clock_timestamp() + make_interval(secs => :seconds))
    on conflict (holder) do update set places = excluded.places, until = excluded.until
)
insert into request_bookings (booked_at, requests, single) values (clock_timestamp(), :requests, :single)
returning booking_id;

-- name: wait(holder, places, seconds)!
-- No more may be sent now: others have the places meanwhile, and where there is none, they see that somebody waits.
insert into request_places (holder, places, until)
values (:holder, :places, clock_timestamp() + make_interval(secs => :seconds))
on conflict (holder) do update set places = excluded.places, until = excluded.until;

-- name: give_back(booking_id, requests)!
-- Requests of a block that were not sent after all.
update request_bookings set requests = requests - :requests where booking_id = :booking_id;

-- name: leave(holder)!
-- Nothing is in flight; and what the dead held is forgotten.
delete from request_places where holder = :holder or until < clock_timestamp();
