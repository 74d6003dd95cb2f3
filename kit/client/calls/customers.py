"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from kit.client.answers.customers import ErasedView
from kit.client.call import Call, new_key, segment
from kit.client.connection import Connection


class Customers:
    """Calls of `/v1/customers…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def erase(self, customer_id: str, *, dry_run: bool | None = None, idempotency_key: str | None = None) -> ErasedView:
        """Erase a customer everywhere: names, addresses, texts. Orders, amounts and issued documents stay."""
        query = {"dry_run": dry_run}
        call = Call("DELETE", f"/v1/customers/{segment(customer_id)}", key=idempotency_key or new_key(), query=query)
        return await self._connection.answer(ErasedView, call)
