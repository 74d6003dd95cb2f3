"""Money without units, fees, and what an approval says of the shipping."""

from alembic import op

revision = "0013"
down_revision = "0012"

CAUSES = "cause in ('request', 'cancellation', 'payment', 'part_cancellation', {}'history')"
CHECKS = {
    "overpaid": "cause <> 'overpaid' or (credit = 0 and overpaid > 0)",
    "shipping_choice": "shipping_choice in ('policy', 'keep', 'refund')",
    "decided_at_approval": "cause = 'request' or (shipping_choice = 'policy' and fees = '[]')",
    "shipping_reason": "shipping_choice <> 'policy' or shipping_reason = ''",
}


def _check(table: str, name: str, condition: str) -> None:
    op.execute(f"alter table refunds.{table} drop constraint if exists ck_{table}_{name}")
    op.execute(f"alter table refunds.{table} add constraint ck_{table}_{name} check ({condition})")


def upgrade() -> None:
    op.execute("""alter table refunds.refunds add fees jsonb not null default '[]', add shipping_choice text not null default 'policy',
        add shipping_reason text not null default ''""")
    op.execute("alter table refunds.refund_lines add fee bigint not null default 0")
    _check("refunds", "cause", CAUSES.format("'adjustment', 'overpaid', "))
    for name, condition in CHECKS.items():
        _check("refunds", name, condition)
    _check("refund_lines", "never_negative", "quantity >= 0 and goods >= 0 and shipping >= 0 and fee >= 0")


def downgrade() -> None:
    """A refund of a cause that was not there before makes this fail, and nothing changes."""
    for name in CHECKS:
        op.execute(f"alter table refunds.refunds drop constraint ck_refunds_{name}")
    _check("refunds", "cause", CAUSES.format(""))
    _check("refund_lines", "never_negative", "quantity >= 0 and goods >= 0 and shipping >= 0")
    op.execute("alter table refunds.refund_lines drop column fee")
    op.execute("alter table refunds.refunds drop column fees, drop column shipping_choice, drop column shipping_reason")
