"""What others receive of an event: whole, without what is personal, or short with a link to the whole."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from services.webhooks.rules.messages import MAX_SENT_BYTES, blanked, messages
from shared.contracts.events import By, Envelope, NoteAdded, NoteText
from shared.contracts.ids import new_id

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def _note(text: str) -> NoteAdded:
    by = By(role="staff", id="s")
    return NoteAdded(
        occurred_at=NOW, note_id=new_id("note"), order_id=new_id("order"), customer_id="c-1", audience="customer", revision=1, by=by,
        personal=NoteText(text=text),
    )  # fmt: skip


def _envelope(event: NoteAdded) -> Envelope:
    return Envelope(
        id=uuid.uuid4(), type=event.type, source="notes", subject=event.subject, store_id="a", sequence=7, occurred_at=NOW,
        recorded_at=NOW, received_at=NOW,
    )  # fmt: skip


def test_what_is_personal_is_apart_and_nowhere_else() -> None:
    event = _note("Dear Rahima")
    envelope = _envelope(event)
    made = messages(event, envelope)
    sent = json.loads(made.whole)
    assert (sent["id"], sent["type"], sent["subject"], sent["storeid"]) == (str(envelope.id), event.type, event.subject, "a")
    assert sent["sequence"] == "00000000000000000007"
    assert json.loads(made.personal or "") == {"text": "Dear Rahima"}
    assert "Rahima" not in made.whole + made.erased
    assert made.sent is None


@pytest.mark.parametrize(("letters", "shown"), [(10, True), (MAX_SENT_BYTES, False)])
def test_a_personal_part_that_makes_it_too_large_is_not_sent(letters: int, shown: bool) -> None:
    event = _note("y" * letters)
    assert (messages(event, _envelope(event)).personal is not None) == shown


def test_what_is_too_large_is_sent_short_with_a_link() -> None:
    event = _note("x").model_copy(update={"customer_id": "x" * MAX_SENT_BYTES})
    envelope = _envelope(event)
    made = messages(event, envelope)
    assert made.sent is not None
    assert json.loads(made.sent) | {"data": 0} == json.loads(made.whole) | {"data": 0, "dataref": f"/v1/events/{envelope.id}"}
    assert json.loads(made.sent)["data"] == {"occurred_at": "2026-11-27T12:00:00Z"}


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ({"personal": {"text": "x"}, "note_id": "n"}, {"personal": {}, "note_id": "n"}),
        ({"reason": "she moved", "order": {"tracking": {"number": "1"}}}, {"reason": "", "order": {"tracking": None}}),
        (None, None),
    ],
)
def test_blanking_keeps_the_id(data: dict[str, Any] | None, left: dict[str, Any] | None) -> None:
    assert json.loads(blanked(json.dumps({"id": "1", "data": data}))) == {"id": "1", "data": left}
