"""Response bodies of batches: the result of each item."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from services.orders.state import Changed, Result
from shared.contracts.errors import Failure
from shared.contracts.ids import OrderId
from shared.data.idempotency import Stored
from shared.web.problems import members
from shared.web.views import View


class PlacedItem(BaseModel):
    """The result of one order in a batch: `order` if it was placed, otherwise `problem`."""

    index: int
    status: int
    order: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


class BatchView(View):
    """The result of each order in a batch, in the order of the request."""

    placed: int
    refused: int
    items: list[PlacedItem]


class ChangedItem(BaseModel):
    """The result of one item of a bulk change. `order_id` is null if the item names no order, or several, or cannot be read."""

    index: int
    order_id: OrderId | None
    status: int
    version: int | None = None
    problem: dict[str, Any] | None = None

    @classmethod
    def of(cls, index: int, result: Result) -> "ChangedItem":
        """The order's new version, or why it was not changed."""
        if isinstance(result, Changed):
            return cls(index=index, order_id=result.order_id, status=result.status, version=result.version)
        return cls(index=index, order_id=result.order_id, status=result.failure.status, problem=members(result.failure))


class BulkView(View):
    """The result of each item of a bulk change, in the order of the request."""

    changed: int
    refused: int
    items: list[ChangedItem]

    @classmethod
    def of(cls, results: Sequence[Result]) -> "BulkView":
        """With how many items changed their order."""
        changed = sum(isinstance(result, Changed) for result in results)
        items = [ChangedItem.of(index, result) for index, result in enumerate(results)]
        return cls(changed=changed, refused=len(items) - changed, items=items)


def batch_json(answers: Sequence[Stored | Failure]) -> str:
    """A BatchView as JSON. The stored response of an order is already its JSON and is inserted unchanged."""
    placed = sum(isinstance(answer, Stored) for answer in answers)
    items = ",".join(_item(index, answer) for index, answer in enumerate(answers))
    return f'{{"placed":{placed},"refused":{len(answers) - placed},"items":[{items}]}}'


def _item(index: int, answer: Stored | Failure) -> str:
    if isinstance(answer, Stored):
        return f'{{"index":{index},"status":{answer.status},"order":{answer.body},"problem":null}}'
    return PlacedItem(index=index, status=answer.status, problem=members(answer)).model_dump_json()
