"""P12: strangers can verify us, with the unmodified library and with plain ed25519, before, during and after a rotation."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from services.webhooks.delivery.signing import accepted_secret, new_key_pair, new_secret, public_key_of, signed_headers
from shared.contracts.errors import Invalid

EVENT_ID = "evt_01h455vb4pex5vsknk084sn02q"
BODY = '{"type":"order.placed.v1","note":"ßধ🎈"}'.encode()
OLD, NEW = new_secret(), new_secret()
OLD_KEYS, NEW_KEYS = new_key_pair(), new_key_pair()


def verified(secret: str, headers: dict[str, str], body: bytes = BODY) -> bool:
    """Whether a receiver with this secret takes the delivery."""
    try:
        return bool(Webhook(secret).verify(body, headers) == json.loads(body))
    except WebhookVerificationError:
        return False


def verified_by_key(public_key: str, headers: dict[str, str], body: bytes = BODY) -> bool:
    """Whether a receiver with this public key takes it; the reference library does not know v1a."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_"), validate=True))
    content = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    for signature in headers["webhook-signature"].split(" "):
        version, encoded = signature.split(",")
        try:
            if version == "v1a":
                key.verify(base64.b64decode(encoded, validate=True), content)
                return True
        except InvalidSignature:
            continue
    return False


def signed(live_secrets: tuple[str, ...], live_signing_keys: tuple[str, ...] = (), body: bytes = BODY) -> dict[str, str]:
    return signed_headers(EVENT_ID, body, live_secrets=live_secrets, live_signing_keys=live_signing_keys, now=datetime.now(UTC))


@pytest.mark.parametrize(
    ("live", "keys", "old", "new"),
    [
        ((OLD,), (OLD_KEYS.signing_key,), True, False),
        ((NEW, OLD), (NEW_KEYS.signing_key, OLD_KEYS.signing_key), True, True),
        ((OLD, NEW), (OLD_KEYS.signing_key, NEW_KEYS.signing_key), True, True),
        ((NEW,), (NEW_KEYS.signing_key,), False, True),
    ],
    ids=["before", "during", "during, old one first", "after"],
)
def test_a_rotation_loses_no_delivery(live: tuple[str, ...], keys: tuple[str, ...], old: bool, new: bool) -> None:
    headers = signed(live, keys)
    assert (verified(OLD, headers), verified(NEW, headers)) == (old, new)
    assert (verified_by_key(OLD_KEYS.public_key, headers), verified_by_key(NEW_KEYS.public_key, headers)) == (old, new)
    assert [signature.split(",")[0] for signature in headers["webhook-signature"].split(" ")] == ["v1"] * len(live) + ["v1a"] * len(keys)


def test_a_key_alone_is_enough() -> None:
    headers = signed((), (NEW_KEYS.signing_key,))
    assert (verified_by_key(NEW_KEYS.public_key, headers), verified(NEW, headers)) == (True, False)


def test_every_byte_of_the_body_is_covered() -> None:
    body = b'{"type":"order.placed.v1","total":1999}'
    headers = signed((NEW,), (NEW_KEYS.signing_key,), body)
    assert (verified(NEW, headers, body), verified_by_key(NEW_KEYS.public_key, headers, body)) == (True, True)
    for position in range(len(body)):
        changed = bytes((*body[:position], body[position] ^ 1, *body[position + 1 :]))
        assert (verified(NEW, headers, changed), verified_by_key(NEW_KEYS.public_key, headers, changed)) == (False, False), changed
    for changed in (body[1:], body[:-1], body + b" ", b" " + body):
        assert (verified(NEW, headers, changed), verified_by_key(NEW_KEYS.public_key, headers, changed)) == (False, False), changed


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_the_headers_are_covered_too(name: str) -> None:
    headers = signed((NEW,), (NEW_KEYS.signing_key,))
    last = headers[name][-1]
    changed = headers | {name: headers[name][:-1] + ("1" if last == "0" else "0")}
    assert (verified(NEW, changed), verified_by_key(NEW_KEYS.public_key, changed)) == (False, False)


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(hours=6), timedelta(hours=-11)])
def test_the_time_is_that_of_the_attempt_whatever_its_zone(offset: timedelta) -> None:
    now = datetime.now(timezone(offset))
    headers = signed_headers(EVENT_ID, BODY, live_secrets=(NEW,), now=now)
    assert headers["webhook-timestamp"] == str(int(now.timestamp()))
    assert verified(NEW, headers)


