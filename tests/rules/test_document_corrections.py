"""What a correction repeats of the invoice that it corrects, and which invoice stands."""

from services.documents.rules.corrections import SEALED
from services.documents.state import Contents

ANEW = {
    "document_id", "kind", "number", "issued_on", "issued_at", "cause", "refers_to", "order_id", "customer_id", "tax_codes", "nature",
    "language", "labels", "paper", "seller", "footer", "terms", "logo_sha256", "letterhead_version", "e_invoice",
    "shipping_tax_rate", "shipping_tax_code",
}  # fmt: skip
"""Its own identity, and what the settings and the order say at that moment."""
OF_OTHERS = {
    "mark", "contact", "payments", "tracking", "note", "to_collect", "closings", "refers_to_external", "request", "fees", "reason",
}  # fmt: skip
"""What no invoice of ours says."""


def test_each_field_of_a_document_is_repeated_or_said_anew() -> None:
    """A field that documents gain belongs to one of them: forgotten here, a corrected invoice would no longer say it."""
    fields = [*SEALED, *ANEW, *OF_OTHERS]
    assert sorted(fields) == sorted(Contents.model_fields)
