"""A customer's right to be forgotten."""

from fastapi import Response

from services.orders.commands.erase import erase_customer
from services.orders.views.orders import ErasedView
from shared.contracts.errors import Forbidden, Refused
from shared.data.db import Transaction
from shared.web.call import Call, DryRun, Router, problems
from shared.web.inputs import CustomerId

router = Router()


@router.delete(
    "/customers/{customer_id}", operation_id="orders_customer_erase", response_model=ErasedView, responses=problems(Forbidden, Refused)
)
async def erase(customer_id: CustomerId, call: Call, dry_run: DryRun = False) -> Response:
    """Erase a customer everywhere: names, addresses, texts. Orders, amounts and issued documents stay."""

    async def work(tx: Transaction) -> ErasedView:
        return ErasedView(customer_id=customer_id, orders=await erase_customer(tx, call.actor, customer_id, now=call.now))

    return await call.once("customers.erase", work, idempotent="optional", dry_run=dry_run)
