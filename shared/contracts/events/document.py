"""Events of the document service: `document.*`."""

from datetime import date
from typing import Literal

from shared.contracts.events.envelope import Event
from shared.contracts.events.refund import TaxRow
from shared.contracts.ids import DocumentId, OrderId

DocumentKind = Literal["invoice", "receipt", "credit_note", "refund_receipt", "cancelling_receipt"]


class DocumentIssued(Event, type="document.issued.v1", readers=("notes", "webhooks")):
    """A numbered, immutable document exists. `net` + `tax` = `total`, and `taxes` add up to it; a receipt, which is of money, has none."""

    document_id: DocumentId
    order_id: OrderId
    customer_id: str
    kind: DocumentKind
    number: str
    issued_on: date  # in the store's time zone
    currency: str
    total: int
    sha256: str
    refers_to: DocumentId | None = None
    net: int | None = None  # None: a receipt, or issued before documents said their taxes
    tax: int | None = None
    taxes: tuple[TaxRow, ...] = ()

    @property
    def subject(self) -> str:
        """The order's id."""
        return self.order_id
