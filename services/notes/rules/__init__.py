"""Who may write what about an order, and what its timeline shows to whom. Pure: no session, clock, broker or network.

writing.py     who may see, write, edit and retract
timeline.py    what each event adds to its order's timeline
order_copy.py  what this service copies of an order
"""

PROBLEMS = {
    "order_not_known_yet": "No such order has reached this service; one that was placed a moment ago may still arrive: try again.",
    "bad_text": "A note is plain text of 1 to 10,000 characters, some visible, with no control characters but line ends and tabs.",
    "answers_off": "This store does not accept answers from customers.",
    "author_only": "Only the side that wrote a note may edit it; staff may still retract a customer's answer.",
    "retracted": "A retracted note cannot be edited; write a new one.",
    "already_retracted": "The note has already been retracted.",
}
"""Every code that this service's own rules answer with, and what it means to the caller."""
