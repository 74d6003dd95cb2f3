"""Who may write which notes on an order, and who sees what in its timeline. Pure: no session, clock, broker or network.

writing.py     who may see, write, edit and retract
timeline.py    what each event adds to its order's timeline
order_copy.py  what this service copies of an order
"""

PROBLEMS = {
    "order_not_here_yet": "Order not found. A recently placed order may not have reached this service yet: try again.",
    "bad_text": "A note is plain text of 1 to 10,000 characters, some visible, without control characters other than line breaks and tabs.",
    "answers_off": "This store does not accept answers from customers.",
    "author_only": "Only the side that wrote a note may edit it, and only that side or the shop may retract it.",
    "retracted": "A retracted note cannot be edited; write a new one.",
    "already_retracted": "The note has already been retracted.",
}
"""Every refusal code of this service and its meaning."""
