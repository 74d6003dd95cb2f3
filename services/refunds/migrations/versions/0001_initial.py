"""Copies of orders, refunds with their claims and approvals, policies, settlements, inspections, attachments, and the kernel's tables."""

from alembic import op

from shared.data.kernel_versions import v1

revision = "0001"
down_revision = None

SCHEMA = "refunds"
TABLES = (
    "attention",
    "orders",
    "policies",
    "stores",
    "order_lines",
    "refunds",
    "approvals",
    "attachments",
    "claims",
    "refund_lines",
    "settlements",
    "inspections",
)


def upgrade() -> None:
    v1.apply(op.get_bind(), SCHEMA)
    for statement in STATEMENTS.split(";\n"):
        op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    v1.undo(op.get_bind(), SCHEMA)


STATEMENTS = """
CREATE TABLE refunds.attention (
    store_id TEXT NOT NULL,
    attention_id UUID NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    order_id UUID NOT NULL,
    refund_id UUID,
    facts JSONB NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by JSONB,
    note TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_attention PRIMARY KEY (store_id, attention_id),
    CONSTRAINT uq_attention_store_id_kind_key UNIQUE (store_id, kind, key),
    CONSTRAINT ck_attention_kind CHECK (kind in ('settled_twice', 'failed_after_settled', 'approved_above_collected'))
);

CREATE INDEX ix_attention_store_id_closed_at_opened_at_attention_id ON refunds.attention (store_id, closed_at, opened_at, attention_id);

COMMENT ON TABLE refunds.attention IS
    'What a person must look at; staff close it with a note. `key` is what opened it, so it opens once.';

CREATE TABLE refunds.orders (
    store_id TEXT NOT NULL,
    order_id UUID NOT NULL,
    version INTEGER NOT NULL,
    number TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    status TEXT NOT NULL,
    currency TEXT NOT NULL,
    shipping BIGINT NOT NULL,
    payments JSONB NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE,
    cancellation JSONB,
    events INTEGER DEFAULT '0' NOT NULL,
    CONSTRAINT pk_orders PRIMARY KEY (store_id, order_id),
    CONSTRAINT ck_orders_cancellation CHECK ((status = 'cancelled') = (cancellation is not null))
);

COMMENT ON TABLE refunds.orders IS
    'Own copy of each order (newer version wins). Its row lock serialises everything about the order''s refunds.';

CREATE TABLE refunds.policies (
    store_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    manage_stock BOOLEAN NOT NULL,
    attachments BOOLEAN NOT NULL,
    deduct_shipping BOOLEAN NOT NULL,
    window_days INTEGER,
    reasons JSONB NOT NULL,
    overdue_after_hours INTEGER NOT NULL,
    changed_by JSONB NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_policies PRIMARY KEY (store_id, version),
    CONSTRAINT ck_policies_version CHECK (version >= 1),
    CONSTRAINT ck_policies_never_in_the_past CHECK (valid_from >= changed_at),
    CONSTRAINT ck_policies_window_days CHECK (window_days >= 0)
);

CREATE INDEX ix_policies_store_id_valid_from_version ON refunds.policies (store_id, valid_from, version);

CREATE TABLE refunds.stores (
    store_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    time_zone TEXT NOT NULL,
    CONSTRAINT pk_stores PRIMARY KEY (store_id)
);

COMMENT ON TABLE refunds.stores IS
    'Own copy of each store''s settings, as far as they matter here (newer version wins).';

CREATE TABLE refunds.order_lines (
    store_id TEXT NOT NULL,
    order_id UUID NOT NULL,
    line INTEGER NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    total BIGINT NOT NULL,
    stock_tracked BOOLEAN NOT NULL,
    slot BIGINT GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT pk_order_lines PRIMARY KEY (store_id, order_id, line),
    CONSTRAINT uq_order_lines_store_id_order_id_line_slot_quantity UNIQUE (store_id, order_id, line, slot, quantity),
    CONSTRAINT fk_order_lines_store_id_order_id FOREIGN KEY(store_id, order_id)
        REFERENCES refunds.orders (store_id, order_id),
    CONSTRAINT ck_order_lines_quantity CHECK (quantity between 1 and 1000000),
    CONSTRAINT ck_order_lines_total CHECK (total >= 0)
);

COMMENT ON TABLE refunds.order_lines IS
    'What was bought; written once. `slot` gives each line places of its own in the one row of all units ever sold.';

CREATE TABLE refunds.refunds (
    store_id TEXT NOT NULL,
    refund_id UUID NOT NULL,
    order_id UUID NOT NULL,
    order_number TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    status TEXT NOT NULL,
    settlement TEXT NOT NULL,
    cause TEXT NOT NULL,
    payment_id UUID,
    order_version INTEGER NOT NULL,
    order_invoiced BOOLEAN NOT NULL,
    policy_version INTEGER NOT NULL,
    reason TEXT NOT NULL,
    description TEXT DEFAULT '' NOT NULL,
    further_information TEXT DEFAULT '' NOT NULL,
    beyond_window_reason TEXT DEFAULT '' NOT NULL,
    message TEXT DEFAULT '' NOT NULL,
    internal_reason TEXT DEFAULT '' NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    goods BIGINT NOT NULL,
    shipping BIGINT NOT NULL,
    overpaid BIGINT NOT NULL,
    shipping_kept BIGINT NOT NULL,
    explanation JSONB NOT NULL,
    requested_by JSONB NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by JSONB,
    decided_at TIMESTAMP WITH TIME ZONE,
    overdue_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_refunds PRIMARY KEY (store_id, refund_id),
    CONSTRAINT fk_refunds_store_id_order_id FOREIGN KEY(store_id, order_id)
        REFERENCES refunds.orders (store_id, order_id),
    CONSTRAINT ck_refunds_status CHECK (status in ('processing', 'approved', 'cancelled')),
    CONSTRAINT ck_refunds_settlement CHECK (settlement in ('none', 'unsettled', 'settled', 'failed')),
    CONSTRAINT ck_refunds_settled_when_approved CHECK (settlement = 'none' or (status = 'approved' and amount > 0)),
    CONSTRAINT ck_refunds_cause CHECK (cause in ('request', 'cancellation', 'payment')),
    CONSTRAINT ck_refunds_payment CHECK ((cause = 'payment') = (payment_id is not null)),
    CONSTRAINT ck_refunds_decided CHECK ((status = 'processing') = (decided_at is null)),
    CONSTRAINT ck_refunds_never_negative CHECK (goods >= 0 and shipping >= 0 and overpaid >= 0 and shipping_kept >= 0),
    CONSTRAINT ck_refunds_amount CHECK (amount = goods + shipping + overpaid)
);

CREATE INDEX ix_refunds_decided ON refunds.refunds (store_id, decided_at) WHERE cause = 'request';

CREATE INDEX ix_refunds_order_number ON refunds.refunds (store_id, order_number text_pattern_ops);

CREATE INDEX ix_refunds_store_id_customer_id_requested_at_refund_id ON refunds.refunds (store_id, customer_id, requested_at, refund_id);

CREATE INDEX ix_refunds_store_id_order_id ON refunds.refunds (store_id, order_id);

CREATE INDEX ix_refunds_store_id_requested_at_refund_id ON refunds.refunds (store_id, requested_at, refund_id);

CREATE INDEX ix_refunds_store_id_status_requested_at_refund_id ON refunds.refunds (store_id, status, requested_at, refund_id);

CREATE UNIQUE INDEX uq_refunds_cancellation ON refunds.refunds (store_id, order_id) WHERE cause = 'cancellation';

CREATE UNIQUE INDEX uq_refunds_payment ON refunds.refunds (store_id, payment_id) WHERE cause = 'payment';

COMMENT ON TABLE refunds.refunds IS
    'One refund each; its claim and its approval are rows of their own.';

CREATE TABLE refunds.approvals (
    store_id TEXT NOT NULL,
    order_id UUID NOT NULL,
    number INTEGER NOT NULL,
    refund_id UUID NOT NULL,
    amount BIGINT NOT NULL,
    collected_seen BIGINT NOT NULL,
    approved_before BIGINT NOT NULL,
    approved_after BIGINT GENERATED ALWAYS AS (approved_before + amount) STORED NOT NULL,
    number_before INTEGER GENERATED ALWAYS AS (nullif(number - 1, 0)) STORED,
    approved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_approvals PRIMARY KEY (store_id, order_id, number),
    CONSTRAINT uq_approvals_store_id_refund_id UNIQUE (store_id, refund_id),
    CONSTRAINT uq_approvals_store_id_order_id_number_approved_after UNIQUE (store_id, order_id, number, approved_after),
    CONSTRAINT fk_approvals_chain FOREIGN KEY(store_id, order_id, number_before, approved_before)
        REFERENCES refunds.approvals (store_id, order_id, number, approved_after),
    CONSTRAINT fk_approvals_refunds FOREIGN KEY(store_id, refund_id)
        REFERENCES refunds.refunds (store_id, refund_id),
    CONSTRAINT ck_approvals_begins_at_nothing CHECK (number >= 1 and (number > 1 or approved_before = 0)),
    CONSTRAINT ck_approvals_never_negative CHECK (amount >= 0),
    CONSTRAINT ck_approvals_never_too_much CHECK (amount = 0 or approved_before + amount <= collected_seen)
);

COMMENT ON TABLE refunds.approvals IS
    'Money approved, a chain per order: each row begins where the one before it ended, and says what it saw as collected.';

CREATE TABLE refunds.attachments (
    store_id TEXT NOT NULL,
    attachment_id UUID NOT NULL,
    customer_id TEXT NOT NULL,
    refund_id UUID,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    uploaded_by JSONB NOT NULL,
    uploaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_attachments PRIMARY KEY (store_id, attachment_id),
    CONSTRAINT fk_attachments_store_id_refund_id FOREIGN KEY(store_id, refund_id)
        REFERENCES refunds.refunds (store_id, refund_id),
    CONSTRAINT ck_attachments_media_type CHECK (media_type in ('image/jpeg', 'image/png', 'image/webp', 'application/pdf'))
);

CREATE INDEX ix_attachments_store_id_refund_id ON refunds.attachments (store_id, refund_id);

CREATE INDEX ix_attachments_unwanted ON refunds.attachments (uploaded_at) WHERE refund_id IS NULL OR erased_at IS NOT NULL;

COMMENT ON TABLE refunds.attachments IS
    'Files of customers, private. A row without a refund is an upload that no request has taken yet.';

CREATE TABLE refunds.claims (
    store_id TEXT NOT NULL,
    order_id UUID NOT NULL,
    line INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    slot BIGINT NOT NULL,
    line_quantity INTEGER NOT NULL,
    refund_id UUID NOT NULL,
    CONSTRAINT pk_claims PRIMARY KEY (store_id, order_id, line, first),
    CONSTRAINT fk_claims_order_lines FOREIGN KEY(store_id, order_id, line, slot, line_quantity)
        REFERENCES refunds.order_lines (store_id, order_id, line, slot, quantity),
    CONSTRAINT fk_claims_refunds FOREIGN KEY(store_id, refund_id)
        REFERENCES refunds.refunds (store_id, refund_id),
    CONSTRAINT ck_claims_within_the_line CHECK (1 <= first and first <= last and last <= line_quantity),
    CONSTRAINT ex_claims_a_unit_once EXCLUDE USING gist (int8range(slot * 1048576 + first, slot * 1048576 + last, '[]') WITH &&)
);

CREATE INDEX ix_claims_store_id_refund_id ON refunds.claims (store_id, refund_id);

COMMENT ON TABLE refunds.claims IS
    'Units in an open or approved refund. A unit has one place in the row of all units, and no place is taken twice.';

CREATE TABLE refunds.refund_lines (
    store_id TEXT NOT NULL,
    refund_id UUID NOT NULL,
    line INTEGER NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    units JSONB NOT NULL,
    quantity INTEGER NOT NULL,
    goods BIGINT NOT NULL,
    shipping BIGINT NOT NULL,
    disposition TEXT NOT NULL,
    stock_tracked BOOLEAN NOT NULL,
    restock INTEGER NOT NULL,
    not_restocked_because TEXT,
    inspected INTEGER DEFAULT '0' NOT NULL,
    CONSTRAINT pk_refund_lines PRIMARY KEY (store_id, refund_id, line),
    CONSTRAINT fk_refund_lines_store_id_refund_id FOREIGN KEY(store_id, refund_id)
        REFERENCES refunds.refunds (store_id, refund_id),
    CONSTRAINT ck_refund_lines_disposition CHECK (disposition in ('restock', 'inspect', 'discard', 'never_left')),
    CONSTRAINT ck_refund_lines_never_negative CHECK (quantity >= 0 and goods >= 0 and shipping >= 0),
    CONSTRAINT ck_refund_lines_restock CHECK (restock between 0 and quantity),
    CONSTRAINT ck_refund_lines_inspected CHECK (inspected between 0 and quantity and (inspected = 0 or disposition = 'inspect'))
);

CREATE TABLE refunds.settlements (
    store_id TEXT NOT NULL,
    refund_id UUID NOT NULL,
    number INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    method TEXT NOT NULL,
    reference TEXT NOT NULL,
    reason TEXT NOT NULL,
    counts BOOLEAN NOT NULL,
    reported_by JSONB NOT NULL,
    reported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_settlements PRIMARY KEY (store_id, refund_id, number),
    CONSTRAINT uq_settlements_store_id_refund_id_method_reference_outcome UNIQUE (store_id, refund_id, method, reference, outcome),
    CONSTRAINT fk_settlements_store_id_refund_id FOREIGN KEY(store_id, refund_id)
        REFERENCES refunds.refunds (store_id, refund_id),
    CONSTRAINT ck_settlements_outcome CHECK (outcome in ('succeeded', 'failed'))
);

CREATE UNIQUE INDEX uq_settlements_one_success ON refunds.settlements (store_id, refund_id) WHERE counts and outcome = 'succeeded';

COMMENT ON TABLE refunds.settlements IS
    'What the outside reported about the money; the same report again is the same row.';

CREATE TABLE refunds.inspections (
    store_id TEXT NOT NULL,
    inspection_id UUID NOT NULL,
    refund_id UUID NOT NULL,
    line INTEGER NOT NULL,
    disposition TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    restock INTEGER NOT NULL,
    inspected_by JSONB NOT NULL,
    inspected_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_inspections PRIMARY KEY (store_id, inspection_id, line, disposition),
    CONSTRAINT fk_inspections_store_id_refund_id_line FOREIGN KEY(store_id, refund_id, line)
        REFERENCES refunds.refund_lines (store_id, refund_id, line),
    CONSTRAINT ck_inspections_disposition CHECK (disposition in ('restock', 'discard')),
    CONSTRAINT ck_inspections_quantity CHECK (quantity >= 1 and restock between 0 and quantity)
);

CREATE INDEX ix_inspections_store_id_refund_id ON refunds.inspections (store_id, refund_id)
"""
