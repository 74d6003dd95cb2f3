"""What may be an endpoint, which events it wants, what is sent, and when. Pure: no session, clock, broker or network.

filters.py    which event types an endpoint wants
messages.py   the bytes that are sent
addresses.py  which addresses nothing is ever sent to
kinds.py      what an endpoint of each kind takes
urls.py       what an endpoint's URL may be
schedule.py   when a failed delivery is tried again, and when an endpoint is disabled
"""

PROBLEMS = {
    "bad_url": "Not a URL that events can be sent to; the detail says what would be accepted.",
    "inward_address": "The address is not a public one: nothing is sent there.",
    "bad_header": "Not a header that an endpoint may add; the detail says what would be accepted.",
    "bad_secret": "A secret is `whsec_` and 24 to 64 bytes in base64.",
    "unknown_event_types": "No event type matches; `GET /asyncapi.json` lists them.",
    "too_many_endpoints": "The store has as many endpoints as it may have; delete one first.",
    "url_missing": "A webhook needs the URL that its events are sent to.",
    "not_for_this_kind": "A queue has no URL, headers or secret of the caller's own, and never gets personal data; leave the field out.",
    "too_many_queues": "The store has as many queues as it may have; delete one first.",
    "amqp_endpoints_not_available": "No queue can be made at the moment, but webhooks and the feed bring the same events.",
    "endpoint_disabled": "The endpoint is disabled; set its state to `active` first.",
}
"""Every refusal code of this service and its meaning."""
