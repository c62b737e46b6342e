-- name: remember(customer_id)!
-- This contact is forgotten from now on.
insert into forgotten (customer_id) values (:customer_id) on conflict do nothing;

-- name: let_go(customer_id)^
-- This contact may be known again; no row where it was not forgotten.
delete from forgotten where customer_id = :customer_id returning customer_id;

-- name: list()
-- The contacts that are forgotten, and since when.
select customer_id, forgotten_at from forgotten order by customer_id;

-- name: empty_published(customer_id)^
-- Nothing that is published names the contact any more; the deals stay with their amounts, and so do all totals.
with known as (
    select deal_id from sales where customer_id = :customer_id
), days as (
    -- What was sold to his state is no longer so.
    update sales_days set stale = true
    from sales where customer_id = :customer_id and closed_at >= since and closed_at < until
), people as (
    update customers
    set name = 'Cliente esquecido', name_key = 'cliente esquecido', legal_name = '', cnpj = null, cnpj_root = null,
        cpf = null, document_raw = null, document_valid = null, city = null, state = null
    where customer_id = :customer_id
    returning 1
), deals as (
    update sales set contact_name = 'Cliente esquecido', title = '' where customer_id = :customer_id returning 1
), rejected as (
    update rejected_rows set raw = '{}', reason = 'not kept, since the contact is forgotten'
    where (entity = 'contacts' and id = :customer_id)
        or (entity = 'deals' and (id in (select deal_id from known)
                                  or raw ~ ('"ContactId"\s*:\s*"?' || :customer_id::bigint || '\M')))
    returning 1
)
select (select count(*) from people) as contacts, (select count(*) from deals) as deals,
    (select count(*) from rejected) as rejected;

-- name: empty_staged()!
-- Nor does anything that waits to be published; this is why a full read brings nobody back.
with people as (
    update staged_customers staged
    set name = 'Cliente esquecido', name_key = 'cliente esquecido', legal_name = '', cnpj = null, cnpj_root = null,
        cpf = null, document_raw = null, document_valid = null, city = null, state = null
    from forgotten where forgotten.customer_id = staged.customer_id
), deals as (
    update staged_sales staged set contact_name = 'Cliente esquecido', title = ''
    from forgotten where forgotten.customer_id = staged.customer_id
)
update staged_rejections staged set raw = '{}', reason = 'not kept, since the contact is forgotten'
from forgotten
where (entity = 'contacts' and id = forgotten.customer_id)
    or (entity = 'deals' and (raw ~ ('"ContactId"\s*:\s*"?' || forgotten.customer_id || '\M')
        or exists (select from sales where deal_id = id and sales.customer_id = forgotten.customer_id)));

-- name: set_aside()
-- The tables of an older system that were put aside, of which rows name a customer.
select c.relname
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attname = 'customer_id' and not a.attisdropped
where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
    and c.relname in ('customer_sales_before_carteira', 'sales_before_carteira', 'customers_before_carteira');

-- name: named(customer_id)^
-- What the contact goes by: its names, on its deals too, its documents, and the first eight of its CNPJ.
select array(select name from customers where customer_id = :customer_id
             union select legal_name from customers where customer_id = :customer_id
             union select contact_name from sales where customer_id = :customer_id and contact_name is not null) as names,
    array(select unnest(array_remove(array[cnpj, cpf, document_raw], null)) from customers
          where customer_id = :customer_id) as documents,
    (select cnpj_root from customers where customer_id = :customer_id) as root;

-- name: saved_views()
-- Everybody's saved views, and who has them.
select v.view_id, v.name, v.query, u.email from saved_views v join users u using (user_id) order by v.view_id;

-- name: delete_views(view_ids)!
-- These views are gone.
delete from saved_views where view_id = any(:view_ids::bigint[]);
