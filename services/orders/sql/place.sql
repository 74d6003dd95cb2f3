-- Places orders, one or several of a batch, with their keys, stock, numbers, lines, payments, history and events: all or nothing.
-- Why it is one statement: docs/decisions/0100 and 0107. To run it in psql, \set each parameter to a quoted literal first.
--
-- asked      the orders as given; event and answer are JSON with "lines":[] before "goods_total", and the order's own id as its number;
--            beside is what no event carries
-- repeated   those whose key has a stored response; if there is one, nothing is placed
-- level      the tracked SKUs of all orders, locked in SKU order, so that two orders with the same SKUs cannot deadlock
-- line       the lines of all orders, without a SKU where it left long ago: an order of the past moves no stock
-- taking     the units that each order takes of them, one order after the other
-- short      what each order takes of a SKU that would fall below 0; `missing` units of it are not there
-- refused    whether nothing is placed because of that: unless the store sells what is not there
-- oversold   the orders that are placed though they are short, with what they are missing
-- series     the lock and the sequence of the store's numbers, if a first attempt met a number in use (`behind`)
-- highest    the highest number of the store's prefix, of up to 18 digits: one row of the index for each count of digits
-- moved_on   the series set behind it, unless it is there already; the lock makes the later of two wait for the numbers of the first
-- numbered   the store's next numbers, taken only if no order is repeated or short; null if the store has no series yet
-- ready      event and answer with their lines and number
-- reserved   the keys; the later of two calls with the same key waits here, and then its whole statement fails
-- won        the orders to write, once every key is reserved; all rows are read from the event, so that they cannot differ from it
with asked as materialized (
    select * from unnest(cast(:keys as text[]), cast(:request_hashes as bytea[]), cast(:order_ids as uuid[]), cast(:public_ids as text[]),
                         cast(:numbers as text[]), cast(:answers as text[]), cast(:events as text[]), cast(:event_ids as uuid[]),
                         cast(:types as text[]), cast(:beside as text[]), cast(:address_problems as text[]), cast(:payments as text[]))
        with ordinality as i(key, request_hash, order_id, public_id, number, answer, event, event_id, type, beside,
                                address_problems, payments, n)
), repeated as materialized (
    select n, i.* from asked, lateral (  -- limit 1: uses the key's index for each order, whatever the planner estimates
        select request_hash, status, body, etag from orders.idempotency
        where store_id = :store and caller = :caller and key = asked.key limit 1
    ) i
), setting as materialized (
    select stock, number_prefix, oversell = 'allow' as oversell from orders.settings where store_id = :store order by version desc limit 1
), line as materialized (
    select * from unnest(cast(:line_items as int[]), cast(:skus as text[]), cast(:quantities as int[]), cast(:line_answers as text[]),
                         cast(:line_events as text[]), cast(:tracked_line_answers as text[]), cast(:tracked_line_events as text[]))
        with ordinality as l(n, sku, quantity, answer, event, tracked_answer, tracked_event, at)
), wanted as materialized (
    select n, sku, sum(quantity)::bigint as quantity from line where exists (select from setting where stock) group by n, sku
), level as materialized (
    select sku, on_hand, movements from orders.stock_levels
    where store_id = :store and sku in (select sku from wanted) and not exists (select from repeated)
    order by sku for update
), taking as materialized (
    select n, sku, wanted.quantity, (on_hand - sum(wanted.quantity) over earlier)::bigint as on_hand,
           movements + row_number() over earlier as sequence
    from level join wanted using (sku) window earlier as (partition by sku order by n)
), short as materialized (
    select n, sku, on_hand + quantity as on_hand, quantity, least(quantity, -on_hand) as missing from taking where on_hand < 0
), refused as materialized (
    select from short where not (select oversell from setting) limit 1
), oversold as materialized (
    select n, jsonb_agg(jsonb_build_object('sku', sku, 'short', missing) order by sku) as oversold,
           '[' || string_agg('{"sku":' || to_json(sku) || ',"short":' || missing || '}', ',' order by sku) || ']' as shown
    from short where (select oversell from setting) group by n
), series as materialized (
    select pg_advisory_xact_lock(hashtextextended('orders.numbers:' || :store, 0)),
           to_regclass('orders.numbers_' || md5(:store)) as numbers, coalesce((select number_prefix from setting), '') as prefix
    where cast(:behind as boolean) and not exists (select from repeated) and not exists (select from refused)
), highest as materialized (
    select numbers, max(cast(substr(found.number, length(prefix) + 1) as bigint)) as number
    from series, generate_series(1, 18) as digits, lateral (
        select number from orders.orders
        where store_id = :store and rtrim(number, '0123456789') = rtrim(prefix, '0123456789') and length(number) = length(prefix) + digits
          and btrim(number) between prefix || '1' || repeat('0', digits - 1) and prefix || repeat('9', digits)
        order by btrim(number) desc limit 1  -- as ix_orders_number_series has it: the index of unique numbers has others in between
    ) found
    group by numbers
), moved_on as materialized (
    select setval(numbers, number) from highest, lateral pg_get_sequence_data(numbers) s where number >= s.last_value + s.is_called::int
), numbered as materialized (
    select n, coalesce(number, coalesce((select number_prefix from setting), '') ||
                               nextval(to_regclass('orders.numbers_' || md5(:store)))) as number
    from asked where not exists (select from repeated) and not exists (select from refused)
      and (select count(*) from moved_on) >= 0 order by n
), joined as (
    select n, string_agg(case when level.sku is null then answer else tracked_answer end, ',' order by at) as answers,
           string_agg(case when level.sku is null then event else tracked_event end, ',' order by at) as events,
           count(*) as line_count, sum(quantity) as unit_count
    from line left join level using (sku) group by n
), ready as materialized (
    select n, key, request_hash, order_id, public_id, event_id, type, beside, address_problems, payments, line_count, unit_count, oversold,
           replace(replace(coalesce(replace(replace(answer, none_short, '"needs_attention":["oversold"],"oversold":' || shown),
                                            '],"oversold":[]', ',"oversold"],"oversold":' || shown), answer),
                           no_lines, '"lines":[' || answers || '],"goods_total"'), no_number, its_number) as answer,
           cast(replace(replace(event, no_lines, '"lines":[' || events || '],"goods_total"'), no_number, its_number) as jsonb) as event
    from asked join joined using (n) join numbered using (n) left join oversold using (n),
         lateral (select '"number":' || to_json(public_id) as no_number, '"number":' || to_json(numbered.number) as its_number,
                        '"lines":[],"goods_total"' as no_lines, '"needs_attention":[],"oversold":[]' as none_short) m
    where not exists (select from numbered where number is null)
), reserved as (
    insert into orders.idempotency (store_id, caller, key, request_hash, status, etag, body, recorded_at)
    select :store, :caller, key, request_hash, 201, '"v1"', answer, :now from ready order by n
    returning 1
), won as materialized (
    select n, order_id, public_id, event_id, type, cast(beside as jsonb) as beside, address_problems, payments, line_count, unit_count,
           oversold, event
    from ready where (select count(*) from reserved) > 0
), placed as (
    insert into orders.orders (store_id, order_id, version, number, external_ref, status, currency, language, prices_include_tax,
        customer_id, customer_name, email, phone, shipping_address, billing_address, invoiced_address, metadata, address_problems, line_count,
        unit_count, goods_total,
        discount_total, tax_total, shipping, shipping_tax, total, collected, refunded_total, refund_state, refunds, refunded_units,
        placed_at, recorded_at, updated_at, fulfilment, shipping_method, payment_method, place_of_supply, shipping_tax_rate, shipping_tax_code,
        supplied_on, payment_due_on, company, buyer_reference, customer_note, coupon_codes, tax_numbers, personal_lines, tags, line_extras,
        oversold, oversold_open, confirmed_at, confirmed_version, delivered_at, cancellation, imported, history, external_documents)
    select :store, won.order_id, 1, o.number, o.external_ref, o.status, o.currency, o.language, o.prices_include_tax,
        o.customer_id, o.customer_name, o.email, o.phone, o.shipping_address, o.billing_address, o.invoiced_address, beside -> 'metadata',
        cast(won.address_problems as jsonb),
        won.line_count, won.unit_count, o.goods_total, o.discount_total, o.tax_total, o.shipping, o.shipping_tax, o.total, o.collected,
        0, 'none', 0, 0, o.placed_at, :now, :now, o.fulfilment, o.shipping_method, o.payment_method, o.place_of_supply, o.shipping_tax_rate,
        o.shipping_tax_code, o.supplied_on, o.payment_due_on, o.company, o.buyer_reference, o.customer_note, o.coupon_codes, o.tax_numbers,
        event -> 'personal' -> 'lines', beside -> 'tags', beside -> 'line_extras', coalesce(won.oversold, '[]'), won.oversold is not null,
        o.confirmed_at, o.confirmed_version, o.delivered_at,
        o.cancellation, coalesce(o.imported, false), o.history, coalesce(o.external_documents, '[]')
    from won, jsonb_populate_record(null::orders.orders, event -> 'order' #- '{order_id}' || (event -> 'personal')) o
    order by n
), lines as (
    insert into orders.lines (store_id, order_id, line, sku, name, quantity, unit_price, subtotal, discount, order_discount, tax, total,
        stock_tracked, tax_rate, tax_code, commodity_code, options, placed_at)
    select :store, won.order_id, l.line, l.sku, l.name, l.quantity, l.unit_price, l.subtotal, l.discount, l.order_discount, l.tax, l.total,
        l.stock_tracked, l.tax_rate, l.tax_code, l.commodity_code, l.options, cast(event -> 'order' ->> 'placed_at' as timestamptz)
    from won, jsonb_populate_recordset(null::orders.lines, event -> 'order' -> 'lines') l
), prepaid as (
    insert into orders.payments (store_id, payment_id, order_id, order_version, amount, method, reference, collected_by, occurred_at,
        recorded_at, placed_at)
    select :store, p.payment_id, won.order_id, 1, p.amount, p.method, p.reference, p.collected_by, p.occurred_at, :now,
        cast(event -> 'order' ->> 'placed_at' as timestamptz)
    from won, jsonb_populate_recordset(null::orders.payments, cast(won.payments as jsonb)) p
), change as (
    insert into orders.changes (store_id, order_id, version, type, by, message, reason, details, occurred_at, recorded_at)
    select :store, order_id, 1, type, event -> 'by', '', '', '{}', cast(event ->> 'occurred_at' as timestamptz), :now from won
), levels as (
    update orders.stock_levels s set on_hand = last.on_hand, movements = last.sequence, changed_at = :now,
        oversold = last.on_hand < 0 and (select oversell from setting)
    from (select sku, min(on_hand) as on_hand, max(sequence) as sequence from taking group by sku) last
    where s.store_id = :store and s.sku = last.sku and exists (select from won)
), taken as materialized (
    select n, order_id, public_id, event -> 'by' as by, sku, sequence, -quantity as quantity, on_hand from won join taking using (n)
), moved as (
    insert into orders.stock_movements (store_id, sku, sequence, quantity, on_hand, cause, order_id, reason, by, recorded_at, oversold)
    select :store, sku, sequence, quantity, on_hand, 'placed:' || public_id, order_id, 'order placed', by, :now,
        on_hand < 0 and (select oversell from setting)
    from taken
), events as (
    insert into orders.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data, traceparent)
    select :store, event_id, type, subject, sequence, true, occurred_at, :now, data, :traceparent
    from (
        select n, event_id, type, public_id as subject, 1 as sequence,
               cast(event ->> 'occurred_at' as timestamptz) as occurred_at, event as data
        from won
        union all
        select n, gen_random_uuid(), :stock_type, 'sku:' || sku, sequence, :now,
               jsonb_build_object('occurred_at', cast(:now_text as text), 'sku', sku, 'quantity', quantity, 'on_hand', on_hand,
                                  'cause', 'placed:' || public_id, 'order_id', public_id)
        from taken
    ) e order by n, type, subject
)
select ready.n is not null as placed, ready.answer,
       repeated.request_hash, repeated.status, repeated.body, repeated.etag,
       (select jsonb_agg(jsonb_build_object('sku', sku, 'on_hand', on_hand, 'ordered', quantity) order by sku)
        from short where exists (select from refused)) as short
from asked left join ready using (n) left join repeated using (n) order by n
