"""The file of signing keys: which issuers are trusted, for which stores and roles.

It is read again whenever it changes, so that keys can be rotated without a restart. If the file cannot be read, or one entry is
invalid, the keys that were read last stay in force and the problem is reported (log, metric, readiness). Reports never quote the
file, because text in the wrong place may be a secret.
"""

import difflib
import hashlib
import json
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo, field_validator

from shared.web.visible import visible

log = structlog.get_logger()

MIN_SECRET_BYTES = 32  # RFC 7518 3.2: at least as long as the hash
MIN_RSA_BITS = 2_048  # RFC 7518 3.3
MAX_FILE_BYTES = 1_000_000
SETTLED_SECONDS = 2.0
"""A file that changed more recently than this may change again with the same time stamps, so it is read at every look."""
ASYMMETRIC = ("RS256", "PS256", "ES256", "Ed25519", "EdDSA")

IssuedRole = Literal["platform", "staff", "customer", "guest"]
"""The roles that an issuer may issue tokens for. Never `system`, which is the services themselves."""


class KeysUnreadable(ValueError):  # noqa: N818  (it says what is unreadable)
    """The keys file is not valid. The text says where and why, and quotes nothing from the file but names of issuers."""


class SigningKey(BaseModel):
    """One key of a trusted issuer: a shared secret (HS256) or public keys, bound to stores and roles. "*" means every store.

    An issuer may have several entries, each of which is enough, so that an old and a new secret can overlap during a rotation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    issuer: Annotated[str, Field(min_length=1, max_length=256)]
    secret: SecretStr | None = None
    jwks: dict[str, Any] | None = Field(None, repr=False)
    stores: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    roles: Annotated[tuple[IssuedRole, ...], Field(min_length=1)]

    @field_validator("secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().strip().encode(errors="replace")) < MIN_SECRET_BYTES:
            raise ValueError(f"a secret has at least {MIN_SECRET_BYTES} bytes (openssl rand -hex 32 makes one)")
        return value

    def speaks_for(self, role: str, store: str) -> bool:
        """Whether tokens of this key may name `role` in `store`."""
        return role in self.roles and ("*" in self.stores or store in self.stores)


@dataclass(frozen=True, slots=True)
class Trusted:
    """A key ready to verify with. Each has only one family of algorithms, so that a public key cannot be used as a secret."""

    signing: SigningKey
    key: OctKey | KeySet
    algorithms: Sequence[str]


class KeysFile:
    """The keys in force: those from the last valid state of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble = ""  # why the file in its current state is not in force
        self.generation = 0  # increases with every set of keys that comes into force
        self._issuers: dict[str, tuple[Trusted, ...]] | None = None
        self._signature: tuple[int, ...] | None = None
        self._judged: tuple[bytes, str] | None = None  # digest of the content, and what is wrong with it
        self.look()

    @property
    def ready(self) -> bool:
        """Whether there are any keys: a process that was started with an invalid file has none until the file is valid."""
        return self._issuers is not None

    def of(self, issuer: str) -> tuple[Trusted, ...]:
        """The issuer's keys, in the order of the file."""
        return (self._issuers or {}).get(issuer, ())

    def signing_for(self, role: str, store: str) -> SigningKey | None:
        """The first key with a secret that may issue tokens for `role` in `store`: in a rotation the new one comes first."""
        every = (trusted.signing for keys in (self._issuers or {}).values() for trusted in keys)
        return next((key for key in every if key.secret is not None and key.speaks_for(role, store)), None)

    def secrets_of(self, issuer: str) -> list[str]:
        """Every secret of the issuer that is currently trusted, to verify what it signed earlier."""
        return [trusted.signing.secret.get_secret_value() for trusted in self.of(issuer) if trusted.signing.secret is not None]

    def look(self) -> None:
        """Put the file's keys into force if it has changed and is valid. Costs one stat() if nothing changed."""
        try:
            found = self.path.stat()
            signature = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)
            if signature == self._signature:
                return
            if not stat.S_ISREG(found.st_mode):
                raise KeysUnreadable("it is not a file")  # reading a pipe would block forever
            if found.st_size > MAX_FILE_BYTES:
                raise KeysUnreadable(f"it has {found.st_size} bytes; at most {MAX_FILE_BYTES} are read")
            content = self.path.read_bytes()
        except (OSError, KeysUnreadable) as error:
            self._signature = None
            self._refuse(b"", f"it cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error))
            return
        self._signature = signature if time.time() - found.st_ctime > SETTLED_SECONDS else None
        digest = hashlib.sha256(content).digest()
        if self._judged is None or self._judged[0] != digest:
            self._judge(content, digest)

    def _judge(self, content: bytes, digest: bytes) -> None:
        try:
            issuers: dict[str, tuple[Trusted, ...]] = {}
            for trusted in trusted_keys(parsed(content)):
                issuers[trusted.signing.issuer] = (*issuers.get(trusted.signing.issuer, ()), trusted)
        except KeysUnreadable as error:
            self._refuse(digest, str(error))
            return
        self._issuers, self.trouble, self._judged = issuers, "", (digest, "")
        self.generation += 1
        log.info("keys_file_read", file=str(self.path), issuers=sorted(issuers), keys=sum(map(len, issuers.values())))

    def _refuse(self, digest: bytes, why: str) -> None:
        """Keep the keys in force, and log that once for each change of the file."""
        if self._judged != (digest, why):
            kept = "the keys that were read before stay in force" if self.ready else "no token can be verified"
            log.error("keys_file_bad", file=str(self.path), why=why, consequence=kept)
        self._judged, self.trouble = (digest, why), why


def parsed(content: bytes) -> list[SigningKey]:
    """The entries of a keys file. Raises KeysUnreadable, whose text contains no value from the file."""
    try:
        entries = json.loads(content, object_pairs_hook=_once_each)
    except KeysUnreadable:
        raise
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise KeysUnreadable(f"it is not JSON{where}") from None  # the error would contain the file's text
    if not isinstance(entries, list):
        raise KeysUnreadable("it is not a list of keys")
    return [_entry(number, entry) for number, entry in enumerate(entries)]


def trusted_keys(keys: Sequence[SigningKey]) -> list[Trusted]:
    """The keys ready to verify with. Raises KeysUnreadable for an entry with no key, with two, or with a key that is too weak."""
    return [_trusted(number, key) for number, key in enumerate(keys)]


def read_keys(path: Path) -> list[SigningKey]:
    """The keys of a file, all of them valid. Raises OSError, KeysUnreadable."""
    keys = parsed(path.read_bytes())
    trusted_keys(keys)
    return keys


def _entry(number: int, entry: Any) -> SigningKey:
    try:
        return SigningKey.model_validate(entry)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
    raise KeysUnreadable(f"{_name(number, entry)}: {'; '.join(dict.fromkeys(_said(item) for item in found[:5]))}")


def _name(number: int, entry: Any) -> str:
    issuer = entry.get("issuer") if isinstance(entry, Mapping) else None
    if not isinstance(issuer, str) or not 0 < len(issuer) <= 256:
        return f"entry {number}"
    others = [value for name, value in entry.items() if name != "issuer"]  # somebody may have pasted the secret twice
    return f"entry {number}" if issuer in others else f"entry {number} (issuer {visible(issuer)})"


def _said(item: Mapping[str, Any]) -> str:
    """One error in our own words: pydantic's text could quote the input."""
    fields = list(SigningKey.model_fields)
    field = str(item["loc"][0]) if item["loc"] else ""
    if item["type"] == "missing":
        return f"{field} is missing"
    if item["type"] == "value_error":
        return str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field.lower().strip(" _-"), fields, n=1, cutoff=0.75)
        known = f"there are {', '.join(fields)}"
        return f"a field like {near[0]!r} is misspelt; {known}" if near else f"it has a field that is not known; {known}"
    if field in fields:
        return f"{field} is not {EXPECTED[field]}"
    return "it is not an object with issuer, secret or jwks, stores and roles"


