"""Loads whole orders for actors who may see them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.engine import Row

from services.orders.rules.parcels import standing
from services.orders.rules.part_cancel import with_cancelled
from services.orders.state import Change, LineExtra, OrderState, Shortage
from services.orders.tables import changes, closings, lines, orders, payments
from shared.contracts.actor import Actor
from shared.contracts.errors import Choice, FieldError
from shared.contracts.events import (
    Address,
    By,
    Cancellation,
    Closing,
    ExternalDocument,
    History,
    Option,
    Order,
    OrderLine,
    OrderPersonal,
    Parcel,
    PartCancellation,
    Payment,
    PersonalLine,
    TaxRegistration,
    Tracking,
)
from shared.contracts.ids import public_id, uuid_of
from shared.data.columns import own_rows
from shared.data.db import Transaction
from shared.data.readable import BrokenJson
from shared.data.set_aside import Unusable, each_readable, one_row

LINE_COLUMNS = tuple(column for column in lines.c if column.name not in ("store_id", "order_id", "placed_at"))
PAYMENT_COLUMNS = tuple(payments.c[name] for name in Payment.model_fields)
PARTS = ("tracking", "cancellation", "part_cancellations", "coupon_codes", "parcels", "history", "external_documents")
"""Columns of an order that are read into parts of it."""

CHANGE_COLUMNS = tuple(column for column in changes.c if column.name not in ("store_id", "order_id"))
CLOSING_COLUMNS = (
    *(closings.c[name] for name in ("closing_id", "kind", "amount", "reason", "order_version")),
    changes.c.by, changes.c.occurred_at, changes.c.reason.label("note"),
)  # fmt: skip


async def order_for(tx: Transaction, actor: Actor, order_id: str, *, lock: bool = False) -> OrderState:
    """The order in its current state. With `lock`, nobody else can change it before this transaction ends.

    The lock is a separate statement, so that the next one sees the payments of a transaction that it waited for.
    Raises NotFound for an order that does not exist or that `actor` may not see, and UnreadableRow.
    """
    if lock:
        await tx.execute(sa.select(sa.literal(1)).where(own_rows(actor, orders), orders.c.order_id == order_id).with_for_update())
    row = await tx.found(WHOLE.where(own_rows(actor, orders), orders.c.order_id == order_id), "No such order.")
    with one_row("orders", row.store_id, row.order_id):
        return state_of(row)


async def order_with_history(tx: Transaction, actor: Actor, order_id: str) -> tuple[OrderState, list[Change], list[Unusable]]:
    """The order and all of its changes, oldest first, in one query; and the changes that cannot be read. Raises NotFound, UnreadableRow."""
    row = await tx.found(WITH_HISTORY.where(own_rows(actor, orders), orders.c.order_id == order_id), "No such order.")
    with one_row("orders", row.store_id, row.order_id):
        state = state_of(row)
    made, unreadable = each_readable(await _written(tx, row), _change, lambda one: (row.store_id, f"{row.order_id} {one['version']}"))
    return state, [change for _, change in made], unreadable


async def rows_of(tx: Transaction, actor: Actor, order_ids: Sequence[str]) -> list[Row[Any]]:
    """The rows of whole orders, as `state_of` reads them, in the order of their ids; those that `actor` may not see are left out."""
    rows = {row.order_id: row for row in await tx.all(WHOLE.where(own_rows(actor, orders), orders.c.order_id.in_(order_ids)))}
    return [rows[order_id] for order_id in order_ids if order_id in rows]


async def lock_each(tx: Transaction, actor: Actor, order_ids: Sequence[str]) -> int:
    """Lock these orders until this transaction ends, in the order of their ids, so that two of these cannot deadlock.

    Returns how many lines they have.
    """
    mine = sa.select(orders.c.line_count).where(own_rows(actor, orders), orders.c.order_id.in_(order_ids)).order_by(orders.c.order_id)
    return sum(row.line_count for row in await tx.all(mine.with_for_update()))


async def _written(tx: Transaction, row: Row[Any]) -> list[Mapping[str, Any]]:
    """The rows of an order's history. If they cannot be read as one JSON array, they are read separately."""
    if not isinstance(row.order_changes, BrokenJson):
        return list(row.order_changes)
    mine = (changes.c.store_id == row.store_id) & (changes.c.order_id == row.order_id)
    alone = await tx.all(sa.select(*CHANGE_COLUMNS).where(mine).order_by(changes.c.version))
    return [{**one._mapping, "occurred_at": str(one.occurred_at), "recorded_at": str(one.recorded_at)} for one in alone]


