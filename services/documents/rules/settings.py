"""What a store may choose for its documents."""

from collections.abc import Iterable, Mapping

from services.documents.requests import DocumentSettingsInput
from services.documents.state import Letterhead
from shared.contracts.actor import Decision, allowed, refused


def may_name_series(prefixes: Mapping[str, str], used: Iterable[tuple[str, str]]) -> Decision:
    """Whether the series may have these names: each kind its own, and never one that another kind's numbers already bear.

    `used`: (kind, prefix) of every series that has begun. Two kinds under one name would give one number twice.
    """
    if len(set(prefixes.values())) < len(prefixes):
        return refused("prefix_taken", "Each kind of document needs a series prefix of its own.")
    for kind, prefix in used:
        taker = next((other for other, wanted in prefixes.items() if wanted == prefix and other != kind), None)
        if taker is not None:
            return refused("prefix_taken", f"{prefix} already names numbers of another kind: choose a new one.", kind=taker, prefix=prefix)
    return allowed()


def letterhead_of(request: DocumentSettingsInput, *, logo_sha256: str | None) -> Letterhead:
    """What these settings put on every document, with the logo that the store has."""
    printed = request.model_dump(exclude={"prefixes"})
    return Letterhead.model_validate({**printed, "logo_sha256": logo_sha256}, strict=False)
