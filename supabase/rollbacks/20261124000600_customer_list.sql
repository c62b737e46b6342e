drop index customers_by_owner;
drop index customers_by_name;
