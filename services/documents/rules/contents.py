"""The canonical bytes of a document's contents, whose hash proves that they never changed, what lists and events say of them, and the
language it is printed in.
"""

import hashlib
import json

from services.documents.state import LANGUAGES, Buyer, Contents, Language, Nature, SaidTax, Terms
from shared.contracts.events import Address, DocumentKind, Part, TaxRow

ABOUT_MONEY: frozenset[DocumentKind] = frozenset({"receipt", "cancelling_receipt"})
"""Documents about a payment: they repeat the order's taxes, if they say any, so none of theirs is counted."""
CREDITS: frozenset[DocumentKind] = frozenset({"credit_note", "refund_receipt"})


class Heading(Part):
    """What lists, events and the archive say of a document's contents: everything but its lines. Minor units.

    One from before version 2 has no table of taxes: its tax is one row without a rate.
    """

    schema_version: int
    kind: DocumentKind
    total: int
    included: int = 0
    rows: tuple[SaidTax, ...] = ()
    paid_by_then: int | None = None
    balance: int | None = None
    address: Address | None = None
    shipped_to: str = ""
    buyer: Buyer = Buyer()
    order_terms: Terms = Terms()
    nature: Nature | None = None
    reason: str = ""

    @property
    def tax(self) -> int | None:
        """The tax in the total; None for a document about money."""
        return None if self.kind in ABOUT_MONEY else self.included

    @property
    def net(self) -> int | None:
        """The total without its tax."""
        return None if self.tax is None else self.total - self.tax

    @property
    def taxes(self) -> tuple[TaxRow, ...]:
        """One row per code and rate; they add up to the total without what was overpaid, which had no tax."""
        if self.kind in ABOUT_MONEY:
            return ()
        if self.schema_version > 1 or not self.total:
            return tuple(TaxRow.like(row) for row in self.rows)
        return (TaxRow(net=self.total - self.included, tax=self.included, gross=self.total),)

    @property
    def paid(self) -> int | None:
        """What was paid when it was issued; None on a credit, where nothing is paid by the customer."""
        return None if self.kind in CREDITS else self.paid_by_then

    @property
    def due(self) -> int | None:
        """What was still to pay then."""
        return None if self.kind in CREDITS else self.balance

    @property
    def country(self) -> str:
        """Where the supply went: the shipping address' country, or else the billing address'."""
        return self.shipped_to or (self.address.country_code if self.address else "")


def heading_of(text: str) -> Heading:
    """The heading of a document's canonical text, read without its lines. Raises ValueError for a text that is none."""
    said = json.loads(text)
    renamed = {"included": "tax", "rows": "taxes", "paid_by_then": "paid", "shipped_to": "country"}
    names = ("schema_version", "kind", "total", "balance", "address", "buyer", "order_terms", "nature", "reason")
    found = {name: said[name] for name in names if name in said} | {to: said[of] for to, of in renamed.items() if of in said}
    return Heading.model_validate(found, strict=False)


def canonical(contents: Contents) -> str:
    """The canonical JSON text of `contents`: sorted keys, no spaces, UTF-8. Its SHA-256 is the document's hash."""
    return json.dumps(contents.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def sha256_of(text: str) -> str:
    """Hexadecimal SHA-256 of the UTF-8 bytes of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()


def language_of(ordered: str, setting: str) -> Language:
    """The language to print in: the store's choice, or else the order's if it is supported, or else English."""
    wanted = (ordered if setting == "auto" else setting).lower().split("-")[0]
    return next((language for language in LANGUAGES if language == wanted), "en")
