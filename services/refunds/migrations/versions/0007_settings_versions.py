"""The settings of a store in the shape that all services share: `policies` becomes `settings`, with saved_at and saved_by."""

from alembic import op

revision = "0007"
down_revision = "0006"

COMMENT = "Every version of a store's refund policy; of those whose valid_from has come, the latest is in force."
CONSTRAINTS = ("pk", "ck", "ck", "ck", "ck"), ("", "_version", "_never_in_the_past", "_window_days", "_times")


def _rename(before: str, after: str) -> None:
    op.execute(f"alter table refunds.{before} rename to {after}")
    for kind, name in zip(*CONSTRAINTS, strict=True):
        op.execute(f"alter table refunds.{after} rename constraint {kind}_{before}{name} to {kind}_{after}{name}")
    index = "store_id_valid_from_version"
    op.execute(f"alter index refunds.ix_{before}_{index} rename to ix_{after}_{index}")


def upgrade() -> None:
    _rename("policies", "settings")
    op.execute("alter table refunds.settings rename column changed_at to saved_at")
    op.execute("alter table refunds.settings rename column changed_by to saved_by")
    op.execute("alter table refunds.settings alter column version type bigint")
    op.create_table_comment("settings", COMMENT, schema="refunds")


def downgrade() -> None:
    op.drop_table_comment("settings", schema="refunds")
    op.execute("alter table refunds.settings alter column version type integer")
    op.execute("alter table refunds.settings rename column saved_by to changed_by")
    op.execute("alter table refunds.settings rename column saved_at to changed_at")
    _rename("settings", "policies")
