"""Writes changes of orders: each is one version, one history row and one `order.*` event, in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from services.orders.rules.parcels import tracking_of
from services.orders.rules.payments import payment_state, refund_state
from services.orders.state import OrderState
from services.orders.tables import changes, orders, payments
from shared.contracts.actor import Actor
from shared.contracts.errors import VersionConflict
from shared.contracts.events import By, OrderAmended, OrderEvent, Payment
from shared.data.db import Transaction
from shared.messaging.outbox import emit_rows, event_row

OF_ORDER = (
    "version", "customer_id", "status", "collected", "refunded_total", "credited_total", "shipping_kept_total", "refund_state",
    "delivery_failed_at", "confirmed_at", "confirmed_version", "delivered_at", "shipping_method", "payment_method", "place_of_supply",
    "supplied_on", "payment_due_on", "shipping_tax_rate", "shipping_tax_code", "lines_version",
)  # fmt: skip
BOUGHT = ("goods_total", "discount_total", "tax_total", "shipping", "shipping_tax", "total", "coupon_codes")
"""The fields that only an amendment changes."""
COUNTED = ("line_count", "unit_count", "last_line")
PARTS = ("tracking", "cancellation", "shipping_address", "billing_address", "invoiced_address")
CONTACT = ("customer_name", "email", "phone", "company", "buyer_reference", "customer_note")
LISTS = ("parcels", "tags", "tax_numbers", "personal_lines", "line_extras")
OTHERS = (
    *CONTACT, *LISTS, "part_cancellations", "written_off_total", "kept_total", "external_documents", "metadata", "refunds",
    "refunded_units", "address_problems", "oversold", "oversold_open", "updated_at",
)  # fmt: skip

# Built once: building them costs more than running them. A missing part is NULL, not JSON's null.
UPDATE = (
    sa.update(orders)
    .where(
        orders.c.store_id == sa.bindparam("of_store"),
        orders.c.order_id == sa.bindparam("of_order"),
        orders.c.version == sa.bindparam("of_version"),
    )
    .values({name: sa.bindparam(name, type_=orders.c[name].type) for name in (*OF_ORDER, *OTHERS)})
    .values({name: sa.bindparam(name, type_=JSONB(none_as_null=True)) for name in (*PARTS, *LISTS)})
)
AMEND = UPDATE.values({name: sa.bindparam(name, type_=orders.c[name].type) for name in (*BOUGHT, *COUNTED)})
CHANGE = sa.insert(changes)
PAYMENT = sa.insert(payments)


@dataclass(frozen=True, slots=True)
class Doing:
    """Who changes the order, when it happened, and when it is recorded; `message` is for the customer."""

    actor: Actor
    occurred_at: datetime
    recorded_at: datetime
    message: str = ""
    reason: str = ""

    @property
    def by(self) -> By:
        """The actor as stored in events and history."""
        return By.of(self.actor)


def changed(state: OrderState, *, now: datetime, last_line: int | None = None, **fields: Any) -> OrderState:
    """The order's next version, recorded at `now`, with `fields` of it replaced, and what follows: payment and refund states, tracking."""
    if last_line is not None:
        state = replace(state, last_line=last_line)
    order = state.order.model_copy(update={"version": state.order.version + 1, **fields})
    ordered = sum(line.quantity for line in order.lines)
    follows = {
        "payment": payment_state(order.position),
        "refund_state": refund_state(order.position, approved=state.refunds, units=state.refunded_units, ordered=ordered),
        "tracking": tracking_of(order.parcels),
    }
    return replace(state, order=order.model_copy(update=follows), updated_at=now)


@dataclass(frozen=True, slots=True)
class Revision:
    """A change of one order that is decided and not yet written: the rows of its next version.

    `payment` is the row of money that was recorded or reversed with it, if any.
    """

    after: OrderState
    amended: bool
    order: dict[str, Any]
    change: dict[str, Any]
    event: dict[str, Any]
    payment: dict[str, Any] | None = None


