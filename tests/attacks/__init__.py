"""Attacks on a running system from one source: each runs in a separate process and counts how its calls were answered.

wire.py     raw HTTP: cheap enough for a thousand requests a second      target.py   what an attacker knows about the system
source.py   the attacker's process (python -m tests.attacks.source)      __init__    every attack by its name

One source: at most 1,000 connections and 1,000 requests a second. Beyond that a proxy belongs in front.
`make proof ONLY=p19` measures another store during each; `make faults` has some of them among its faults.
"""

from tests.attacks.bodies import FourBigBodies, OneBigBody, UnknownFields
from tests.attacks.dear import EventBacklog, LockedRow, LongInvoices, PictureBombs
from tests.attacks.floods import BadTokens, NameSearches, NoTokens
from tests.attacks.heads import HalfRequests, HugeHeads, Silent
from tests.attacks.holding import ManyStreams, UnreadExports, UnreadListings
from tests.attacks.target import Attack

ATTACKS: dict[str, type[Attack]] = {
    "one_big_body": OneBigBody,
    "four_big_bodies": FourBigBodies,
    "unknown_fields": UnknownFields,
    "huge_heads": HugeHeads,
    "silent_connections": Silent,
    "half_requests": HalfRequests,
    "no_tokens": NoTokens,
    "bad_tokens": BadTokens,
    "unread_exports": UnreadExports,
    "many_streams": ManyStreams,
    "picture_bombs": PictureBombs,
    "name_searches": NameSearches,
    "long_invoices": LongInvoices,
    "event_backlog": EventBacklog,
    "locked_row": LockedRow,
}
"""The attacks during which `make proof ONLY=p19` measures another store."""

UNMEASURED: dict[str, type[Attack]] = {"unread_listings": UnreadListings}
"""The attacks that only `make faults` uses."""
