"""Bearer tokens: JWTs whose signing key determines the stores and roles that they may name. Unknown limits on a token are refused."""

import base64
import json
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from shared.contracts.actor import MAX_ID_CHARACTERS, Actor, is_name
from shared.contracts.errors import Unauthenticated, Unavailable
from shared.contracts.ids import is_id
from shared.web.keys import KeysFile, Trusted

AUDIENCE = "aftersale"
MAX_TOKEN_CHARACTERS = 4_096
VERIFIED_TOKENS_KEPT = 2_048
LATEST = 253_402_300_799  # the last second of year 9999
SCOPES = ("read", "write")
LIKE_SCOPE = {"scope", "scopes", "scp", "readonly", "permission", "permissions", "perms", "rights", "authorities"}
"""Claims that other issuers use to limit a token: if they were ignored, the token would have no limits."""
KEYS_RETRY_SECONDS = 5


class Tokens:
    """Verifies tokens with the keys of `keys_file`; `lifetimes` are the longest lifetimes of each role's tokens, in seconds."""

    def __init__(self, keys_file: Path, leeway_seconds: int, lifetimes: Mapping[str, int]) -> None:
        self.keys = KeysFile(keys_file)
        self._leeway = leeway_seconds
        self._lifetimes = lifetimes
        self._generation = self.keys.generation
        self._verified: OrderedDict[str, tuple[Actor, float]] = OrderedDict()

    def actor(self, token: str, now: float | None = None) -> tuple[Actor, float]:
        """The actor that a token names, and when it expires (Unix seconds).

        Raises Unauthenticated, which says what is wrong without quoting the token. Raises Unavailable `keys_unavailable` while there
        are no keys, because this process was started with an invalid keys file.
        """
        now = time.time() if now is None else now
        self.keys.look()
        if self._generation != self.keys.generation:
            self._verified.clear()
            self._generation = self.keys.generation
        known = self._verified.get(token)
        if known is not None and now < known[1]:
            return known
        known = self._verified[token] = self._verify(token, now)
        if len(self._verified) > VERIFIED_TOKENS_KEPT:
            self._verified.popitem(last=False)
        return known

    def _verify(self, token: str, now: float) -> tuple[Actor, float]:
        if not self.keys.ready:
            detail = "No token can be verified: the keys file of this service cannot be read. Retry in a moment."
            raise Unavailable("keys_unavailable", detail, retry_after_seconds=KEYS_RETRY_SECONDS)
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthenticated("token_too_long", f"A token has at most {MAX_TOKEN_CHARACTERS} characters.")
        trusted = self.keys.of(_claimed_issuer(token))
        if not trusted:
            raise Unauthenticated("unknown_issuer", "This service trusts no key of this token's issuer.")
        signed_by = [(key, claims) for key in trusted if (claims := _claims(token, key)) is not None]
        if not signed_by:
            raise Unauthenticated("bad_signature", "The token's signature does not verify with its issuer's key.")
        claims = signed_by[0][1]
        until = self._check(claims, now)
        _check_binding(claims, [key for key, _ in signed_by])
        return _actor(claims), until

    def _check(self, claims: Mapping[str, Any], now: float) -> float:
        """When the claims expire. Raises Unauthenticated unless they are valid at `now`."""
        for name in ("exp", "iat", "sub", "store", "role"):
            if claims.get(name) is None:
                raise Unauthenticated("missing_claim", f"The token needs the claim {name!r}.")
        audience = claims.get("aud")
        if AUDIENCE not in (audience if isinstance(audience, list) else [audience]):
            raise Unauthenticated("wrong_audience", f"The token's aud must be {AUDIENCE!r}.")
        issued_at, expires_at = _time(claims, "iat"), _time(claims, "exp")
        not_before = _time(claims, "nbf") if "nbf" in claims else 0
        if now >= expires_at + self._leeway:
            raise Unauthenticated("token_expired", "The token has expired: ask its issuer for a new one.")
        if max(issued_at, not_before) > now + self._leeway:
            raise Unauthenticated("token_not_yet_valid", "The token was issued in the future.")
        longest = self._lifetimes.get(claims["role"], 0) if isinstance(claims["role"], str) else 0
        if longest and expires_at - issued_at > longest:
            detail = f"A token of this role may be valid for at most {longest} seconds from iat to exp: ask its issuer for a shorter one."
            raise Unauthenticated("token_lives_too_long", detail)
        return float(expires_at + self._leeway)


