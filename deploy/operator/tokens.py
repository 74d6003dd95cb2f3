"""`aftersale token`, and this clone's own key: it is trusted for every store, and signs tokens unless AFTERSALE_KEYS_FILE names others."""

import os
import time
from pathlib import Path

from deploy.operator import running
from deploy.operator.output import Output
from deploy.operator.state import State
from deploy.operator.trouble import Trouble
from shared.contracts.actor import Actor, Role
from shared.process.settings import Settings
from shared.web.keys import KeysUnreadable, read_keys
from shared.web.tokens import issue

ISSUER = "aftersale-local"
SUBJECTS: dict[str, str] = {"platform": "demo-shop", "staff": "sam", "customer": "cust-ada", "guest": ""}


def keep_local_key(state: State) -> Path:
    """The file of trusted keys, created at first use with this clone's key; keys added by hand stay."""
    path = state.folder / "keys.json"
    if not path.exists():
        state.keep("keys", [{"issuer": ISSUER, "secret": state.secret("signing_key"), "stores": ["*"], "roles": list(SUBJECTS)}])
    return path


def local_token(state: State, actor: Actor, lifetime_seconds: int) -> str:
    """A token for `actor`, signed with the first shared secret in AFTERSALE_KEYS_FILE that may issue it, else with this clone's key.

    Raises Trouble if there is no such key.
    """
    path = Path(os.environ.get("AFTERSALE_KEYS_FILE") or state.folder / "keys.json")
    try:
        keys = read_keys(path)
    except FileNotFoundError:
        raise Trouble(f"{path} does not exist.", "start the system once with `make up`") from None
    except (OSError, KeysUnreadable) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise Trouble(
            f"The keys file {path} cannot be used: {why}.", "fix the file; the services keep using the keys that they read last"
        ) from None
    for key in keys:
        if key.secret is not None and key.speaks_for(actor.role, actor.store):
            secret = key.secret.get_secret_value()
            return issue(secret, issuer=key.issuer, actor=actor, lifetime_seconds=lifetime_seconds, now=time.time())
    raise Trouble(f"No key in {path} may issue tokens for {actor.role} of store {actor.store}.", "get a token from that store's issuer")


def show_token(role: Role, *, store: str, subject: str, hours: float, read_only: bool, output: Output) -> None:
    """Print a token that services with the same keys file accept. Raises Trouble if there is no key to sign it with."""
    who = subject or SUBJECTS[role]
    if not who:
        raise Trouble("A guest token is for one order.", "name the order: `aftersale token guest --subject order_…`")
    setting = "guest_link_days" if role == "guest" else f"{role}_token_days"
    longest = int(running.setting("orders", setting.upper(), str(Settings.model_fields[setting].default)))  # as the services will judge it
    if hours > longest * 24:
        raise Trouble(f"A token for {role} may live at most {longest} days.", f"ask for fewer hours, or set AFTERSALE_{setting.upper()}")
    made = local_token(running.up_state(), Actor(store, role, who, read_only=read_only), int(hours * 3600))
    answer = {"token": made, "role": role, "store": store, "subject": who, "hours": hours, "read_only": read_only}
    output.result(answer, lambda console: console.print(made, soft_wrap=True))
