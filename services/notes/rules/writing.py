"""Who may see, write, edit and retract which notes, and what a note's text may be."""

import unicodedata

from services.notes.requests import MAX_TEXT_CHARACTERS
from services.notes.rules import PROBLEMS
from services.notes.state import Audience, KnownOrder, Note, Side, TimelineEntry
from shared.contracts.actor import Actor, Decision, allowed, forbidden, refused
from shared.contracts.errors import Invalid

KEPT_CONTROLS = "\n\t"


def side_of(actor: Actor) -> Side:
    """The side that the actor belongs to; a platform acting for a customer counts as that customer."""
    return "shop" if actor.is_shop else "customer"


def visible_audiences(actor: Actor) -> tuple[Audience, ...]:
    """The audiences whose notes and entries the actor may see: every query selects by them, so nothing else is ever loaded."""
    return ("customer", "private") if actor.is_shop else ("customer",)


def may_write(actor: Actor, audience: Audience, *, answers_allowed: bool) -> Decision:
    """Whether the actor may write a note for `audience` on an order that it may see (seed 10.1 and 10.2)."""
    if _reads_only(actor):
        return forbidden("read_only")
    if actor.is_shop:
        return allowed()
    if audience == "private":
        return forbidden("shop_only", 'Only the shop may write private notes; send the audience "customer".')
    if not answers_allowed:
        return refused("answers_off", PROBLEMS["answers_off"])
    return allowed()


def may_edit(actor: Actor, note: Note, *, answers_allowed: bool) -> Decision:
    """Whether the actor may append a revision: a note of its own side that is not retracted, under the rules for writing one."""
    if side_of(actor) != note.side:
        return forbidden("author_only", PROBLEMS["author_only"])
    if note.retracted_at is not None:
        return refused("retracted", PROBLEMS["retracted"])
    return may_write(actor, note.audience, answers_allowed=answers_allowed)


def may_retract(actor: Actor, note: Note) -> Decision:
    """Whether the actor may retract the note: the shop any note, customers their own, even if answers are now off."""
    if _reads_only(actor):
        return forbidden("read_only")
    if not actor.is_shop and side_of(actor) != note.side:
        return forbidden("author_only", PROBLEMS["author_only"])
    if note.retracted_at is not None:
        return refused("already_retracted", PROBLEMS["already_retracted"])
    return allowed()


def may_mark_read(actor: Actor) -> Decision:
    """Whether the actor may mark notes as read: both sides may, a guest may not."""
    return forbidden("read_only") if actor.role == "guest" else allowed()


def _reads_only(actor: Actor) -> bool:
    return actor.read_only or actor.role == "guest"


def position_for(actor: Actor, counted: KnownOrder | Note | TimelineEntry) -> int:
    """The position of an order, a note or an entry in the change count of the actor's side; the customer's excludes private changes."""
    position = counted.shop_position if side_of(actor) == "shop" else counted.customer_position
    assert position is not None  # a table constraint: every row that a customer may see has one
    return position


def plain_text(text: str) -> str:
    """The text as it is stored: every line break becomes one line feed, the rest is unchanged; markup is not interpreted.

    Raises Invalid("bad_text") for more than 10,000 characters, no visible text, or control characters or surrogates.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reason = _why_bad(text)
    if reason:
        raise Invalid("bad_text", PROBLEMS["bad_text"], at="/text", accepted=reason)
    return text


def _why_bad(text: str) -> str | None:
    if len(text) > MAX_TEXT_CHARACTERS:
        return f"At most {MAX_TEXT_CHARACTERS:,} characters."
    kinds = {unicodedata.category(character) for character in set(text) if character not in KEPT_CONTROLS}
    if kinds & {"Cc", "Cs"}:
        return "Remove control characters other than line breaks and tabs."
    if not kinds - {"Zs", "Zl", "Zp", "Cf"}:
        return "A note needs some visible text."
    return None
