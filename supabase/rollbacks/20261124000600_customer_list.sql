-- Carteira: the list works without them, more slowly.
drop index customers_by_owner;
drop index customers_by_name;
