"""Calls. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from contextlib import AbstractAsyncContextManager
from typing import Literal, Unpack

from kit.client.call import Call, segment
from kit.client.connection import Connection
from kit.client.download import Download
from kit.client.requests.prints import PrintsInput


class Prints:
    """Calls of `/v1/prints…`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def print_orders(self, **body: Unpack[PrintsInput]) -> AbstractAsyncContextManager[Download]:
        """Print what a button prints of each of these orders, in this order and each on a new page, as one PDF that is sent while it is
        made.

        Where an issued document stands, its stored bytes are bound in. Nothing is printed if an order is missing, unless `skip_missing`
        is set: the last page then lists those that are missing, and any whose picture could not be made.
        """
        return self._connection.download(Call("POST", "/v1/prints", writes=False, body=body))

    def print_order(
        self,
        order_id: str,
        button: Literal["receipt", "invoice", "packing-slip", "refund-request"],
        *,
        format: Literal["pdf", "html"] | None = None,
        paper: Literal["a4", "letter", "a5", "roll80", "roll58"] | None = None,
        refund_id: str | None = None,
    ) -> AbstractAsyncContextManager[Download]:
        """Print a receipt, an invoice or a packing slip of any order, or what was asked for in a refund request.

        If an issued document exists for it, that document is printed: its stored bytes, or on another `paper` the same contents anew.
        Otherwise an order receipt (marked UNPAID until it is paid; lists every payment, latest first) or a draft invoice is printed, or
        a copy that names the number where another system issues the invoice; none of them is numbered. A packing slip shows the current
        shipping address; the slip of a pickup order is for its collection, that of a digital one says that nothing is shipped.
        """
        query = {"format": format, "paper": paper, "refund_id": refund_id}
        return self._connection.download(Call("GET", f"/v1/prints/{segment(order_id)}/{segment(button)}", query=query))
