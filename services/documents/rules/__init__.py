"""The rules of the document service. Pure: no session, no clock, no broker; every function can be tested with a table.

due.py       which documents an order requires
contents.py  the canonical bytes that are hashed, and the language of a document
series.py    numbers, and the day and year that date them
prints.py    what a print button prints
modes.py     who issues documents of a kind, and where series start
corrections.py  whether an invoice may be corrected, and what its correction says
e_invoice.py whether a document can be an e-invoice, and what it lacks; supplies.py is what it is about
settings.py  the rules for a store's document settings
sample.py    a made-up order for previews of settings
"""

PROBLEMS: dict[str, str] = {
    "order_not_here_yet": "Order not found. A recently placed order may not have reached this service yet: try again.",
    "bad_period": "The period ends before it begins: `issued_on.gte` must not be later than `issued_on.lt`.",
    "prefix_taken": "Each kind of document needs a series prefix of its own, never used by another kind.",
    "series_begun": "The series of this year has its first document already, so that it keeps the number that it began with.",
    "already_credited": "A credit note stands on this invoice, so it cannot be corrected any more.",
    "not_the_newest": "Only the newest invoice can be corrected; `newest` names it, if there is one.",
    "elsewhere": "The order's invoice is issued by another system, and corrected there.",
    "logo_type": "A logo is a PNG or JPEG image.",
    "logo_unreadable": "The bytes sent as a logo cannot be decoded as the image type that they claim to be.",
    "logo_too_large": "A logo is at most 1 MB and 4,000 pixels on each side.",
    "no_refund_request": "No refund was requested for this order. A recent request may not have reached this service yet: try again.",
    "label_unknown": "There is no label with this key.",
    "label_places": "A store's own word has the same places for figures as the original, such as `{amount}`, and no other braces.",
    "too_many_prints": "One call prints at most 200 orders.",
    "orders_missing": "Some of these orders do not exist or have not reached this service yet; `order_ids` names them all.",
    "no_e_invoice": "This document holds no e-invoice; its `e_invoice` says whether one was wanted, and what is missing.",
    "rendering_failed": "The document could not be rendered within its time and memory limits; its data and number are unaffected.",
}
"""Every refusal code of this service and its meaning."""
