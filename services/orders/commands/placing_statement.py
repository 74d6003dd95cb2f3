"""Placing orders in one statement and one round trip: keys, stock, numbers, orders, lines, payments, history and events together.

All of it happens or none, for one order or for several of a batch. What only the database can know (an order's number, which SKUs
are tracked) is put into the event and into the kept answer by the statement itself, as text: the answer under an Idempotency-Key is
final before it is known here. docs/decisions/0100-one-statement-places-an-order.md, 0107-a-batch-is-placed-in-chunks.md
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

# Read it as a story. `item`: the orders, in their order. `kept`: the same calls have been here. `level`: the tracked SKUs of all
# items, locked in SKU order, as the last order left them. `taking`: what each item takes of them, one after the other. `short`: what
# is not there in the ordered quantity. `numbered`: the next numbers of the store, taken only if all is well. `told`: event and
# answer as they will stand. `claim`: the keys are ours; of two calls with the same key the later waits here, breaks on the key, and
# nothing of its statement happens. `mine`: everything after hangs on all of the claims, and its rows are what the event says.
PLACE = sa.text("""
with item as materialized (
    select * from unnest(cast(:keys as text[]), cast(:request_hashes as bytea[]), cast(:order_ids as uuid[]), cast(:public_ids as text[]),
                         cast(:numbers as text[]), cast(:answers as text[]), cast(:events as text[]), cast(:event_ids as uuid[]),
                         cast(:metadata as text[]), cast(:payments as text[]))
        with ordinality as i(key, request_hash, order_id, public_id, number, answer, event, event_id, metadata, payments, n)
), kept as materialized (
    select n, i.* from item, lateral (  -- limit 1: by the key's index for each item, whatever the planner believes of the table
        select request_hash, status, body, etag from orders.idempotency
        where store_id = :store and caller = :caller and key = item.key limit 1
    ) i
), setting as materialized (
    select stock, number_prefix from orders.settings where store_id = :store order by version desc limit 1
), line as materialized (
    select * from unnest(cast(:line_items as int[]), cast(:skus as text[]), cast(:quantities as int[]), cast(:line_answers as text[]),
                         cast(:line_events as text[])) with ordinality as l(n, sku, quantity, answer, event, at)
), wanted as materialized (
    select n, sku, sum(quantity)::bigint as quantity from line where exists (select from setting where stock) group by n, sku
), level as materialized (
    select sku, on_hand, movements from orders.stock_levels
    where store_id = :store and sku in (select sku from wanted) and not exists (select from kept)
    order by sku for update
), taking as materialized (
    select n, sku, wanted.quantity, (on_hand - sum(wanted.quantity) over earlier)::bigint as on_hand,
           movements + row_number() over earlier as sequence
    from level join wanted using (sku) window earlier as (partition by sku order by n)
), short as materialized (
    select sku, on_hand + quantity as on_hand, quantity from taking where on_hand < 0
), numbered as materialized (
    select n, coalesce(number, coalesce((select number_prefix from setting), '') ||
                               nextval(to_regclass('orders.numbers_' || md5(:store)))) as number
    from item where not exists (select from kept) and not exists (select from short) order by n
), texts as (
    select n, string_agg(case when level.sku is null then answer else left(answer, -6) || 'true}' end, ',' order by at) as answer,
           string_agg(case when level.sku is null then event else left(event, -6) || 'true}' end, ',' order by at) as event,
           count(*) as line_count, sum(quantity) as unit_count
    from line left join level using (sku) group by n
), told as materialized (
    select n, key, request_hash, order_id, public_id, event_id, metadata, payments, line_count, unit_count,
           replace(replace(item.answer, '"lines":[]', '"lines":[' || texts.answer || ']'), mark, final) as answer,
           cast(replace(replace(item.event, '"lines":[]', '"lines":[' || texts.event || ']'), mark, final) as jsonb) as event
    from item join texts using (n) join numbered using (n),
         lateral (select '"number":"' || public_id || '"' as mark, '"number":' || to_json(numbered.number) as final) m
    where not exists (select from numbered where number is null)
), claim as (
    insert into orders.idempotency (store_id, caller, key, request_hash, status, etag, body, recorded_at)
    select :store, :caller, key, request_hash, 201, '"v1"', answer, :now from told order by n
    returning 1
), mine as materialized (
    select n, order_id, public_id, event_id, metadata, payments, line_count, unit_count, event
    from told where (select count(*) from claim) > 0
), placed as (
    insert into orders.orders (store_id, order_id, version, number, external_ref, status, currency, language, prices_include_tax,
        customer_id, customer_name, email, phone, shipping_address, billing_address, metadata, line_count, unit_count, goods_total,
        discount_total, tax_total, shipping, shipping_tax, total, collected, refunded_total, refund_state, refunds, refunded_units,
        placed_at, recorded_at)
    select :store, mine.order_id, 1, o.number, o.external_ref, 'pending', o.currency, o.language, o.prices_include_tax,
        o.customer_id, o.customer_name, o.email, o.phone, o.shipping_address, o.billing_address, cast(mine.metadata as jsonb),
        mine.line_count, mine.unit_count, o.goods_total, o.discount_total, o.tax_total, o.shipping, o.shipping_tax, o.total, o.collected,
        0, 'none', 0, 0, o.placed_at, :now
    from mine, jsonb_populate_record(null::orders.orders, event -> 'order' #- '{order_id}' || (event -> 'personal')) o
    order by n
), lines as (
    insert into orders.lines (store_id, order_id, line, sku, name, quantity, unit_price, subtotal, discount, order_discount, tax, total,
        stock_tracked, placed_at)
    select :store, mine.order_id, l.line, l.sku, l.name, l.quantity, l.unit_price, l.subtotal, l.discount, l.order_discount, l.tax, l.total,
        l.stock_tracked, cast(event -> 'order' ->> 'placed_at' as timestamptz)
    from mine, jsonb_populate_recordset(null::orders.lines, event -> 'order' -> 'lines') l
), prepaid as (
    insert into orders.payments (store_id, payment_id, order_id, order_version, amount, method, reference, collected_by, occurred_at,
        recorded_at)
    select :store, p.payment_id, mine.order_id, 1, p.amount, p.method, p.reference, p.collected_by, p.occurred_at, :now
    from mine, jsonb_populate_recordset(null::orders.payments, cast(mine.payments as jsonb)) p
), change as (
    insert into orders.changes (store_id, order_id, version, type, by, message, reason, details, occurred_at, recorded_at)
    select :store, order_id, 1, :type, event -> 'by', '', '', '{}', cast(event ->> 'occurred_at' as timestamptz), :now from mine
), reserved as (
    update orders.stock_levels s set on_hand = last.on_hand, movements = last.sequence, changed_at = :now
    from (select sku, min(on_hand) as on_hand, max(sequence) as sequence from taking group by sku) last
    where s.store_id = :store and s.sku = last.sku and exists (select from mine)
), taken as materialized (
    select n, order_id, public_id, event -> 'by' as by, sku, sequence, -quantity as quantity, on_hand from mine join taking using (n)
), moved as (
    insert into orders.stock_movements (store_id, sku, sequence, quantity, on_hand, cause, order_id, reason, by, recorded_at)
    select :store, sku, sequence, quantity, on_hand, 'placed:' || public_id, order_id, 'order placed', by, :now from taken
), events as (
    insert into orders.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data, traceparent)
    select :store, event_id, type, subject, sequence, true, occurred_at, :now, data, :traceparent
    from (
        select n, event_id, :type as type, public_id as subject, 1 as sequence,
               cast(event ->> 'occurred_at' as timestamptz) as occurred_at, event as data
        from mine
        union all
        select n, gen_random_uuid(), :stock_type, 'sku:' || sku, sequence, :now,
               jsonb_build_object('occurred_at', cast(:now_text as text), 'sku', sku, 'quantity', quantity, 'on_hand', on_hand,
                                  'cause', 'placed:' || public_id, 'order_id', public_id)
        from taken
    ) e order by n, type, subject
)
select told.n is not null as placed, exists (select from numbered where number is null) as no_series, told.answer,
       kept.request_hash, kept.status, kept.body, kept.etag,
       (select jsonb_agg(jsonb_build_object('sku', sku, 'on_hand', on_hand, 'ordered', quantity) order by sku) from short) as short
