-- The limit that `make bench` compares with: the same rows, in the same tables with the same indexes, foreign keys and checks, on the
-- same server with the same settings in the same minutes, written by plain SQL with everything that a service does left out: no HTTP,
-- no token, no validation, no rules, no Python. pgbench runs each section prepared (-M prepared), at the numbers of clients that the
-- services are measured with. Written once. It is not changed to look better; a change of the tables changes it, and nothing else does.
--
-- What makes it a limit that is fair, and rather too hard than too soft:
--  * one statement, one round trip, one commit per write: nothing could be written with less waiting;
--  * our own triggers are switched off here (`setup`), so what they cost counts against the services;
--  * event and kept answer are the very texts that the service wrote for such an order in this run (:event, :answer);
--  * fsync and synchronous_commit are on, as everywhere.
--
-- pgbench takes a colon before a word for a variable, within quotes too: so callers are written without one here.
-- A line `-- section NAME` begins a section; tests/bench/reference.py gives each to pgbench as a file of its own.

-- section setup
alter table orders.orders disable trigger user;
alter table orders.lines disable trigger user;
alter table refunds.refunds disable trigger user;
create sequence orders.reference_number;
create sequence refunds.reference_unit;
-- What refunds are asked for: 64,000 orders of one line, many units each, so that no two clients want the same order (1,000 each).
insert into refunds.orders (store_id, order_id, version, number, customer_id, status, currency, shipping, payments, delivered_at)
  select 'reference', md5('order ' || n)::uuid, 5, n::text, 'c-1', 'delivered', 'BDT', 1000, '[]', now() from generate_series(0, 63999) n;
insert into refunds.order_lines (store_id, order_id, line, sku, name, quantity, total, stock_tracked)
  select 'reference', md5('order ' || n)::uuid, 1, 'TEE-1', 'T-shirt', 1000000, 1000000, false from generate_series(0, 63999) n;
-- What is moved forward: 64,000 orders, likewise 1,000 for each client.
insert into orders.orders (store_id, order_id, version, number, status, currency, language, prices_include_tax, customer_id,
    customer_name, email, phone, shipping_address, billing_address, metadata, line_count, unit_count, goods_total, discount_total,
    tax_total, shipping, shipping_tax, total, collected, refunded_total, refund_state, refunds, refunded_units, placed_at, recorded_at,
    updated_at)
  select 'reference', md5('order ' || n)::uuid, 1, 'm-' || n, 'pending', 'BDT', 'en', true, 'c-1', 'Rahima Begum', 'rahima@example.com',
    '+8801712345678', '{}', '{}', '{}', 1, 1, 1000, 0, 0, 0, 0, 1000, 0, 0, 'none', 0, 0, now(), now(), now()
  from generate_series(0, 63999) n;

-- section place
-- An order with three lines, its first change, its event, its kept answer: all in one statement.
with o as materialized (
  select gen_random_uuid() as id, gen_random_uuid() as event, gen_random_uuid()::text as key, nextval('orders.reference_number') as n
), placed as (
  insert into orders.orders (store_id, order_id, version, number, status, currency, language, prices_include_tax, customer_id,
      customer_name, email, phone, shipping_address, billing_address, metadata, line_count, unit_count, goods_total, discount_total,
      tax_total, shipping, shipping_tax, total, collected, refunded_total, refund_state, refunds, refunded_units, placed_at, recorded_at,
    updated_at)
  select 'reference', id, 1, n::text, 'pending', 'BDT', 'en', true, 'c-1', 'Rahima Begum', 'rahima@example.com', '+8801712345678',
      :address::jsonb, :address::jsonb, '{}', 3, 6, 9000, 0, 0, 1000, 0, 10000, 0, 0, 'none', 0, 0, now(), now(), now() from o
), lines as (
  insert into orders.lines (store_id, order_id, line, sku, name, quantity, unit_price, subtotal, discount, order_discount, tax, total,
      stock_tracked, placed_at)
  select 'reference', id, line, 'TEE-' || line, 'T-shirt', 2, 1500, 3000, 0, 0, 0, 3000, false, now() from o, generate_series(1, 3) line
), change as (
  insert into orders.changes (store_id, order_id, version, type, by, message, reason, details, occurred_at, recorded_at)
  select 'reference', id, 1, 'order.placed.v1', '{"role": "platform", "id": "p"}', '', '', '{}', now(), now() from o
), told as (
  insert into orders.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data)
  select 'reference', event, 'order.placed.v1', 'order_' || id, 1, true, now(), now(), :event::jsonb from o
)
insert into orders.idempotency (store_id, caller, key, request_hash, status, etag, body, recorded_at)
select 'reference', 'platform p', key, decode(md5(key), 'hex'), 201, '"v1"', :answer, now() from o;

