"""Whom a token names, and every way in which it must not be believed."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from shared.actor import Actor
from shared.errors import Unauthenticated
from shared.tokens import AUDIENCE, Tokens, issue

NOW = 1_800_000_000.0
SECRET = "a secret of more than thirty-two characters"
EC = ECKey.generate_key("P-256", {"kid": "k1"})
ACTOR = Actor("demo", "customer", "c-1")
KEYS: list[dict[str, Any]] = [
    {"issuer": "shop", "secret": SECRET, "stores": ["demo"], "roles": ["platform", "customer"]},
    {"issuer": "other", "secret": SECRET + "2", "stores": ["*"], "roles": ["staff"]},
    {"issuer": "public", "jwks": {"keys": [EC.as_dict(private=False)]}, "stores": ["demo"], "roles": ["customer"]},
]


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(KEYS))
    return Tokens(path, leeway_seconds=10)


def claims(**changes: Any) -> dict[str, Any]:
    plain = {"iss": "shop", "aud": AUDIENCE, "sub": "c-1", "store": "demo", "role": "customer", "iat": int(NOW), "exp": int(NOW) + 60}
    return {name: value for name, value in (plain | changes).items() if value is not None}


def signed(key: Any = None, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode({"alg": algorithm}, claims(**changes), key or OctKey.import_key(SECRET), algorithms=[algorithm])


def unsigned(**changes: Any) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims(**changes))}."


def test_a_good_token_names_its_actor(tokens: Tokens) -> None:
    token = issue(SECRET, issuer="shop", actor=ACTOR, lifetime_seconds=60, now=NOW)
    assert tokens.actor(token, NOW)[0] == ACTOR
    assert tokens.actor(token, NOW + 69)[0] == ACTOR  # the leeway


def test_an_asymmetric_key_set_verifies(tokens: Tokens) -> None:
    assert tokens.actor(signed(EC, "ES256", iss="public"), NOW)[0] == ACTOR


def test_scope_read_and_guests_may_only_read(tokens: Tokens) -> None:
    assert tokens.actor(signed(scope="read"), NOW)[0].read_only
    assert not tokens.actor(signed(scope="write"), NOW)[0].read_only


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": int(NOW) - 11}, "token_expired"),
        ({"iat": int(NOW) + 60}, "token_not_yet_valid"),
        ({"nbf": int(NOW) + 60}, "token_not_yet_valid"),
        ({"nbf": "tomorrow"}, "token_not_yet_valid"),
        ({"aud": "another"}, "wrong_audience"),
        ({"aud": None}, "wrong_audience"),
        ({"store": "someone-elses"}, "store_not_issued"),
        ({"role": "staff"}, "role_not_issued"),
        ({"role": "root"}, "role_not_issued"),
        ({"iss": "nobody"}, "unknown_issuer"),
        ({"iss": "other"}, "bad_signature"),
        ({"iss": "public"}, "bad_signature"),  # a shared secret must not pass where a public key is registered
        ({"sub": ""}, "bad_claim"),
        ({"sub": "x" * 129}, "bad_claim"),
        ({"sub": 7}, "missing_claim"),
        ({"exp": None}, "missing_claim"),
        ({"iat": None}, "missing_claim"),
        ({"store": None}, "missing_claim"),
        ({"exp": True}, "missing_claim"),
    ],
)
def test_a_token_that_must_not_be_believed(tokens: Tokens, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        tokens.actor(signed(**changes), NOW)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "not_a_jwt"),
        ("a.b", "not_a_jwt"),
        ("a.!!.c", "not_a_jwt"),
        (f"a.{base64.urlsafe_b64encode(b'[]').decode()}.c", "not_a_jwt"),
        ("x" * 5000, "token_too_long"),
        (unsigned(), "bad_signature"),
        (signed()[:-3] + "AAA", "bad_signature"),
    ],
)
def test_what_is_no_token_of_ours(tokens: Tokens, token: str, code: str) -> None:
    with pytest.raises(Unauthenticated) as refusal:
        tokens.actor(token, NOW)
    assert refusal.value.code == code


def test_a_public_key_as_an_hmac_secret_is_refused(tokens: Tokens) -> None:
    """The classic confusion: sign with HS256 and the published key."""
    forged = signed(OctKey.import_key(json.dumps(EC.as_dict(private=False))), iss="public")
    with pytest.raises(Unauthenticated) as refusal:
        tokens.actor(forged, NOW)
    assert refusal.value.code == "bad_signature"


def test_a_verified_token_still_expires_and_a_rotated_key_ends_it(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(KEYS))
    tokens = Tokens(path, leeway_seconds=0)
    token = signed()
    assert tokens.actor(token, NOW)[0] == ACTOR
    with pytest.raises(Unauthenticated):
        tokens.actor(token, NOW + 61)
    path.write_text(json.dumps([KEYS[0] | {"secret": "a new secret of more than thirty-two letters"}]))
    os.utime(path, (NOW, NOW))
    with pytest.raises(Unauthenticated) as refusal:
        tokens.actor(token, NOW)
    assert refusal.value.code == "bad_signature"


def test_a_key_needs_either_a_secret_or_a_key_set(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([{"issuer": "x", "stores": ["*"], "roles": ["staff"]}]))
    with pytest.raises(ValueError, match="either a secret or a jwks"):
        Tokens(path, leeway_seconds=0)