def state_of(row: Row[Any]) -> OrderState:
    """An `OrderState` from an order's row with its lines and payments."""
    values = row._mapping
    same = [name for name in Order.model_fields if name in orders.c and name not in PARTS]
    parts = tuple(PartCancellation.model_validate(one, strict=False) for one in row.part_cancellations)
    tracking = None if row.tracking is None else Tracking(**row.tracking)
    parcels = tuple(Parcel.model_validate(parcel, strict=False) for parcel in row.parcels)
    order = Order(
        **{name: values[name] for name in same},
        lines=with_cancelled([_line(line) for line in row.order_lines], [units for part in parts for units in part.lines]),
        part_cancellations=parts,
        closings=tuple(_closing(closing) for closing in row.order_closings),
        payments=tuple(_payment(payment) for payment in row.order_payments),
        tracking=tracking,
        parcels=standing(parcels, tracking, public_id("parcel", uuid_of("order", row.order_id))),
        coupon_codes=tuple(row.coupon_codes),
        cancellation=None if row.cancellation is None else Cancellation.model_validate(row.cancellation, strict=False),
        history=None if row.history is None else History.model_validate(row.history, strict=False),
        external_documents=tuple(ExternalDocument.model_validate(one, strict=False) for one in row.external_documents),
    )
    personal = OrderPersonal(
        customer_name=row.customer_name,
        email=row.email,
        phone=row.phone,
        shipping_address=None if row.shipping_address is None else Address(**row.shipping_address),
        billing_address=None if row.billing_address is None else Address(**row.billing_address),
        invoiced_address=None if row.invoiced_address is None else Address(**row.invoiced_address),
        company=row.company,
        tax_numbers=tuple(TaxRegistration(**one) for one in row.tax_numbers),
        buyer_reference=row.buyer_reference,
        customer_note=row.customer_note,
        lines=tuple(PersonalLine(**one) for one in row.personal_lines),
    )
    return OrderState(
        order,
        personal,
        row.updated_at,
        row.metadata,
        tags=tuple(row.tags),
        line_extras=tuple(LineExtra(**one) for one in row.line_extras),
        refunds=row.refunds,
        refunded_units=row.refunded_units,
        address_problems=tuple(_problem(one) for one in row.address_problems),
        last_line=row.last_line or row.line_count,
        oversold=tuple(Shortage(**one) for one in row.oversold),
        oversold_open=row.oversold_open,
        closing_notes={_closing_id(one): one["note"] for one in row.order_closings},
    )


def _listed(
    columns: tuple[sa.ColumnElement[Any], ...], order_by: tuple[sa.Column[Any], ...], name: str, *joined: sa.ColumnElement[bool]
) -> sa.Label[Any]:
    """An order's rows in another table, that of `order_by`, as one JSON array, so that loading takes one query."""
    table = order_by[0].table
    pairs: list[sa.ColumnElement[Any]] = []
    for column in columns:
        pairs += [sa.literal_column(f"'{column.key}'"), column]
    rows = sa.func.jsonb_agg(aggregate_order_by(sa.func.jsonb_build_object(*pairs), *order_by), type_=JSONB)
    mine = (table.c.store_id == orders.c.store_id) & (table.c.order_id == orders.c.order_id)
    found = sa.select(sa.func.coalesce(rows, sa.text("'[]'::jsonb"), type_=JSONB)).where(mine, *joined).correlate(orders)
    return found.scalar_subquery().label(name)


# Built once: building them costs more than running them.
WHOLE = sa.select(
    orders,
    _listed(LINE_COLUMNS, (lines.c.line,), "order_lines"),
    _listed(PAYMENT_COLUMNS, (payments.c.order_version, payments.c.payment_id), "order_payments"),
    _listed(
        CLOSING_COLUMNS, (closings.c.order_version,), "order_closings", changes.c.store_id == closings.c.store_id,
        changes.c.order_id == closings.c.order_id, changes.c.version == closings.c.order_version,
    ),
)  # fmt: skip
WITH_HISTORY = WHOLE.add_columns(_listed(CHANGE_COLUMNS, (changes.c.version,), "order_changes"))


def _problem(said: dict[str, Any]) -> FieldError:
    choices = tuple(Choice(**choice) for choice in said.get("choices", ()))
    return FieldError(said["pointer"], said["code"], said["message"], choices)


def _line(row: dict[str, Any]) -> OrderLine:
    return OrderLine(**row | {"options": tuple(Option(**one) for one in row["options"] or ())})


def _payment(row: dict[str, Any]) -> Payment:
    ids = {name: row[name] and public_id("payment", UUID(row[name])) for name in ("payment_id", "reverses")}
    return Payment.model_validate(row | ids, strict=False)


def _closing(row: dict[str, Any]) -> Closing:
    said = {name: value for name, value in row.items() if name != "note"}
    return Closing.model_validate(said | {"closing_id": _closing_id(row)}, strict=False)


def _closing_id(row: dict[str, Any]) -> str:
    return public_id("closing", UUID(row["closing_id"]))


def _change(row: Mapping[str, Any]) -> Change:
    times = {name: datetime.fromisoformat(row[name]) for name in ("occurred_at", "recorded_at")}
    return Change(**{**row, **times, "by": By(**row["by"])})