def test_a_repeat_has_the_same_id_and_its_own_time() -> None:
    first, later = datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC)
    one, other = (signed_headers(EVENT_ID, BODY, live_secrets=(NEW,), now=at) for at in (first, later))
    assert one["webhook-id"] == other["webhook-id"] == EVENT_ID
    assert (one["webhook-timestamp"], other["webhook-timestamp"]) == ("1772366400", "1772928000")
    assert one["webhook-signature"] != other["webhook-signature"]


def test_a_known_delivery_is_signed_as_ever() -> None:
    """Frozen, as Node's crypto signs it too, so that no change of a library goes unseen."""
    headers = signed_headers(
        "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        b'{"test": 2432232314}',
        live_secrets=("whsec_" + base64.b64encode(bytes(range(24))).decode(),),
        live_signing_keys=("whsk_" + base64.b64encode(bytes(range(32))).decode(),),
        now=datetime.fromtimestamp(1_674_087_231, UTC),
    )
    assert headers == {
        "webhook-id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        "webhook-timestamp": "1674087231",
        "webhook-signature": (
            "v1,dgJS3aufK5RfCwEJxbgi+wrZASORV3wDMIay1RAmVMs= "
            "v1a,WGezPSQBN+ncUQHlaJCb1mM9EqbbV3QGhNXd7fi36AohyzGqpJZqe4p0IBgO1Jv4Rj4GsxPl1i5ebiTbe31mDA=="
        ),
    }


@given(st.text())
def test_any_text_can_be_signed(text: str) -> None:
    try:
        body = json.dumps({"text": text}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    headers = signed((NEW,), (NEW_KEYS.signing_key,), body)
    assert (verified(NEW, headers, body), verified_by_key(NEW_KEYS.public_key, headers, body)) == (True, True)


@pytest.mark.parametrize("event_id", ["", "evt.1", "evt 1", "evt_1\n", "evt_ß"])
def test_an_id_that_verifiers_would_misread_is_our_mistake(event_id: str) -> None:
    with pytest.raises(ValueError, match="a webhook's id is ASCII without full stops and spaces"):
        signed_headers(event_id, BODY, live_secrets=(NEW,), now=datetime.now(UTC))


def test_nothing_is_sent_unsigned_or_unreadable() -> None:
    with pytest.raises(ValueError, match="needs a secret or a key"):
        signed(())
    with pytest.raises(UnicodeDecodeError):
        signed((NEW,), body=b"\xff")


def test_secrets_and_keys_are_written_as_the_standard_says() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert NEW.startswith("whsec_")
    assert len(base64.b64decode(NEW.removeprefix("whsec_"), validate=True)) == 32
    assert (NEW_KEYS.signing_key[:5], NEW_KEYS.public_key[:5]) == ("whsk_", "whpk_")
    assert [len(base64.b64decode(key[5:], validate=True)) for key in NEW_KEYS] == [32, 32]
    assert public_key_of(NEW_KEYS.signing_key) == NEW_KEYS.public_key


def secret_of(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(range(size))).decode()


@pytest.mark.parametrize("size", [24, 25, 26, 32, 63, 64])
def test_a_caller_may_bring_a_secret(size: int) -> None:
    secret = secret_of(size)
    assert accepted_secret(secret) == secret
    assert verified(secret, signed((secret,)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "whsec_",
        secret_of(23),
        secret_of(65),
        secret_of(32).removeprefix("whsec_"),
        "WHSEC_" + secret_of(32).removeprefix("whsec_"),
        "whsk_" + secret_of(32).removeprefix("whsec_"),
        secret_of(32).rstrip("="),
        secret_of(32) + "=",
        secret_of(32) + "\n",
        " " + secret_of(32),
        secret_of(32)[:20] + " " + secret_of(32)[20:],
        secret_of(32)[:-2] + "9=",
        "whsec_" + base64.urlsafe_b64encode(b"\xff" * 32).decode(),
        "whsec_" + "ß" * 44,
        "whsec_" + "A" * 100_000,
    ],
)
def test_any_other_secret_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        accepted_secret(text)
    (only,) = refused.value.errors
    sentence = "A secret is whsec_ and 24 to 64 bytes in base64, with its padding."
    assert (refused.value.code, only.pointer, only.message) == ("bad_secret", "/secret", sentence)
