-- The orders that each item of a bulk change names, newest first: by number, external_ref, or carrier (in any case) and tracking number.
-- Numbers and references are unique; a tracking number may fit several orders, of which at most 20 are returned.
select n, (
    select array_agg(order_id order by placed_at desc, order_id) from (
        select order_id, placed_at from orders.orders where store_id = :store and number = asked.number
        union
        select order_id, placed_at from orders.orders where store_id = :store and external_ref = asked.external_ref
        union
        (select order_id, p.placed_at from orders.parcel_numbers p join orders.orders o using (store_id, order_id)
         where p.store_id = :store and p.number = asked.tracking_number and exists (
             select from (select tracking as parcel union all select jsonb_array_elements(parcels)) given
             where parcel ->> 'number' = asked.tracking_number
               and lower(normalize(parcel ->> 'carrier')) = lower(normalize(asked.carrier)))
         order by p.placed_at desc, order_id limit 20)
    ) found
) as order_ids
from unnest(cast(:numbers as text[]), cast(:external_refs as text[]), cast(:carriers as text[]), cast(:tracking_numbers as text[]))
    with ordinality as asked(number, external_ref, carrier, tracking_number, n)
order by n
