"""One address: every path belongs to one service, the proxy's table is the services' own, and nothing private is in it."""

import pytest

from deploy.operator.registry import REGISTRY
from shared.web.app import described
from shared.web.dispatch import OF_ANY, Table

PARTS = {name: one.service() for name, one in REGISTRY.items()}
TABLE = Table.of((one.name, one.nouns) for one in PARTS.values())


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/v1/orders", "orders"),
        ("/v1/orders/order_1/stream", "orders"),
        ("/v1/orders-settings", "orders"),
        ("/v1/customers/a/b", "orders"),
        ("/v1/refund-policy/history", "refunds"),
        ("/v1/refunds/refundable/order_1", "refunds"),
        ("/v1/timeline/order_1", "notes"),
        ("/v1/documents/orders/order_1", "documents"),
        ("/v1/prints/order_1/invoice", "documents"),
        ("/openapi.json", "orders"),
        ("/asyncapi.json", "orders"),
        ("/problems/not_found", "orders"),
        ("/v1/ordersx", None),
        ("/v1/Orders", None),
        ("/v1", None),
        ("/v1/", None),
        ("/v2/orders", None),
        ("//v1/orders", None),
        ("/", None),
        ("/metrics", None),
        ("/health/live", None),
        ("/health/ready", None),
        ("/problemsx", None),
        ("/openapi.json.bak", None),
        ("/service/openapi.json", None),
    ],
)
def test_whose_a_path_is(path: str, owner: str | None) -> None:
    assert TABLE.owner(path) == owner


def test_no_noun_has_two_owners() -> None:
    with pytest.raises(ValueError, match="/v1/notes belongs to notes"):
        Table.of([("notes", ("notes",)), ("mine", ("notes",))])


@pytest.mark.parametrize("name", REGISTRY)
def test_every_route_of_a_service_is_under_a_noun_of_its_own_and_every_noun_is_used(name: str) -> None:
    paths = described(PARTS[name]).openapi()["paths"]
    assert {path for path in paths if TABLE.owner(path) != name} == set()
    assert {path.split("/")[2] for path in paths} == set(TABLE.nouns_of(name))


def test_without_services_nothing_is_public() -> None:
    assert [Table.of([]).owner(path) for path in ("/v1/orders", *OF_ANY)] == [None, None, None, None]
