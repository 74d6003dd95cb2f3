"""The file of signing keys: what is good comes into force, what is not changes nothing, and no secret of it is ever told."""

import io
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from joserfc.jwk import ECKey, OctKey, RSAKey

from shared.contracts.actor import Actor
from shared.contracts.errors import Unauthenticated, Unavailable
from shared.web.keys import KeysFile, KeysUnreadable, parsed, read_keys, trusted_keys
from shared.web.tokens import Tokens, issue

NOW = 1_800_000_000.0
SECRET = "SECRET-CANARY-of-more-than-thirty-two-characters"
GOOD = {"issuer": "shop", "secret": SECRET, "stores": ["*"], "roles": ["platform"]}
NEW = {"issuer": "new", "stores": ["a"], "roles": ["platform"]}
ACTOR = Actor("demo", "platform", "p-1")
TOKEN = issue(SECRET, issuer="shop", actor=ACTOR, lifetime_seconds=60, now=NOW)
LIFETIMES = {"platform": 3_600}

BAD: dict[str, Any] = {
    "empty file": b"",
    "half written": json.dumps([GOOD]).encode()[:-20],
    "not text": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
    "an object": GOOD,
    "a secret alone": SECRET,
    "secret as an entry": [GOOD, SECRET],
    "secret in a list": [GOOD, GOOD | {"secret": [SECRET]}],
    "secret in an object": [GOOD, GOOD | {"secret": {"value": SECRET}}],
    "secret as the name of a field": [GOOD, {"issuer": "new", SECRET: "x", "stores": ["a"], "roles": ["platform"]}],
    "secret misspelt": [GOOD, {"issuer": "new", "Secret": SECRET, "stores": ["a"], "roles": ["platform"]}],
    "secret as roles": [GOOD, GOOD | {"roles": [SECRET]}],
    "secret as stores": [GOOD, GOOD | {"stores": SECRET}],
    "secret as jwks": [GOOD, {"issuer": "new", "jwks": SECRET, "stores": ["a"], "roles": ["platform"]}],
    "secret within jwks": [GOOD, {"issuer": "new", "jwks": {"keys": [SECRET]}, "stores": ["a"], "roles": ["platform"]}],
    "secret as a key of jwks": [
        GOOD, {"issuer": "new", "jwks": {"keys": [OctKey.import_key(SECRET).as_dict()]}, "stores": ["a"], "roles": ["platform"]}
    ],
    "secret as the issuer too": [GOOD, GOOD | {"issuer": SECRET, "roles": ["root"]}],
    "secret that is too short": [GOOD, GOOD | {"secret": "CANARY-short"}],
    "secret of blanks": [GOOD, GOOD | {"secret": "CANARY" + " " * 40}],
    "no key": [GOOD, {"issuer": "new", "stores": ["a"], "roles": ["platform"]}],
    "two keys": [GOOD, GOOD | {"jwks": {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}}],
    "no public key": [GOOD, {"issuer": "new", "jwks": {"keys": []}, "stores": ["a"], "roles": ["platform"]}],
    "a short RSA key": [
        GOOD, {"issuer": "new", "jwks": {"keys": [RSAKey.generate_key(1024).as_dict(private=False)]}, "stores": ["a"], "roles": ["staff"]}
    ],
    "system": [GOOD | {"roles": ["system"]}],
    "no store": [GOOD | {"stores": []}],
    "no role": [GOOD | {"roles": []}],
    "a field twice": b'[{"issuer": "a", "issuer": "shop", "secret": "' + SECRET.encode() + b'", "stores": ["*"], "roles": ["staff"]}]',
}  # fmt: skip


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that is logged, tracebacks with their local variables included."""
    page = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()],
        logger_factory=structlog.WriteLoggerFactory(file=page),
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    )
    yield page
    structlog.reset_defaults()


def content(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_keeps_the_last_good_keys_and_tells_no_secret(kind: str, tmp_path: Path, told: io.StringIO) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([GOOD]))
    tokens = Tokens(path, 10, LIFETIMES)
    path.write_bytes(content(BAD[kind]))
    for _ in range(3):
        assert tokens.actor(TOKEN, NOW)[0] == ACTOR
    assert tokens.keys.trouble
    assert [json.loads(line)["event"] for line in told.getvalue().splitlines()] == ["keys_file_read", "keys_file_bad"]  # told once
    assert "CANARY" not in told.getvalue() + tokens.keys.trouble
    path.write_text(json.dumps([GOOD | {"secret": SECRET + "2"}]))
    with pytest.raises(Unauthenticated, match="bad_signature"):
        tokens.actor(TOKEN, NOW)
    assert tokens.keys.trouble == ""


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize("kind", BAD)
def test_whoever_reads_a_bad_file_learns_no_secret_from_the_refusal(kind: str, tmp_path: Path) -> None:
    """Commands print it; a traceback would print what it came from."""
    path = tmp_path / "keys.json"
    path.write_bytes(content(BAD[kind]))
    with pytest.raises(KeysUnreadable) as refusal:
        read_keys(path)
    error: BaseException | None = refusal.value
    while error is not None:
        assert "CANARY" not in str(error) + repr(error.args)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (NEW | {"Secret": SECRET}, "entry 1 (issuer new): a field like 'secret' is misspelt; "),
        (NEW, "entry 1 (issuer new): it needs either a secret or a jwks"),
        (NEW | {"secret": "short"}, "entry 1 (issuer new): a secret has at least 32 bytes"),
        ({"issuer": "n\x1b", "roles": ["system"]}, "entry 1 (issuer n\\x1b): stores is missing; roles is not a list of platform"),
        (7, "entry 1: it is not an object with issuer, secret or jwks, stores and roles"),
    ],
)  # fmt: skip
def test_the_refusal_says_which_entry_and_why(entry: Any, says: str) -> None:
    with pytest.raises(KeysUnreadable) as refusal:
        trusted_keys(parsed(json.dumps([GOOD, entry]).encode()))
    assert str(refusal.value).startswith(says)


def test_a_file_that_is_gone_keeps_the_last_good_keys(tmp_path: Path, told: io.StringIO) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([GOOD]))
    tokens = Tokens(path, 10, LIFETIMES)
    path.unlink()
    assert tokens.actor(TOKEN, NOW)[0] == ACTOR
    assert tokens.actor(TOKEN, NOW)[0] == ACTOR
    assert tokens.keys.trouble == "it cannot be read: No such file or directory"
    path.write_text(json.dumps([GOOD]))
    assert tokens.actor(TOKEN, NOW)[0] == ACTOR
    assert tokens.keys.trouble == ""
    events = [json.loads(line)["event"] for line in told.getvalue().splitlines()]
    assert events == ["keys_file_read", "keys_file_bad", "keys_file_read"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "huge"])
def test_what_is_no_keys_file_at_all_is_not_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([GOOD]))
    tokens = Tokens(path, 10, LIFETIMES)
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_text(json.dumps([GOOD] + [""] * 300_000))
    assert tokens.actor(TOKEN, NOW)[0] == ACTOR
    told = f"it has {path.stat().st_size} bytes; at most 1000000 are read" if kind == "huge" else "it is not a file"
    assert tokens.keys.trouble == told


def test_a_process_started_without_keys_refuses_for_now_and_heals(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(content(BAD["half written"]))
    tokens = Tokens(path, 10, LIFETIMES)
    with pytest.raises(Unavailable) as refusal:
        tokens.actor(TOKEN, NOW)
    assert (refusal.value.code, refusal.value.status, refusal.value.retry_after_seconds) == ("keys_unavailable", 503, 5)
    assert not tokens.keys.ready
    path.write_text(json.dumps([GOOD]))
    assert tokens.actor(TOKEN, NOW)[0] == ACTOR
    assert tokens.keys.ready


@pytest.mark.parametrize("in_place", [True, False])
def test_a_change_that_keeps_time_and_size_is_seen(in_place: bool, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([GOOD]))
    os.utime(path, (NOW, NOW))
    keys = KeysFile(path)
    fresh = path if in_place else tmp_path / "new"
    fresh.write_text(json.dumps([GOOD | {"issuer": "pohs"}]))
    os.utime(fresh, (NOW, NOW))
    fresh.replace(path)
    keys.look()
    assert (keys.of("shop"), len(keys.of("pohs"))) == ((), 1)


def test_nothing_is_read_again_where_nothing_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps([GOOD]))
    monkeypatch.setattr("shared.web.keys.SETTLED_SECONDS", -1.0)  # as if it had been written long ago
    keys = KeysFile(path)
    path.chmod(0o600)
    keys.look()
    reads: list[Path] = []

    def read_bytes(read: Path) -> bytes:
        reads.append(read)
        return b""

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    for _ in range(100):
        keys.look()
    assert (reads, keys.ready, keys.trouble) == ([], True, "")


def test_the_first_entry_with_a_secret_signs(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    new = GOOD | {"secret": SECRET + "2", "roles": ["platform", "guest"], "stores": ["demo"]}
    path.write_text(json.dumps([new, GOOD]))
    keys = KeysFile(path)
    key = keys.signing_for("platform", "demo")
    assert key is not None
    assert key.secret is not None
    assert key.secret.get_secret_value() == SECRET + "2"
    assert keys.signing_for("guest", "elsewhere") is None
    assert keys.signing_for("staff", "demo") is None
