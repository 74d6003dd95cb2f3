"""Placing an order in one statement and one round trip: key, stock, number, order, lines, payments, history and event together.

All of it happens or none. What only the database can know (the order's number, which SKUs are tracked) is put into the event
and into the kept answer by the statement itself, as text: the answer under an Idempotency-Key is final before it is known here.
docs/decisions/0100-one-statement-places-an-order.md
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

# Read it as a story. `kept`: the same call has been here. `level`: the tracked SKUs, locked in SKU order, as the last order left
# them. `short`: what is not there in the ordered quantity. `numbered`: the next number of the store, taken only if all is well.
# `claim`: the key is ours; of two calls with the same key the later waits here and gets nothing. Everything after hangs on it.
PLACE = sa.text("""
with kept as materialized (
    select request_hash, status, body, etag from orders.idempotency where store_id = :store and caller = :caller and key = :key
), setting as materialized (
    select stock, number_prefix from orders.settings where store_id = :store order by version desc limit 1
), line as materialized (
    select n, sku, quantity, answer, event
    from unnest(cast(:skus as text[]), cast(:quantities as int[]), cast(:line_answers as text[]), cast(:line_events as text[]))
         with ordinality as l(sku, quantity, answer, event, n)
), wanted as materialized (
    select sku, sum(quantity)::bigint as quantity from line where exists (select from setting where stock) group by sku
), level as materialized (
    select sku, on_hand, movements from orders.stock_levels
    where store_id = :store and sku in (select sku from wanted) and not exists (select from kept)
    order by sku for update
), short as materialized (
    select sku, on_hand, quantity from level join wanted using (sku) where on_hand < quantity
), numbered as materialized (
    select coalesce(cast(:number as text), coalesce((select number_prefix from setting), '') ||
                    nextval(to_regclass('orders.numbers_' || md5(:store)))) as number
    where not exists (select from kept) and not exists (select from short)
), texts as (
    select string_agg(case when level.sku is null then answer else left(answer, -6) || 'true}' end, ',' order by n) as answer,
           string_agg(case when level.sku is null then event else left(event, -6) || 'true}' end, ',' order by n) as event
    from line left join level using (sku)
), told as materialized (
    select number,
           replace(replace(cast(:answer as text), '"lines":[]', '"lines":[' || texts.answer || ']'), mark, final) as answer,
           replace(replace(cast(:event as text), '"lines":[]', '"lines":[' || texts.event || ']'), mark, final) as event
    from numbered, texts, lateral (select '"number":"' || :public_id || '"' as mark, '"number":' || to_json(number) as final) m
    where number is not null
), claim as (
    insert into orders.idempotency (store_id, caller, key, request_hash, status, etag, body, recorded_at)
    select :store, :caller, :key, :request_hash, 201, '"v1"', answer, :now from told
    on conflict do nothing
    returning 1
), placed as (
    insert into orders.orders (store_id, order_id, version, number, external_ref, status, currency, language, prices_include_tax,
        customer_id, customer_name, email, phone, shipping_address, billing_address, metadata, line_count, unit_count, goods_total,
        discount_total, tax_total, shipping, shipping_tax, total, collected, refunded_total, refund_state, refunds, refunded_units,
        placed_at, recorded_at)
    select :store, :order_id, 1, told.number, external_ref, 'pending', currency, language, prices_include_tax,
        customer_id, customer_name, email, phone, shipping_address, billing_address, metadata, line_count, unit_count, goods_total,
        discount_total, tax_total, shipping, shipping_tax, total, collected, 0, 'none', 0, 0, :placed_at, :now
    from claim, told, jsonb_populate_record(null::orders.orders, cast(:order as jsonb))
), lines as (
    insert into orders.lines (store_id, order_id, line, sku, name, quantity, unit_price, subtotal, discount, order_discount, tax, total,
        stock_tracked, placed_at)
    select :store, :order_id, l.line, l.sku, l.name, l.quantity, l.unit_price, l.subtotal, l.discount, l.order_discount, l.tax, l.total,
        level.sku is not null, :placed_at
    from claim, jsonb_populate_recordset(null::orders.lines, cast(:lines as jsonb)) l left join level on level.sku = l.sku
), prepaid as (
    insert into orders.payments (store_id, payment_id, order_id, order_version, amount, method, reference, collected_by, occurred_at,
        recorded_at)
    select :store, p.payment_id, :order_id, 1, p.amount, p.method, p.reference, p.collected_by, p.occurred_at, :now
    from claim, jsonb_populate_recordset(null::orders.payments, cast(:payments as jsonb)) p
), change as (
    insert into orders.changes (store_id, order_id, version, type, by, message, reason, details, occurred_at, recorded_at)
    select :store, :order_id, 1, :type, cast(:by as jsonb), '', '', '{}', :placed_at, :now from claim
), reserved as (
    update orders.stock_levels s set on_hand = level.on_hand - wanted.quantity, movements = level.movements + 1, changed_at = :now
    from claim, level join wanted using (sku)
    where s.store_id = :store and s.sku = level.sku
    returning s.sku, s.on_hand, s.movements, wanted.quantity
), moved as (
    insert into orders.stock_movements (store_id, sku, sequence, quantity, on_hand, cause, order_id, reason, by, recorded_at)
    select :store, sku, movements, -quantity, on_hand, 'placed:' || :public_id, :order_id, 'order placed', cast(:by as jsonb), :now
    from reserved
), events as (
    insert into orders.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data, traceparent)
    select :store, cast(:event_id as uuid), :type, :public_id, 1, true, :placed_at, :now, cast(event as jsonb), :traceparent
    from claim, told
    union all
    select :store, gen_random_uuid(), :stock_type, 'sku:' || sku, movements, true, :now, :now,
           jsonb_build_object('occurred_at', cast(:now_text as text), 'sku', sku, 'quantity', -quantity, 'on_hand', on_hand,
                              'cause', 'placed:' || :public_id, 'order_id', :public_id), :traceparent
    from reserved
)
select exists (select from claim) as placed, exists (select from numbered where number is null) as no_series,
       (select answer from told) as answer, kept.request_hash, kept.status, kept.body, kept.etag,
       (select jsonb_agg(jsonb_build_object('sku', sku, 'on_hand', on_hand, 'ordered', quantity) order by sku) from short) as short
from (select) once left join kept on true
""").bindparams(
    *(sa.bindparam(name, type_=sa.Text) for name in ("store", "caller", "key", "number", "public_id", "type", "stock_type", "traceparent")),
    *(sa.bindparam(name, type_=sa.TIMESTAMP(timezone=True)) for name in ("now", "placed_at")),
    sa.bindparam("order_id", type_=sa.UUID),
    sa.bindparam("request_hash", type_=sa.LargeBinary),
    *(sa.bindparam(name, type_=sa.ARRAY(kind)) for name, kind in (("skus", sa.Text), ("quantities", sa.Integer))),
    *(sa.bindparam(name, type_=sa.ARRAY(sa.Text)) for name in ("line_answers", "line_events")),
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
