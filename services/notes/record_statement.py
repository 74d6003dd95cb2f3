"""Recording an event in one statement: the order's copy, its counters and the timeline's entry together.

It is made once, when it is imported, and runs for every event: docs/decisions/0007-what-an-event-costs.md
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.notes.models import orders
from shared.data.schema import TIME

# The row is locked until the transaction ends, and counts what is told: to the shop always, to the customer what it may see.
# Of the copy a newer version wins; a stale one, and an event without a version (0), only fill in a number that was missing.
_KEEP_COPY = """
insert into notes.orders as known (store_id, order_id, customer_id, number, version, shop_position, customer_position)
values (:store, :order_id, :customer, :number, :version, :told_to_shop, :told_to_customer)
on conflict (store_id, order_id) do update set
    customer_id = case when excluded.version > known.version then excluded.customer_id else known.customer_id end,
    number = case when excluded.version > known.version then excluded.number else coalesce(known.number, excluded.number) end,
    version = greatest(excluded.version, known.version),
    shop_position = known.shop_position + excluded.shop_position,
    customer_position = known.customer_position + excluded.customer_position
"""
_COPY: tuple[sa.BindParameter[Any], ...] = (
    *(sa.bindparam(name, type_=sa.Text) for name in ("store", "customer", "number")),
    *(sa.bindparam(name, type_=sa.BigInteger) for name in ("version", "told_to_shop", "told_to_customer")),
    sa.bindparam("order_id", type_=orders.c.order_id.type),
)

KEEP_COPY = sa.text(_KEEP_COPY).bindparams(*_COPY)

# An erased customer's order keeps what happened, when and by whom (`facts`), and nothing that somebody wrote.
RECORD = sa.text(f"""
with kept as ({_KEEP_COPY} returning shop_position, customer_position, erased_at is not null as erased)
insert into notes.timeline (store_id, order_id, event_id, type, source_rank, sequence, occurred_at, recorded_at, audience,
    by_role, by_id, by_via, details, internal, message, shop_position, customer_position)
select :store, :order_id, :event_id, :type, :source_rank, :sequence, :occurred_at, :recorded_at, :audience,
    :by_role, :by_id, :by_via,
    case when erased then :facts else :details end,
    case when erased then '{{}}' else :internal end,
    case when erased then '' else :message end,
    shop_position, case when :told_to_customer = 1 then customer_position end
from kept
""").bindparams(  # noqa: S608  (the part that is put in is the constant above)
    *_COPY,
    *(sa.bindparam(name, type_=sa.Text) for name in ("type", "audience", "by_role", "by_id", "by_via", "message")),
    *(sa.bindparam(name, type_=JSONB) for name in ("details", "facts", "internal")),
    *(sa.bindparam(name, type_=TIME) for name in ("occurred_at", "recorded_at")),
    sa.bindparam("event_id", type_=sa.Uuid),
    sa.bindparam("source_rank", type_=sa.SmallInteger),
    sa.bindparam("sequence", type_=sa.BigInteger),
)
