"""Bearer tokens: JWTs whose signing key says which stores and roles it may speak for."""

import base64
import json
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from pydantic import BaseModel, ConfigDict, SecretStr

from shared.actor import ROLES, Actor, Role
from shared.errors import Unauthenticated

AUDIENCE = "aftersale"
MAX_TOKEN_CHARACTERS = 4_096
MAX_ID_CHARACTERS = 128
VERIFIED_TOKENS_KEPT = 2_048
ASYMMETRIC = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")


class SigningKey(BaseModel):
    """One issuer that we trust: a shared secret (HS256) or a public key set, bound to its stores and roles. "*" is every store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str
    secret: SecretStr | None = None
    jwks: dict[str, Any] | None = None
    stores: tuple[str, ...]
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class _Trusted:
    key: OctKey | KeySet
    algorithms: Sequence[str]
    stores: frozenset[str]
    roles: frozenset[str]


class Tokens:
    """Verifies tokens against the keys of `keys_file`, which is read again when it changes (rotation without a restart)."""

    def __init__(self, keys_file: Path, leeway_seconds: int) -> None:
        self._file = keys_file
        self._leeway = leeway_seconds
        self._read_at: float = -1.0
        self._trusted: dict[str, _Trusted] = {}
        self._verified: OrderedDict[str, tuple[Actor, float]] = OrderedDict()
        self._reload()

    def actor(self, token: str, now: float | None = None) -> tuple[Actor, float]:
        """The actor that a token names, and until when (Unix seconds). Raises Unauthenticated with what is wrong, never with the token."""
        now = time.time() if now is None else now
        self._reload()
        known = self._verified.get(token)
        if known is not None and now < known[1]:
            return known
        known = self._verified[token] = self._verify(token, now)
        if len(self._verified) > VERIFIED_TOKENS_KEPT:
            self._verified.popitem(last=False)
        return known

    def _reload(self) -> None:
        changed_at = self._file.stat().st_mtime
        if changed_at == self._read_at:
            return
        keys = [SigningKey.model_validate(entry) for entry in json.loads(self._file.read_text())]
        self._trusted = {key.issuer: _trusted(key) for key in keys}
        self._verified.clear()
        self._read_at = changed_at

    def _verify(self, token: str, now: float) -> tuple[Actor, float]:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated("token_too_long", f"A token has at most {MAX_TOKEN_CHARACTERS} characters.")
        trusted = self._trusted.get(_claimed_issuer(token))
        if trusted is None:
            raise Unauthenticated("unknown_issuer", "No key of this token's issuer is trusted here.")
        try:
            claims = jwt.decode(token, trusted.key, algorithms=trusted.algorithms).claims
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unauthenticated("bad_signature", "The token's signature does not verify with its issuer's key.") from error
        until = self._check(claims, trusted, now)
        return _actor(claims), until

    def _check(self, claims: Mapping[str, Any], trusted: _Trusted, now: float) -> float:
        """Raise Unauthenticated unless the claims hold at `now` for this key; until when they do."""
        for name, kind in (("exp", (int, float)), ("iat", (int, float)), ("sub", str), ("store", str), ("role", str)):
            if not isinstance(claims.get(name), kind) or isinstance(claims.get(name), bool):
                raise Unauthenticated("missing_claim", f"The token needs the claim {name!r}.")
        audience = claims.get("aud")
        if AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthenticated("wrong_audience", f"The token's aud must be {AUDIENCE!r}.")
        if now >= claims["exp"] + self._leeway:
            raise Unauthenticated("token_expired", "The token has expired: ask its issuer for a new one.")
        not_before = claims.get("nbf", 0)
        if not isinstance(not_before, int | float) or max(claims["iat"], not_before) > now + self._leeway:
            raise Unauthenticated("token_not_yet_valid", "The token was issued in the future.")
        if claims["role"] not in trusted.roles or claims["role"] not in ROLES:
            raise Unauthenticated("role_not_issued", "This issuer's key may not speak for that role.")
        if "*" not in trusted.stores and claims["store"] not in trusted.stores:
            raise Unauthenticated("store_not_issued", "This issuer's key may not speak for that store.")
        return float(claims["exp"] + self._leeway)


def issue(secret: str, *, issuer: str, actor: Actor, lifetime_seconds: int, now: float) -> str:
    """A token for `actor`, signed with a shared secret: for the local runner, the console and guest links."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": actor.id,
        "store": actor.store,
        "role": actor.role,
        "iat": int(now),
        "exp": int(now) + lifetime_seconds,
    }
    if actor.read_only:
        claims["scope"] = "read"
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))


def _trusted(key: SigningKey) -> _Trusted:
    if (key.secret is None) == (key.jwks is None):
        raise ValueError(f"the key of {key.issuer!r} needs either a secret or a jwks")
    stores, roles = frozenset(key.stores), frozenset(key.roles)
    if key.secret is not None:  # one family of algorithms per issuer: a public key can never pass for a secret
        return _Trusted(OctKey.import_key(key.secret.get_secret_value()), ("HS256",), stores, roles)
    return _Trusted(KeySet.import_key_set(key.jwks), ASYMMETRIC, stores, roles)  # type: ignore[arg-type]  # a JWKS document


def _claimed_issuer(token: str) -> str:
    """The issuer that the unverified token names: it only picks the key that must then verify it."""
    try:
        payload = token.split(".")[1]
        issuer = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("iss")
    except (IndexError, ValueError, AttributeError, RecursionError) as error:
        raise Unauthenticated("not_a_jwt", "The bearer token is not a JWT.") from error
    return issuer if isinstance(issuer, str) else ""


def _actor(claims: Mapping[str, Any]) -> Actor:
    actor_id, store = claims["sub"], claims["store"]
    if not 0 < len(actor_id) <= MAX_ID_CHARACTERS or not 0 < len(store) <= MAX_ID_CHARACTERS or "\x00" in actor_id + store:
        raise Unauthenticated("bad_claim", f"sub and store have 1 to {MAX_ID_CHARACTERS} characters.")
    scopes = str(claims.get("scope", "")).split()
    return Actor(store=store, role=claims["role"], id=actor_id, read_only="read" in scopes or claims["role"] == "guest")