def issue(secret: str, *, issuer: str, actor: Actor, lifetime_seconds: int, now: float) -> str:
    """A token for `actor`, signed with a shared secret: for the local runner, the console and guest links.

    The same arguments give the same token, so that a token that was not stored can be made again.
    """
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
    if actor.token_id is not None:
        claims["jti"] = actor.token_id
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))


def _claims(token: str, trusted: Trusted) -> Mapping[str, Any] | None:
    """The claims, if this key has signed them."""
    try:
        return jwt.decode(token, trusted.key, algorithms=list(trusted.algorithms)).claims
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _claimed_issuer(token: str) -> str:
    """The issuer that the unverified token names; it only selects the keys, one of which must then verify the token."""
    try:
        payload = token.split(".")[1]
        issuer = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("iss")
    except (IndexError, ValueError, AttributeError, RecursionError) as error:
        raise Unauthenticated("not_a_jwt", "The bearer token is not a JWT.") from error
    return issuer if isinstance(issuer, str) else ""


def _time(claims: Mapping[str, Any], name: str) -> float:
    """A time claim. Refuses NaN and infinity, with which no expiry check would ever fail and the token would never expire."""
    value = claims[name]
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= LATEST:
        raise Unauthenticated("bad_claim", f"The token's {name} must be a number of seconds since 1970.")
    return value


def _check_binding(claims: Mapping[str, Any], keys: Sequence[Trusted]) -> None:
    """Raise Unauthenticated unless one of the keys that signed the token may issue tokens for its role in its store."""
    role, store = claims["role"], claims["store"]
    mine = [key.signing for key in keys if isinstance(role, str) and role in key.signing.roles]
    if not mine:
        raise Unauthenticated("role_not_issued", "This issuer's key may not issue tokens for that role.")
    if not any(isinstance(store, str) and key.speaks_for(role, store) for key in mine):
        raise Unauthenticated("store_not_issued", "This issuer's key may not issue tokens for that store.")


def _actor(claims: Mapping[str, Any]) -> Actor:
    actor_id, store, role = claims["sub"], claims["store"], claims["role"]
    for value in (actor_id, store, *([claims["jti"]] if claims.get("jti") is not None else [])):
        if not isinstance(value, str) or not is_name(value):
            raise Unauthenticated(
                "bad_claim", f"sub, store and jti are texts of 1 to {MAX_ID_CHARACTERS} characters, none a control character."
            )
    if role == "guest" and not is_id("order", actor_id):
        raise Unauthenticated("bad_claim", "A guest's sub is the id of the one order that it may read.")
    can_write = _scopes(claims) is None or "write" in (_scopes(claims) or ())
    return Actor(store=store, role=role, id=actor_id, read_only=not can_write or role == "guest", token_id=claims.get("jti"))


def _scopes(claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The words of the token's scope; None without one. Raises Unauthenticated for any other claim that limits the token."""
    for name in claims:
        if name != "scope" and name.lower().replace("_", "").replace("-", "") in LIKE_SCOPE:
            raise Unauthenticated("unknown_scope", "Only the claim 'scope', with the words read and write, may limit a token's rights.")
    if "scope" not in claims:
        return None
    scope = claims["scope"]
    if not isinstance(scope, str) or not set(scope.split(" ")) <= set(SCOPES):
        raise Unauthenticated("unknown_scope", "The token's scope must consist of the words read and write, or be absent.")
    return tuple(scope.split(" "))
