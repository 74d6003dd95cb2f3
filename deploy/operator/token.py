"""`aftersale token`."""

from deploy.operator import running
from deploy.operator.output import Output
from deploy.operator.tokens import local_token
from deploy.operator.trouble import Trouble
from shared.contracts.actor import Actor, Role
from shared.process.settings import Settings

SUBJECTS: dict[str, str] = {"platform": "demo-shop", "staff": "sam", "customer": "cust-ada", "guest": ""}


def _setting(role: Role) -> str:
    return "guest_link_days" if role == "guest" else f"{role}_token_days"


def _longest_days(role: Role) -> int:
    """As the services will judge it."""
    default = Settings.model_fields[_setting(role)].default
    return int(running.setting("orders", _setting(role).upper(), str(default)))


def show_token(role: Role, *, store: str, subject: str, hours: float, read_only: bool, output: Output) -> None:
    """Print a token that this clone's services accept. Raises Trouble where there is no key to sign it with."""
    who = subject or SUBJECTS[role]
    if not who:
        raise Trouble("A guest token is for one order.", "name the order: `aftersale token guest --subject order_…`")
    longest = _longest_days(role)
    if hours > longest * 24:
        raise Trouble(
            f"A token for {role} may live at most {longest} days.", f"ask for fewer hours, or set AFTERSALE_{_setting(role).upper()}"
        )
    made = local_token(running.up_state(), Actor(store, role, who, read_only=read_only), int(hours * 3600))
    answer = {"token": made, "role": role, "store": store, "subject": who, "hours": hours, "read_only": read_only}
    output.result(answer, lambda console: console.print(made, soft_wrap=True))
