"""Who may see, write, edit and retract which notes, and what a note's text may be."""

import unicodedata

from services.notes.requests import MAX_TEXT_CHARACTERS
from services.notes.rules import PROBLEMS
from services.notes.state import Audience, KnownOrder, Note, NoteState, Side, TimelineEntry
from shared.contracts.actor import Actor, Decision, allowed, forbidden, refused
from shared.contracts.errors import FieldError, Invalid

KEPT_CONTROLS = "\n\t"


def side_of(actor: Actor) -> Side:
    """Which side of the counter the actor speaks for; a platform on behalf of its customer is that customer."""
    return "shop" if actor.is_shop else "customer"


def visible_audiences(actor: Actor) -> tuple[Audience, ...]:
    """The audiences whose notes and entries the actor may see: every query selects by it, so nothing else is ever loaded."""
    return ("customer", "private") if actor.is_shop else ("customer",)


def may_write(actor: Actor, audience: Audience, *, answers_allowed: bool) -> Decision:
    """Whether the actor may write a note for `audience` on an order that it can see (seed 10.1 and 10.2)."""
    if _reads_only(actor):
        return forbidden("read_only")
    if actor.is_shop:
        return allowed()
    if audience == "private":
        return forbidden("shop_only", 'Only staff write private notes; send the audience "customer".')
    if not answers_allowed:
        return refused("answers_off", PROBLEMS["answers_off"])
    return allowed()


def may_edit(actor: Actor, note: NoteState, *, answers_allowed: bool) -> Decision:
    """Whether the actor may append a revision: a note of its own side that is not retracted, under the rules for writing one."""
    if side_of(actor) != note.side:
        return forbidden("author_only", PROBLEMS["author_only"])
    if note.retracted:
        return refused("retracted", PROBLEMS["retracted"])
    return may_write(actor, note.audience, answers_allowed=answers_allowed)


def may_retract(actor: Actor, note: NoteState) -> Decision:
    """Whether the actor may take the note back: the shop any note, a customer its own, whatever the setting says by now."""
    if _reads_only(actor):
        return forbidden("read_only")
    if not actor.is_shop and side_of(actor) != note.side:
        return forbidden("author_only", PROBLEMS["author_only"])
    if note.retracted:
        return refused("already_retracted", PROBLEMS["already_retracted"])
    return allowed()


def may_mark_read(actor: Actor) -> Decision:
    """Whether the actor has unread marks to clear: both sides have, a guest link has none."""
    return forbidden("read_only") if actor.role == "guest" else allowed()


def _reads_only(actor: Actor) -> bool:
    return actor.read_only or actor.role == "guest"


def position_for(actor: Actor, counted: KnownOrder | Note | TimelineEntry) -> int:
    """Where an order, a note or an entry stands in the count of changes of the actor's side; the customer's knows of no private ones."""
    position = counted.shop_position if side_of(actor) == "shop" else counted.customer_position
    assert position is not None  # a constraint of the tables: whatever the customer sees has one
    return position


def plain_text(text: str) -> str:
    """The text as it is stored: every line end is one line feed, the rest untouched; markup is text like any other.

    Raises Invalid("bad_text") over 10,000 characters, without anything visible, or with control characters or surrogates.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reason = _why_bad(text)
    if reason:
        raise Invalid("bad_text", PROBLEMS["bad_text"], errors=(FieldError("/text", "bad_text", reason),))
    return text


def _why_bad(text: str) -> str | None:
    if len(text) > MAX_TEXT_CHARACTERS:
        return f"At most {MAX_TEXT_CHARACTERS:,} characters."
    kinds = {unicodedata.category(character) for character in set(text) if character not in KEPT_CONTROLS}
    if kinds & {"Cc", "Cs"}:
        return "Remove control characters other than line ends and tabs."
    if not kinds - {"Zs", "Zl", "Zp", "Cf"}:
        return "A note needs some visible text."
    return None