def revision(
    after: OrderState, event: type[OrderEvent], doing: Doing, details: dict[str, Any] | None = None, *, money: Payment | None = None,
    stood: int | None = None, **also: Any,
) -> Revision:  # fmt: skip
    """The rows that replace the previous version with `after`, with `also` as the event's own fields.

    `money` was recorded or reversed with it; of what it reverses, `stood` stood before. Raises Refused `event_too_large`.
    """
    order, store, amended = after.order, doing.actor.store, event is OrderAmended
    with_message = after.personal.model_copy(update={"message": doing.message})
    happened = event(occurred_at=doing.occurred_at, order=order, by=doing.by, personal=with_message, **also)
    of_order = {"store_id": store, "order_id": order.order_id}
    return Revision(
        after,
        amended,
        order={"of_store": store, "of_order": order.order_id, "of_version": order.version - 1}
        | _columns(after)
        | (_bought(after) if amended else {}),
        change=of_order
        | {
            "version": order.version, "type": event.type, "by": doing.by.model_dump(), "message": doing.message, "reason": doing.reason,
            "details": details or {}, "occurred_at": doing.occurred_at, "recorded_at": doing.recorded_at,
        },
        event=event_row(happened, store_id=store, sequence=order.version, recorded_at=doing.recorded_at),
        payment=None if money is None else of_order | {"placed_at": order.placed_at, "stood": stood} | money.model_dump(),
    )  # fmt: skip


async def write(
    tx: Transaction, after: OrderState, event: type[OrderEvent], doing: Doing, details: dict[str, Any] | None = None, **also: Any
) -> None:
    """Write one change: see revision(), and write_revision() for what it raises."""
    await write_revision(tx, revision(after, event, doing, details, **also))


async def write_revision(tx: Transaction, one: Revision) -> None:
    """Replace the previous version, add its history row, and emit its event.

    Raises VersionConflict if the table does not hold the previous version (the row was not locked).
    """
    if (await tx.execute(AMEND if one.amended else UPDATE, one.order)).rowcount != 1:
        raise VersionConflict(one.after.order.version)
    await _write_beside(tx, [one])


async def write_revisions(tx: Transaction, several: Sequence[Revision]) -> None:
    """write_revision() for several changes but amendments, each kind of row in one round trip. Those of one order are in their order.

    The driver does not say how many rows it found. That none was stale is what the key of the history stands for: a version has one row.
    """
    await tx.execute(UPDATE, [one.order for one in several])
    await _write_beside(tx, several)


async def _write_beside(tx: Transaction, revisions: Sequence[Revision]) -> None:
    await tx.execute(CHANGE, [one.change for one in revisions])
    if money := [one.payment for one in revisions if one.payment is not None]:
        await tx.execute(PAYMENT, money)
    await emit_rows(tx, [one.event for one in revisions])


def _columns(state: OrderState) -> dict[str, Any]:
    """The columns that a change may touch; those that say what was bought are not among them."""
    order, personal = state.order, state.personal
    return {
        **{name: getattr(order, name) for name in OF_ORDER},
        "part_cancellations": [_json(one) for one in order.part_cancellations],
        "written_off_total": order.position.written_off,
        "kept_total": order.position.kept,
        "external_documents": [_json(one) for one in order.external_documents],
        "tracking": _json(order.tracking),
        "cancellation": _json(order.cancellation),
        **{name: getattr(personal, name) for name in CONTACT},
        "shipping_address": _json(personal.shipping_address),
        "billing_address": _json(personal.billing_address),
        "invoiced_address": _json(personal.invoiced_address),
        "metadata": state.metadata,
        "tags": list(state.tags),
        "parcels": [_json(one) for one in order.parcels],
        "tax_numbers": [_json(one) for one in personal.tax_numbers],
        "personal_lines": [_json(one) for one in personal.lines],
        "line_extras": [_json(one) for one in state.line_extras],
        "refunds": state.refunds,
        "refunded_units": state.refunded_units,
        "oversold": [asdict(one) for one in state.oversold],
        "oversold_open": state.oversold_open,
        "updated_at": state.updated_at,
        "address_problems": [problem.members() for problem in state.address_problems],
    }


def _bought(state: OrderState) -> dict[str, Any]:
    """The columns that say what was bought."""
    order = state.order
    counted = {"line_count": len(order.lines), "unit_count": sum(line.quantity for line in order.lines), "last_line": state.last_line}
    return {name: getattr(order, name) for name in BOUGHT} | counted


def _json(part: Any) -> Any:
    return None if part is None else part.model_dump(mode="json")