-- section change
-- One step of an order: its row, the change, the event, the kept answer.
\set n :client_id * 1000 + random(0, 999)
with o as (
  update orders.orders set version = version + 1, status = 'confirmed', confirmed_at = now()
  where store_id = 'reference' and order_id = md5('order ' || :n)::uuid returning order_id, version
), change as (
  insert into orders.changes (store_id, order_id, version, type, by, message, reason, details, occurred_at, recorded_at)
  select 'reference', order_id, version, 'order.confirmed.v1', '{"role": "staff", "id": "s"}', '', '', '{}', now(), now() from o
), told as (
  insert into orders.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data)
  select 'reference', gen_random_uuid(), 'order.confirmed.v1', 'order_' || order_id, version, true, now(), now(), :event::jsonb from o
)
insert into orders.idempotency (store_id, caller, key, request_hash, status, etag, body, recorded_at)
select 'reference', 'staff s', gen_random_uuid()::text, decode(md5('x'), 'hex'), 200, '"v2"', :answer, now() from o;

-- section refund
-- A request for one unit and its approval: two writes, one statement each, counted by pgbench as one transaction pair.
\set n :client_id * 1000 + random(0, 999)
with o as (
  update refunds.orders set events = events + 1 where store_id = 'reference' and order_id = md5('order ' || :n)::uuid
  returning order_id, events
), unit as materialized (
  select o.order_id, o.events, l.slot, nextval('refunds.reference_unit') % 1000000 + 1 as unit, md5('refund ' || o.order_id || o.events)::uuid as id
  from o join refunds.order_lines l on l.store_id = 'reference' and l.order_id = o.order_id
), asked as (
  insert into refunds.refunds (store_id, refund_id, order_id, order_number, customer_id, version, status, settlement, cause, order_version,
      order_invoiced, policy_version, reason, currency, amount, credit, goods, shipping, overpaid, shipping_kept, explanation, requested_by, requested_at)
  select 'reference', id, order_id, 'n', 'c-1', 1, 'processing', 'none', 'request', 5, true, 0, 'damaged', 'BDT', 1, 1, 1, 0, 0, 0, '{}',
      '{"role": "customer", "id": "c-1"}', now() from unit
), lines as (
  insert into refunds.refund_lines (store_id, refund_id, line, sku, name, units, quantity, goods, shipping, disposition, stock_tracked, restock)
  select 'reference', id, 1, 'TEE-1', 'T-shirt', jsonb_build_array(jsonb_build_array(unit, unit)), 1, 1, 0, 'inspect', false, 0 from unit
), claimed as (
  insert into refunds.claims (store_id, order_id, line, first, last, slot, line_quantity, refund_id)
  select 'reference', order_id, 1, unit, unit, slot, 1000000, id from unit
), told as (
  insert into refunds.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data)
  select 'reference', gen_random_uuid(), 'refund.requested.v1', 'order_' || order_id, events, true, now(), now(), :refund_event::jsonb from unit
)
insert into refunds.idempotency (store_id, caller, key, request_hash, status, etag, body, recorded_at)
select 'reference', 'customer c-1', gen_random_uuid()::text, decode(md5('x'), 'hex'), 201, '"v1"', :refund_answer, now() from unit;
with o as (
  update refunds.orders set events = events + 1 where store_id = 'reference' and order_id = md5('order ' || :n)::uuid
  returning order_id, events
), decided as (
  update refunds.refunds r set status = 'approved', settlement = 'unsettled', version = version + 1, decided_at = now(),
      decided_by = '{"role": "staff", "id": "s"}'
  from o where r.store_id = 'reference' and r.refund_id = md5('refund ' || o.order_id || (o.events - 1))::uuid
  returning r.order_id, r.refund_id, o.events
), before as (
  select coalesce(max(number), 0) as number, coalesce(max(approved_after), 0) as approved from refunds.approvals
  where store_id = 'reference' and order_id = md5('order ' || :n)::uuid
), approved as (
  insert into refunds.approvals (store_id, order_id, number, refund_id, amount, collected_seen, approved_before, approved_at)
  select 'reference', order_id, number + 1, refund_id, 1, 1000000, approved, now() from decided, before
), credit_before as (
  select coalesce(max(number), 0) as number, coalesce(max(after), 0) as credited from refunds.credits
  where store_id = 'reference' and order_id = md5('order ' || :n)::uuid and part = 1
), credited as (
  insert into refunds.credits (store_id, order_id, part, number, refund_id, amount, before, whole)
  select 'reference', order_id, 1, number + 1, refund_id, 1, credited, 1000000 from decided, credit_before
), told as (
  insert into refunds.events (store_id, event_id, type, subject, sequence, public, occurred_at, recorded_at, data)
  select 'reference', gen_random_uuid(), 'refund.approved.v1', 'order_' || order_id, events, true, now(), now(), :refund_event::jsonb from decided
)
insert into refunds.idempotency (store_id, caller, key, request_hash, status, etag, body, recorded_at)
select 'reference', 'staff s', gen_random_uuid()::text, decode(md5('x'), 'hex'), 200, '"v2"', :refund_answer, now() from decided;
