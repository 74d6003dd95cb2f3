"""One more service, by the list "Add a service" of CONTRIBUTING.md: in a copy of the tree it runs, is migrated, consumes and answers."""

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.operator import given
from deploy.operator.given import Servers
from deploy.operator.state import PROJECT, State
from tests.deploy.conftest import made_home
from tests.deploy.test_up import ORDER, Clone
from tests.proof.mutants import copy_of_the_tree
from tests.shop import eventually

NAME, PORT = "examples", 8099
SERVICE = {
    "__init__.py": '"""Examples: counts the orders of a store, to show how a service is added."""\n',
    "app.py": """
        from services.examples.api import router
        from services.examples.consumers import consumers
        from services.examples.rules import PROBLEMS
        from services.examples.tables import metadata
        from shared.process.service import Service

        SERVICE = Service(
            name="examples",
            title="Aftersale examples",
            description="Counts the orders of a store.",
            metadata=metadata,
            router=router,
            consumers=consumers,
            problems=PROBLEMS,
            nouns=("examples",),
        )
        """,
    "api.py": """
        import sqlalchemy as sa
        from fastapi import Response

        from services.examples.tables import orders
        from shared.web.call import Call, Router
        from shared.web.views import View

        router = Router(prefix="/v1", tags=["examples"])


        class ExampleCountView(View):
            orders: int


        @router.get("/examples", operation_id="examples_orders_count", response_model=ExampleCountView)
        async def count(call: Call) -> Response:
            async with call.reading() as tx:
                counted = await tx.scalar(sa.select(sa.func.count()).where(orders.c.store_id == call.actor.store))
            return call.show(ExampleCountView(orders=counted))
        """,
    "consumers.py": """
        from sqlalchemy.dialects.postgresql import insert

        from services.examples.tables import orders
        from shared.contracts.events import (
            Envelope, OrderCancelled, OrderConfirmed, OrderDelivered, OrderDeliveryFailed, OrderEdited, OrderEvent, OrderParcelsChanged,
            OrderPaymentRecorded, OrderPaymentReversed, OrderPickedUp, OrderPlaced, OrderRefunded, OrderShipped,
        )
        from shared.data.db import Transaction
        from shared.messaging.inbox import Consumers

        consumers = Consumers("examples")


        @consumers.on(
            OrderPlaced, OrderConfirmed, OrderPickedUp, OrderShipped, OrderDelivered, OrderCancelled, OrderDeliveryFailed,
            OrderPaymentRecorded, OrderPaymentReversed, OrderEdited, OrderParcelsChanged, OrderRefunded,
        )
        async def on_order_changed(tx: Transaction, event: OrderEvent, envelope: Envelope) -> None:
            seen = insert(orders).values(store_id=envelope.store_id, order_id=event.order.order_id)
            await tx.execute(seen.on_conflict_do_nothing())
        """,
    "rules.py": "PROBLEMS: dict[str, str] = {}\n",
    "tables.py": """
        import sqlalchemy as sa

        from shared.data.schema import service_metadata

        metadata = service_metadata("examples")
        orders = sa.Table(
            "orders",
            metadata,
            sa.Column("store_id", sa.Text, nullable=False),
            sa.Column("order_id", sa.Text, nullable=False),
            sa.PrimaryKeyConstraint("store_id", "order_id"),
        )
        """,
    "audit.py": """
        from shared.data.audit import Check

        CHECKS: list[Check] = [
            Check(
                "example_nobody",
                "an order has a store",
                "select store_id, order_id as id, 'no store' as detail from examples.orders where store_id = ''",
            )
        ]
        """,
    "README.md": "# Examples\n",
    "migrations/env.py": """
        from services.examples.tables import metadata
        from shared.data.migrate import run_migrations

        run_migrations(metadata)
        """,
    "migrations/versions/0001_initial.py": """
        from alembic import op

        from shared.data.kernel_versions import VERSIONS_NAMED

        revision = "0001"
        down_revision = None


        def upgrade() -> None:
            for version in (VERSIONS_NAMED):
                version.apply(op.get_bind(), "examples")
            op.execute(
                "create table examples.orders (store_id text not null, order_id text not null,"
                " constraint pk_orders primary key (store_id, order_id))"
            )
        """,
}


def steps() -> list[str]:
    """The list that is followed, step by step."""
    section = (PROJECT / "CONTRIBUTING.md").read_text().split("## Add a service\n")[1].split("\n## ")[0]
    return re.findall(r"^\d+\. (.+?)(?=^\d+\. |^$)", section, re.MULTILINE | re.DOTALL)


def replace_once(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new))


def add_the_service(tree: Path) -> None:
    """What the list says, and nothing else."""
    folder, migrations, registry, readers, _ = steps()
    versions = ", ".join(sorted(path.stem for path in (tree / "shared/data/kernel_versions").glob("v*.py")))
    for name, text in SERVICE.items():
        assert f"`{name}`" in folder + migrations, f"CONTRIBUTING.md does not mention {name}"
        path = tree / "services" / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(re.sub(r"^ {8}", "", text, flags=re.MULTILINE).lstrip().replace("VERSIONS_NAMED", versions))
    lines = "deploy/operator/registry.py"
    assert f"`{lines}`" in registry
    replace_once(
        tree / lines,
        '        Registered("webhooks", 8005),\n',
        f'        Registered("webhooks", 8005),\n        Registered("{NAME}", {PORT}),\n',
    )
    assert "`nouns`" in folder
    assert "`shared/contracts/events/`" in readers
    told_to = 'class OrderEvent(Event, readers=("refunds", "notes", "documents", "webhooks")):'
    replace_once(tree / "shared/contracts/events/order.py", told_to, told_to.replace('"refunds"', f'"refunds", "{NAME}"'))


@pytest.fixture
def clone(servers: Servers, tmp_path: Path) -> Iterator[Clone]:
    tree = copy_of_the_tree(tmp_path / "tree")
    for name in ("aftersale", "requirements.lock"):
        shutil.copy2(PROJECT / name, tree / name)
    (tree / ".venv").symlink_to(PROJECT / ".venv")
    add_the_service(tree)
    made = Clone(made_home(), tree)
    made.environment |= {given.POSTGRES: servers.postgres_url, given.AMQP: servers.amqp_url}
    yield made
    if made.process is not None:
        made.stop()
    State(made.home).remove()


def ask(url: str, token: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": "fifth"}
    sent = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=sent, headers=headers), timeout=30) as answer:
        return json.load(answer)


async def test_one_more_service_takes_one_folder_and_one_line(clone: Clone) -> None:
    assert clone.command("generate")[0] == 0
    said = clone.up()
    assert list(said["up"]) == ["orders", "refunds", "notes", "documents", "webhooks", NAME]
    ask(f"{said['address']}/v1/orders", clone.tokens["platform"], ORDER)

    async def counted() -> bool:
        both = [ask(f"{url}/v1/examples", clone.tokens["staff"]) for url in (clone.urls[NAME], said["address"])]
        return both == [{"orders": 1}] * 2

    await eventually(counted)
    assert "/v1/examples" in ask(f"{said['address']}/openapi.json", clone.tokens["staff"])["paths"]
    code, said_last = clone.command("reconcile")
    assert (code, said_last[-1]["discrepancies"]) == (0, 0), said_last[-1]
    _, found = clone.command("doctor")
    about = {check["what"]: check["ok"] for check in found[-1]["checks"] if NAME in check["what"]}
    assert set(about) >= {f"{NAME} database", f"{NAME} process"}
    assert all(about.values()), about