from item left join told using (n) left join kept using (n) order by n
""").bindparams(
    *(sa.bindparam(name, type_=sa.Text) for name in ("store", "caller", "type", "stock_type", "traceparent")),
    sa.bindparam("now", type_=sa.TIMESTAMP(timezone=True)),
    sa.bindparam("request_hashes", type_=sa.ARRAY(sa.LargeBinary)),
    *(sa.bindparam(name, type_=sa.ARRAY(sa.UUID)) for name in ("order_ids", "event_ids")),
    *(sa.bindparam(name, type_=sa.ARRAY(sa.Integer)) for name in ("line_items", "quantities")),
    *(
        sa.bindparam(name, type_=sa.ARRAY(sa.Text))
        for name in (
            "keys", "public_ids", "numbers", "answers", "events", "metadata", "payments", "skus", "line_answers", "line_events",
        )
    ),
).columns(
    placed=sa.Boolean, no_series=sa.Boolean, answer=sa.Text, request_hash=sa.LargeBinary, status=sa.SmallInteger, body=sa.Text,
    etag=sa.Text, short=JSONB,
)  # fmt: skip

# Numbers of one store rise without its placements queueing on a row: a sequence per store, made when its first order comes.
SERIES = (
    sa.text("select pg_advisory_xact_lock(hashtextextended('orders.numbers:' || :store, 0))"),
    sa.text("select 'orders.numbers_' || md5(:store)"),
)
FIRST_NUMBER = 1001
