"""Whom a token names, and every way in which it must not be believed."""

import base64
import hmac
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from shared.contracts.actor import Actor
from shared.contracts.errors import Unauthenticated
from shared.web.tokens import AUDIENCE, Tokens, issue

NOW = 1_800_000_000.0
SECRET = "a secret of more than thirty-two characters"
EC = ECKey.generate_key("P-256", {"kid": "k1"})
ACTOR = Actor("demo", "customer", "c-1")
LIFETIMES = {"platform": 3_600, "staff": 1_800, "customer": 1_800, "guest": 7_200}
ORDER = "order_01h2xcejqtf2nbrexx3vqjhp41"
NO_SCOPES: list[Any] = [
    *(["read"], [], {"read": True}, True, 1, "", "READ", "Read", "read_only", "read,write", "read\twrite", "read  write"),
    *(" read", "read ", "admin", "write admin", "read\x00"),
]
KEYS: list[dict[str, Any]] = [
    {"issuer": "shop", "secret": SECRET, "stores": ["demo"], "roles": ["platform", "customer", "guest"]},
    {"issuer": "other", "secret": SECRET + "2", "stores": ["*"], "roles": ["staff"]},
    {"issuer": "public", "jwks": {"keys": [EC.as_dict(private=False)]}, "stores": ["demo"], "roles": ["customer"]},
]


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(KEYS))
    return Tokens(path, leeway_seconds=10, lifetimes=LIFETIMES)


def claims(**changes: Any) -> dict[str, Any]:
    plain = {"iss": "shop", "aud": AUDIENCE, "sub": "c-1", "store": "demo", "role": "customer", "iat": int(NOW), "exp": int(NOW) + 60}
    return {name: value for name, value in (plain | changes).items() if value is not None}


def signed(key: Any = None, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode({"alg": algorithm}, claims(**changes), key or OctKey.import_key(SECRET), algorithms=[algorithm])


def refused(tokens: Tokens, **changes: Any) -> str:
    """The code that a token with these claims, soundly signed, is refused with."""
    with pytest.raises(Unauthenticated) as refusal:
        tokens.actor(jwt_of(json.dumps(claims(**changes)).encode()), NOW)
    return refusal.value.code


def jwt_of(payload: bytes) -> str:
    """A token whose payload is written by hand, soundly signed."""
    packed = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg": "HS256"}', payload))
    mark = hmac.new(SECRET.encode(), packed.encode(), "sha256").digest()
    return f"{packed}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}"


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
    assert not tokens.actor(signed(scope="read write"), NOW)[0].read_only
    assert tokens.actor(signed(role="guest", sub=ORDER, scope="write", jti="link-1"), NOW)[0].read_only
    assert tokens.actor(signed(role="guest", sub=ORDER, jti="link-1"), NOW)[0].token_id == "link-1"


@pytest.mark.parametrize(
    "changes",
    [
        *({"scope": scope} for scope in NO_SCOPES),
        *({name: ["read"]} for name in ("scp", "scopes", "Scope", "SCOPE", "read_only", "readOnly", "permissions", "rights")),
    ],
)
def test_a_scope_that_is_not_understood_is_no_scope_at_all(tokens: Tokens, changes: dict[str, Any]) -> None:
    """Overlooked, each of these would give a token that was meant to look the right to write."""
    assert refused(tokens, **changes) == "unknown_scope"
    assert refused(tokens, **changes, role="platform") == "unknown_scope"


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, "1800000060", [1], -1, -0.5, 1e300, 10**400, 253_402_300_800])
def test_a_time_that_is_no_number_of_seconds(tokens: Tokens, claim: str, value: Any) -> None:
    assert refused(tokens, **{claim: value}) == "bad_claim"


def test_a_number_too_large_for_a_float_is_no_time(tokens: Tokens) -> None:
    """JSON has no limit: 1e400 is read as infinity."""
    packed = f'{{"iss": "shop", "aud": "{AUDIENCE}", "sub": "c-1", "store": "demo", "role": "customer", "iat": {NOW}, "exp": 1e400}}'
    token = jwt_of(packed.encode())
    with pytest.raises(Unauthenticated) as refusal:
        tokens.actor(token, NOW)
    assert refusal.value.code == "bad_claim"


@pytest.mark.parametrize(("role", "seconds", "sub"), [("platform", 3_600, "p"), ("customer", 1_800, "c"), ("guest", 7_200, ORDER)])
def test_a_role_has_a_longest_life(tokens: Tokens, role: str, seconds: int, sub: str) -> None:
    issued = int(NOW) - 100
    assert tokens.actor(signed(role=role, sub=sub, iat=issued, exp=issued + seconds), NOW)[1] == issued + seconds + 10
    assert refused(tokens, role=role, sub=sub, iat=issued, exp=issued + seconds + 1) == "token_lives_too_long"
    assert refused(tokens, role=role, sub=sub, iat=0, exp=int(NOW) + 60) == "token_lives_too_long"


