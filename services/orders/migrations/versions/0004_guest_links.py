"""Guest links become rows that can be listed and revoked; their stored tokens are deleted."""

from alembic import op

from shared.data.kernel_versions import v4

revision = "0004"
down_revision = "0003"

SCHEMA = "orders"

LINKS = """CREATE TABLE orders.guest_links (
    store_id TEXT NOT NULL,
    link_id UUID NOT NULL,
    order_id UUID NOT NULL,
    issuer TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    by JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_guest_links PRIMARY KEY (store_id, link_id),
    CONSTRAINT fk_guest_links_store_id_order_id FOREIGN KEY (store_id, order_id) REFERENCES orders.orders (store_id, order_id),
    CONSTRAINT ck_guest_links_expires CHECK (expires_at > created_at)
)"""

# Stored responses of the first release contain the token itself, which reads the order until it expires.
FORGET_TOKENS = """update orders.idempotency set body = jsonb_set(body::jsonb, '{token}', 'null')::text
where body like '{"token":"ey%' and body like '%"audience":"guest"%'"""


def upgrade() -> None:
    v4.apply(op.get_bind(), SCHEMA)
    op.execute(LINKS)
    op.execute("CREATE INDEX ix_guest_links_store_id_order_id ON orders.guest_links (store_id, order_id)")
    op.execute("CREATE INDEX ix_guest_links_expires_at ON orders.guest_links (expires_at)")
    op.execute(FORGET_TOKENS)


def downgrade() -> None:
    op.execute("drop table orders.guest_links")
    v4.undo(op.get_bind(), SCHEMA)