EXPECTED = {
    "issuer": "a text of 1 to 256 characters",
    "secret": "a text",
    "jwks": "a JSON Web Key Set",
    "stores": 'a list of store ids, or ["*"]',
    "roles": "a list of platform, staff, customer, guest",
}


def _trusted(number: int, key: SigningKey) -> Trusted:
    name = f"entry {number} (issuer {visible(key.issuer)})"
    if (key.secret is None) == (key.jwks is None):
        raise KeysUnreadable(f"{name}: it needs either a secret or a jwks")
    try:
        if key.secret is not None:
            return Trusted(key, OctKey.import_key(key.secret.get_secret_value()), ("HS256",))
        public = KeySet.import_key_set(key.jwks)  # type: ignore[arg-type]  # a JWKS document
        weak = not public.keys or any(_is_weak(one) for one in public.keys)
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        raise KeysUnreadable(f"{name}: {'jwks is not a set of public keys' if key.jwks else 'its secret is not text'}") from None
    if weak:
        raise KeysUnreadable(f"{name}: jwks needs public keys (EC, Ed25519, or RSA of at least {MIN_RSA_BITS} bits)")
    return Trusted(key, public, ASYMMETRIC)


def _is_weak(key: Any) -> bool:
    return bool(key.key_type == "oct" or (key.key_type == "RSA" and key.raw_value.key_size < MIN_RSA_BITS))


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of the file. Refuses duplicate fields, because it would be unclear which one counts."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise KeysUnreadable("an object in it has a field twice")
    return dict(pairs)
