-- Carteira: runs share the minute with hints again, as they come.
drop table request_places;
alter table request_bookings drop column single;
