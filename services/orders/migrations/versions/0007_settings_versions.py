"""The settings of a store in the shape that all services share: version, saved_at, saved_by."""

from alembic import op

revision = "0007"
down_revision = "0006"

COMMENT = "Every version of a store's settings; the highest is in force, none means the defaults."


def upgrade() -> None:
    op.execute("alter table orders.settings rename column recorded_at to saved_at")
    op.execute('alter table orders.settings rename column "by" to saved_by')
    op.execute("alter table orders.settings alter column version type bigint")
    op.create_table_comment("settings", COMMENT, schema="orders")


def downgrade() -> None:
    op.drop_table_comment("settings", schema="orders")
    op.execute("alter table orders.settings alter column version type integer")
    op.execute('alter table orders.settings rename column saved_by to "by"')
    op.execute("alter table orders.settings rename column saved_at to recorded_at")
