"""The figures of a refund with all their inputs, stored with it so that it can always be explained."""

from typing import Any

from services.refunds.rules.amounts import Amount, MoneyBack
from services.refunds.rules.automatic import Due
from services.refunds.rules.payout import payout
from services.refunds.state import KnownOrder, Policy, ShippingChoice
from shared.contracts.position import Position


def of_units(order: KnownOrder, amount: Amount, policy_version: int, before: Position, choice: ShippingChoice = "policy") -> dict[str, Any]:
    """The explanation of a requested refund: its units' fixed shares, less shipping and fees that the shop keeps, and what of it is paid.

    Minor units; `goods` and `shipping_share` are before the fees. `before` is the order's position before it; `choice` is the approval's.
    """
    lines = {line.line: line for line in order.lines}
    return {
        "kind": "units",
        "policy_version": policy_version,
        "deduct_shipping": amount.deduct_shipping,
        **({} if choice == "policy" else {"shipping_choice": choice}),
        "order_goods": order.goods,
        "order_shipping": order.shipping,
        "lines": [
            {
                "line": part.line,
                "line_total": lines[part.line].total,
                "line_quantity": lines[part.line].quantity,
                "units": [list(units) for units in part.units],
                "goods": part.goods,
                "shipping_share": part.shipping,
                **({"fee": part.fee, "shipping_fee": part.shipping_fee} if amount.fees else {}),
            }
            for part in amount.lines
        ],
        "goods": sum(part.goods for part in amount.lines),
        "shipping_share": amount.shipping_share,
        "shipping_deducted": amount.shipping_deducted,
        **({"fees": amount.fees} if amount.fees else {}),
        "credit": amount.total,
        "order_total": before.total,
        "credited_before": before.credited,
        "written_off": before.written_off,
        "collected": before.collected,
        "approved_before": before.paid_back,
        "amount": payout(before, amount.total),
    }


def of_history(order: KnownOrder, back: MoneyBack) -> dict[str, Any]:
    """The explanation of what had been refunded before the order was imported: as it was said. Minor units."""
    return {
        "kind": "history",
        "policy_version": 0,
        "deduct_shipping": False,
        "order_goods": order.goods,
        "order_shipping": order.shipping,
        "collected": order.collected_before,
        "goods": back.goods,
        "shipping": back.shipping,
        "amount": back.goods + back.shipping,
    }


def of_money(order: KnownOrder, due: Due, back: MoneyBack, policy: Policy, approved_before: int) -> dict[str, Any]:
    """The explanation of an automatic refund: the money collected, less the shipping kept, less earlier approvals. Minor units."""
    return {
        "kind": "money",
        "policy_version": policy.version,
        "deduct_shipping": policy.deduct_shipping,
        "goods_had_left": order.goods_left,
        "order_goods": order.goods,
        "order_shipping": order.shipping,
        "collected": due.collected,
        "shipping_kept_at_most": due.kept_at_most,
        "shipping_kept": due.shipping_kept,
        **({"stayed_before": due.stayed} if order.imported else {}),
        "approved_before": approved_before,
        "goods": back.goods,
        "shipping": back.shipping,
        "overpaid": back.overpaid,
        "amount": due.amount,
    }
