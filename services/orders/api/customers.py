"""A customer's right to be forgotten."""

from typing import Annotated

from fastapi import Path, Response

from services.orders.commands.erase import erase_customer
from services.orders.views.orders import ErasedView
from shared.contracts.actor import MAX_ID_CHARACTERS
from shared.contracts.errors import Forbidden, Refused
from shared.data.db import Transaction
from shared.web.call import Call, Router, problems

router = Router()


@router.delete(
    "/customers/{customer_id}", operation_id="orders_customer_erase", response_model=ErasedView, responses=problems(Forbidden, Refused)
)
async def erase(customer_id: Annotated[str, Path(min_length=1, max_length=MAX_ID_CHARACTERS)], call: Call) -> Response:
    """Erase a customer everywhere: names, addresses, texts. Orders, amounts and issued documents stay."""

    async def work(tx: Transaction) -> ErasedView:
        return ErasedView(customer_id=customer_id, orders=await erase_customer(tx, call.actor, customer_id, now=call.now))

    return await call.once("customers.erase", work, idempotent="optional")
