"""Tokens of the local runner: one signing key per clone, kept secret, trusted for every store."""

import json
import os
import time
from pathlib import Path

from deploy.places import State
from shared.actor import Actor, Role
from shared.tokens import issue

ISSUER = "aftersale-local"
ROLES: tuple[Role, ...] = ("platform", "staff", "customer", "guest")


def keep_local_key(state: State) -> Path:
    """The file of trusted keys, made at first use with the one local key in it; keys added by hand stay."""
    path = state.folder / "keys.json"
    if not path.exists():
        key = {"issuer": ISSUER, "secret": state.secret("signing_key"), "stores": ["*"], "roles": list(ROLES)}
        fresh = path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump([key], file, indent=1)
        fresh.replace(path)
    return path


def local_token(state: State, actor: Actor, lifetime_seconds: int) -> str:
    """A token for `actor`, signed with this clone's key."""
    return issue(state.secret("signing_key"), issuer=ISSUER, actor=actor, lifetime_seconds=lifetime_seconds, now=time.time())
