-- name: alone()!
-- One booking at a time, over all processes, until this transaction ends.
select pg_advisory_xact_lock(hashtext('carteira.request_bookings'), 0);

-- name: booked(window)^
-- How many requests the window holds, and how many seconds until the first of them leaves it.
select coalesce(sum(requests), 0)::integer as requests,
    extract(epoch from min(booked_at) + make_interval(secs => :window) - clock_timestamp())::float8 as seconds
from request_bookings
where booked_at > clock_timestamp() - make_interval(secs => :window);

-- name: book(requests)<!
-- Book some, and forget those that have left every window.
with forgotten as (
    delete from request_bookings where booked_at < clock_timestamp() - interval '1 hour'
)
insert into request_bookings (booked_at, requests) values (clock_timestamp(), :requests)
returning booking_id;

-- name: give_back(booking_id, requests)!
-- Requests of a block that were not sent after all.
update request_bookings set requests = requests - :requests where booking_id = :booking_id;