@pytest.mark.parametrize("claim", ["sub", "store", "jti"])
@pytest.mark.parametrize("value", ["a\x00b", "a\x1b[2J", "a\x7f", "a\x9b", "a\nb", "\ud800", "a\u2028b", ""])
def test_names_that_cannot_be_stored_or_steer_a_terminal(tokens: Tokens, claim: str, value: str) -> None:
    keys = [KEYS[0] | {"stores": ["*"]}]
    tokens.keys.path.write_text(json.dumps(keys))
    assert refused(tokens, **{claim: value}) == "bad_claim"


@pytest.mark.parametrize("sub", ["c-1", "order_", "order_01h2xcejqtf2nbrexx3vqjhp4", ORDER.upper(), ORDER + "x", "refund" + ORDER[5:], "*"])
def test_a_guest_whose_sub_is_no_order(tokens: Tokens, sub: str) -> None:
    assert refused(tokens, role="guest", sub=sub) == "bad_claim"


def test_two_keys_of_one_issuer_overlap_and_each_keeps_its_own_stores_and_roles(tmp_path: Path) -> None:
    new = "another secret of more than thirty-two letters"
    path = tmp_path / "keys.json"
    old_key = {"issuer": "shop", "secret": SECRET, "stores": ["demo"], "roles": ["customer"]}
    new_key = {"issuer": "shop", "secret": new, "stores": ["other"], "roles": ["staff"]}
    by_set = {"issuer": "shop", "jwks": {"keys": [EC.as_dict(private=False)]}, "stores": ["demo"], "roles": ["staff"]}
    path.write_text(json.dumps([new_key, old_key, by_set]))
    tokens = Tokens(path, leeway_seconds=10, lifetimes=LIFETIMES)
    assert tokens.actor(signed(), NOW)[0] == ACTOR
    assert tokens.actor(signed(OctKey.import_key(new), store="other", role="staff"), NOW)[0] == Actor("other", "staff", "c-1")
    assert tokens.actor(signed(EC, "ES256", role="staff"), NOW)[0] == Actor("demo", "staff", "c-1")
    for key, algorithm, changes, code in (
        (OctKey.import_key(SECRET), "HS256", {"role": "staff"}, "role_not_issued"),  # the other key's right
        (OctKey.import_key(SECRET), "HS256", {"store": "other"}, "store_not_issued"),
        (OctKey.import_key(new), "HS256", {"role": "staff"}, "store_not_issued"),
        (EC, "ES256", {"role": "staff", "store": "other"}, "store_not_issued"),
        (OctKey.import_key(json.dumps(EC.as_dict(private=False))), "HS256", {"role": "staff"}, "bad_signature"),
    ):
        with pytest.raises(Unauthenticated) as refusal:
            tokens.actor(signed(key, algorithm, **changes), NOW)
        assert refusal.value.code == code
    path.write_text(json.dumps([new_key]))
    assert refused(tokens) == "bad_signature"


def test_one_secret_in_two_entries_speaks_for_both_stores(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([KEYS[0], KEYS[0] | {"stores": ["second"], "roles": ["staff"]}]))
    tokens = Tokens(path, leeway_seconds=10, lifetimes=LIFETIMES)
    assert tokens.actor(signed(), NOW)[0] == ACTOR
    assert tokens.actor(signed(store="second", role="staff"), NOW)[0] == Actor("second", "staff", "c-1")
    assert refused(tokens, store="second") == "store_not_issued"  # store of one entry, role of the other


def test_the_same_arguments_give_the_same_token() -> None:
    guest = Actor("demo", "guest", ORDER, read_only=True, token_id="link-1")
    made = [issue(SECRET, issuer="shop", actor=guest, lifetime_seconds=60, now=NOW) for _ in range(2)]
    assert made[0] == made[1]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": int(NOW) - 11}, "token_expired"),
        ({"iat": int(NOW) + 60}, "token_not_yet_valid"),
        ({"nbf": int(NOW) + 60}, "token_not_yet_valid"),
        ({"nbf": "tomorrow"}, "bad_claim"),
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
        ({"sub": 7}, "bad_claim"),
        ({"exp": None}, "missing_claim"),
        ({"iat": None}, "missing_claim"),
        ({"store": None}, "missing_claim"),
        ({"exp": True}, "bad_claim"),
        ({"role": ["staff"]}, "role_not_issued"),
        ({"store": ["demo"]}, "store_not_issued"),
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
    tokens = Tokens(path, leeway_seconds=0, lifetimes=LIFETIMES)
    token = signed()
    assert tokens.actor(token, NOW)[0] == ACTOR
    with pytest.raises(Unauthenticated):
        tokens.actor(token, NOW + 61)
    path.write_text(json.dumps([KEYS[0] | {"secret": "a new secret of more than thirty-two letters"}]))
    os.utime(path, (NOW, NOW))
    with pytest.raises(Unauthenticated) as refusal:
        tokens.actor(token, NOW)
    assert refusal.value.code == "bad_signature"
