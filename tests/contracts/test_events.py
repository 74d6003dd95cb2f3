"""The events as contracts: one example each, which this version reads to the letter and neighbouring versions may extend."""

import importlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from deploy.operator.registry import SERVICES
from shared.contracts.events import EVENTS, SOURCES, DocumentIssued, NoteAdded, OrderPlaced, RefundInspected
from shared.messaging.asyncapi import asyncapi
from shared.messaging.inbox import Consumers
from shared.messaging.messages import Malformed, parse

EXAMPLES = Path(__file__).parent / "events"
NOW = datetime(2026, 11, 22, tzinfo=UTC)
READ_ALL: dict[str, Any] = dict.fromkeys(EVENTS)


def example(event_type: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EXAMPLES / f"{event_type}.json").read_text())
    return loaded


def without_additions(written: Any, old: Any) -> Any:
    """What was written, less the fields that were added since the example was frozen (they have defaults)."""
    if isinstance(old, dict):
        return {name: without_additions(written[name], old[name]) for name in old}
    if isinstance(old, list):
        return [without_additions(new, one) for new, one in zip(written, old, strict=True)]
    return written


def test_every_type_has_one_example_and_no_example_is_left_over() -> None:
    assert sorted(path.stem for path in EXAMPLES.iterdir()) == sorted(EVENTS)


@pytest.mark.parametrize("event_type", EVENTS)
def test_an_example_is_read_and_written_back_to_the_letter(event_type: str) -> None:
    message = example(event_type)
    envelope, event = parse(json.dumps(message).encode(), message["type"], READ_ALL, NOW)
    assert (envelope.type, envelope.store_id, envelope.subject) == (event_type, "demo", event.subject)
    assert re.fullmatch(event.subjects, event.subject)
    assert not (event.internal and event.public)
    assert without_additions(event.model_dump(mode="json"), message["data"]) == message["data"]
    assert message["source"] == next(source for source, words in SOURCES.items() if event_type.split(".", maxsplit=1)[0] in words)


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_newer_writers_fields_are_ignored(event_type: str) -> None:
    message = example(event_type)
    message["data"]["since_v9"] = {"anything": 1}
    message["futureattribute"] = "x"
    parse(json.dumps(message).encode(), message["type"], READ_ALL, NOW)


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_message_without_a_required_part_is_malformed(event_type: str) -> None:
    message = example(event_type)
    del message["data"]["occurred_at"]
    with pytest.raises(Malformed) as malformed:
        parse(json.dumps(message).encode(), message["type"], READ_ALL, NOW)
    assert malformed.value.reason == "bad_data"
    assert "occurred_at" in malformed.value.detail


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_reads_exactly_what_is_sent_to_it(service: str) -> None:
    """`readers` makes the broker's bindings: a missing one would lose events, a spare one would park them."""
    consumers: Consumers = importlib.import_module(f"services.{service}.consumers").consumers
    assert sorted(consumers.handlers) == sorted(name for name, event in EVENTS.items() if service in event.readers)


def test_every_type_belongs_to_one_source() -> None:
    words = [word for source in SOURCES.values() for word in source]
    assert len(words) == len(set(words))
    assert {event_type.split(".")[0] for event_type in EVENTS} == set(words)


def test_what_is_private_is_not_public() -> None:
    note = NoteAdded.model_validate_json(json.dumps(example("note.added.v1")["data"]))
    assert note.public
    assert not note.model_copy(update={"audience": "private"}).public
    assert not RefundInspected.model_validate_json(json.dumps(example("refund.inspected.v1")["data"])).public
    assert DocumentIssued.model_validate_json(json.dumps(example("document.issued.v1")["data"])).public


def test_personal_data_stands_in_its_section_only() -> None:
    """Erasure blanks `personal`: a name, an address or a phone anywhere else would stay for ever."""
    for event_type in EVENTS:
        rest = {key: value for key, value in example(event_type)["data"].items() if key != "personal"}
        text = json.dumps(rest, ensure_ascii=False)
        assert [
            word for word in ("Rahima", "rahima@example.com", "+8801712345678", "House 1", "sleeve", "call you") if word in text
        ] == [], event_type


def test_an_order_of_the_largest_size_fits_into_an_event() -> None:
    data = example("order.placed.v1")["data"]
    data["order"]["lines"] = [
        data["order"]["lines"][0] | {"line": number, "sku": f"SKU-{number:06d}" + "x" * 50, "name": "n" * 100} for number in range(1, 2001)
    ]
    event = OrderPlaced.model_validate_json(json.dumps(data))
    assert len(event.model_dump_json()) < 1_000_000


@pytest.mark.parametrize("service", SERVICES)
def test_the_asyncapi_document_names_what_is_sent_and_received(service: str) -> None:
    document = asyncapi(service, service, ["order.placed.v1"], "aftersale")
    assert document["asyncapi"] == "3.0.0"
    sends = {name for name, operation in document["operations"].items() if operation["action"] == "send"}
    assert sends == {f"send_{name.replace('.', '_')}" for name in EVENTS if name.split(".")[0] in SOURCES[service]}
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
