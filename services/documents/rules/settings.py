"""The rules for a store's document settings."""

from collections.abc import Iterable, Mapping

from services.documents.requests import DocumentSettingsInput
from services.documents.state import Letterhead
from shared.contracts.actor import Decision, allowed, refused


def may_name_series(prefixes: Mapping[str, str], used: Iterable[tuple[str, str]]) -> Decision:
    """Whether the series may have these prefixes: each kind needs its own, never used by another kind's numbers.

    `used`: (kind, prefix) of every series that has begun. Two kinds with the same prefix would issue the same number twice.
    """
    if len(set(prefixes.values())) < len(prefixes):
        return refused("prefix_taken", "Each kind of document needs a series prefix of its own.")
    for kind, prefix in used:
        taker = next((other for other, wanted in prefixes.items() if wanted == prefix and other != kind), None)
        if taker is not None:
            return refused(
                "prefix_taken", f"{prefix} has already numbered documents of another kind: choose a new prefix.", kind=taker, prefix=prefix
            )
    return allowed()


def letterhead_of(request: DocumentSettingsInput, *, logo_sha256: str | None) -> Letterhead:
    """The letterhead that these settings give every document, with the store's current logo."""
    printed = request.model_dump(exclude={"prefixes", "slip_shows_due", "issue", "start"})
    return Letterhead.model_validate({**printed, "logo_sha256": logo_sha256}, strict=False)
