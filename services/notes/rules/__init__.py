"""What may be said about an order, by whom, and what its timeline tells to whom. Pure: no session, clock, broker or network.

`writing` says who may see, write, edit and retract; `timeline` what an event adds to its order; `order_copy` what is kept of an order.
"""

PROBLEMS = {
    "not_found": "There is no such thing here for you; of an order placed a moment ago nothing may have arrived yet.",
    "bad_text": "A note is plain text of 1 to 10,000 characters with something to read in it, and without control characters.",
    "private_is_for_staff": 'Only staff write private notes; a customer\'s answer has the audience "customer".',
    "answers_off": "This store takes no answers from customers.",
    "guest_reads_only": "A guest link reads one order and writes nothing.",
    "not_the_author": "A note is edited by the side that wrote it: staff may retract a customer's answer, never reword it.",
    "retracted": "A retracted note is not edited; write a new one.",
    "already_retracted": "The note was retracted before.",
}
"""Every code that this service's own rules answer with, and what it means to the caller."""
