"""The store's stream gets its own numbers, assigned after the commit, so that no event can appear behind a reader's position.

Earlier events keep their number, the event's position, so that ids that clients hold stay valid.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """create table orders.stream (
    store_id text not null,
    stream_position bigint not null,
    position bigint not null,
    constraint pk_stream primary key (store_id, stream_position)
)""",
    """create table orders.stream_heads (
    store_id text not null,
    last bigint not null,
    constraint pk_stream_heads primary key (store_id)
)""",
    """create table orders.stream_pending (
    store_id text not null,
    position bigint not null,
    constraint pk_stream_pending primary key (store_id, position)
)""",
    """create function orders.events_await_the_stream() returns trigger language plpgsql as $$
begin
  insert into orders.stream_pending (store_id, position) select store_id, position from added where type like 'order.%';
  return null;
end $$""",
    # From here on no write is in progress: creating the trigger takes a lock that waits for earlier writers and blocks later ones.
    """create trigger events_await_the_stream after insert on orders.events referencing new table as added
    for each statement execute function orders.events_await_the_stream()""",
    """insert into orders.stream (store_id, stream_position, position)
    select store_id, position, position from orders.events where type like 'order.%'""",
    "insert into orders.stream_heads (store_id, last) select store_id, max(stream_position) from orders.stream group by store_id",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(sa.text(statement))


def downgrade() -> None:
    op.execute("drop trigger events_await_the_stream on orders.events")
    op.execute("drop function orders.events_await_the_stream()")
    for table in ("stream_pending", "stream_heads", "stream"):
        op.drop_table(table, schema="orders")
