"""What an endpoint of each kind takes."""

from collections.abc import Mapping
from typing import Any

from services.webhooks.rules import PROBLEMS
from services.webhooks.state import EndpointKind
from shared.contracts.errors import FieldError, Invalid

NOT_FOR_A_QUEUE = ("url", "headers", "secret", "scheme", "personal")


def check_kind(kind: EndpointKind, given: Mapping[str, Any]) -> None:
    """Raise Invalid `not_for_this_kind` for what a caller gave that a queue does not have. `given` is what the request names."""
    wrong = [name for name in NOT_FOR_A_QUEUE if given.get(name) not in (None, False, {})]
    if kind == "amqp" and wrong:
        problem = PROBLEMS["not_for_this_kind"]
        raise Invalid("not_for_this_kind", problem, errors=tuple(FieldError(f"/{name}", "not_for_this_kind", problem) for name in wrong))


def check_has_url(kind: EndpointKind, url: str | None) -> None:
    """Raise Invalid `url_missing` for a new webhook without a URL."""
    if kind == "webhook" and url is None:
        raise Invalid("url_missing", PROBLEMS["url_missing"], at="/url")
