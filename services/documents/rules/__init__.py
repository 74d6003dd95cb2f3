"""What documents decides. Pure: no session, no clock, no broker; every function can be tested with a table.

due.py       which documents an order calls for
contents.py  what each of them says (amounts, lines, taxes), and the canonical bytes that are hashed
series.py    numbers, and the day and year that date them
prints.py    what a print button prints
settings.py  what a store may choose
sample.py    a made-up order, to preview settings with
"""

PROBLEMS: dict[str, str] = {
    "order_not_known_yet": "No such order has reached this service; one that was placed a moment ago may still arrive: try again.",
    "bad_period": "The period ends before it begins: `issued_on.gte` must not be later than `issued_on.lt`.",
    "prefix_taken": "Each kind of document needs a series prefix of its own, never used by another kind.",
    "logo_type": "A logo is a PNG or JPEG image.",
    "logo_unreadable": "The bytes sent as a logo do not decode as the image that they claim to be.",
    "logo_too_large": "A logo is at most 1 MB and 4,000 pixels on each side.",
    "rendering_failed": "The document could not be rendered within its time and memory; its data and number stand.",
}
"""Every refusal code of this service, and what it means."""
