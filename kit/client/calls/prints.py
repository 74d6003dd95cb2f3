"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from contextlib import AbstractAsyncContextManager
from typing import Literal

from kit.client.call import Call, segment
from kit.client.connection import Connection
from kit.client.download import Download


class Prints:
    """Calls of `/v1/prints…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def print_order(
        self,
        order_id: str,
        button: Literal["receipt", "invoice", "packing-slip"],
        *,
        format: Literal["pdf", "html"] | None = None,
    ) -> AbstractAsyncContextManager[Download]:
        """Print a receipt, an invoice or a packing slip of any order.

        If an issued document exists for it, that document is printed. Otherwise an order receipt (marked UNPAID until it is paid; lists
        every payment, latest first) or a draft invoice is printed; neither is numbered. A packing slip shows the current shipping
        address; the slip of a pickup order is for its collection, that of a digital one says that nothing is shipped.
        """
        query = {"format": format}
        return self._connection.download(Call("GET", f"/v1/prints/{segment(order_id)}/{segment(button)}", query=query))
