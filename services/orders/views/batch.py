"""Response bodies of batches: the result of each item."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

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


class MovedItem(BaseModel):
    """The result of one order in a bulk change."""

    order_id: OrderId
    status: int
    version: int | None = None
    problem: dict[str, Any] | None = None


class BulkView(View):
    """The result of each order in a bulk change, in the order of the request."""

    changed: int
    refused: int
    items: list[MovedItem]

    @classmethod
    def of(cls, order_ids: Sequence[str], results: Sequence[int | Failure]) -> "BulkView":
        """Each order with its new version, or why it was not moved."""
        items = [
            MovedItem(order_id=order_id, status=result.status, problem=members(result))
            if isinstance(result, Failure)
            else MovedItem(order_id=order_id, status=200, version=result)
            for order_id, result in zip(order_ids, results, strict=True)
        ]
        changed = sum(item.problem is None for item in items)
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
