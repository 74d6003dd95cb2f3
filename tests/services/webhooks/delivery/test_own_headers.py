"""What an endpoint's owner may add to each delivery: never what is ours, and nothing that could end a header early."""

import pytest

from services.webhooks.delivery.sending import OURS, own_headers
from shared.contracts.errors import Invalid

MANY = "An endpoint has at most 20 headers of its own, with 4,096 bytes in all."
ONCE = "Each header may be given once, whatever the case of its letters."
NAME = "A header's name is written in letters, digits and !#$%&'*+-.^_`|~."
VALUE = "A header's value is visible ASCII text, with spaces only inside it."
OWNED = "These headers belong to the delivery or to the connection: webhook-*, aftersale-*, accept, "


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Authorization": "Bearer abc.def"},
        {"X-Shop": "7", "Cookie": "a=b; c=d", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {f"X-{number}": "x" for number in range(20)},
        {"X": "x" * 4_095},
    ],
)
def test_headers_are_taken_as_they_are(given: dict[str, str]) -> None:
    assert own_headers(given) == given


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({f"X-{number}": "x" for number in range(21)}, MANY),
        ({"X": "x" * 4_096}, MANY),
        ({"X-Shop": "7", "x-shop": "8"}, ONCE),
        ({"": "x"}, NAME),
        ({"X Shop": "x"}, NAME),
        ({"X:": "x"}, NAME),
        ({"X\r\nEvil": "x"}, NAME),
        ({"X-ß": "x"}, NAME),
        ({"X": ""}, VALUE),
        ({"X": " x"}, VALUE),
        ({"X": "x "}, VALUE),
        ({"X": "x\n"}, VALUE),
        ({"X": "a\r\nEvil: b"}, VALUE),
        ({"X": "a\x00b"}, VALUE),
        ({"X": "a\tb"}, VALUE),
        ({"X": "a\x7fb"}, VALUE),
        ({"X": "ß"}, VALUE),
    ],
)
def test_any_other_is_refused(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        own_headers(given)
    (only,) = refused.value.errors
    assert (refused.value.code, only.pointer, only.message) == ("bad_header", "/headers", sentence)


@pytest.mark.parametrize(
    "name",
    [
        *OURS,
        "Webhook-Id",
        "webhook-signature",
        "WEBHOOK-TIMESTAMP",
        "webhook-anything",
        "Aftersale-Attempt",
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "Proxy-Authorization",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Content-Encoding",
    ],
)
def test_what_is_ours_or_the_connections_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        own_headers({name: "x"})
    (only,) = refused.value.errors
    assert (refused.value.code, only.message[: len(OWNED)]) == ("bad_header", OWNED)
