"""The rules for a store's document settings."""

from collections.abc import Iterable, Mapping
from string import Formatter

from services.documents.requests import DocumentSettingsInput
from services.documents.state import Language, Letterhead
from shared.contracts.actor import Decision, allowed, refused
from shared.contracts.errors import Invalid


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


def check_labels(labels: Mapping[Language, Mapping[str, str]], known: Mapping[str, str]) -> None:
    """Whether the store's own words can be printed. `known`: the original words by key; places look like `{amount}`.

    Raises Invalid `label_unknown`, `label_places`.
    """
    for language, words in labels.items():
        for key, text in words.items():
            at = f"/labels/{language}/{key}"
            if key not in known:
                raise Invalid("label_unknown", "There is no label with this key.", at=at, accepted=", ".join(sorted(known)))
            if places(text) != places(known[key]):
                raise Invalid("label_places", f"It must have the same places as the original: {known[key]}", at=at)


def places(text: str) -> list[str] | None:
    """The names of the places in a text that figures are put into, sorted; None if its braces do not fit together."""
    try:
        return sorted(name for _, name, how, conversion in Formatter().parse(text) if name is not None and not how and not conversion)
    except ValueError:
        return None


def letterhead_of(request: DocumentSettingsInput, *, logo_sha256: str | None) -> Letterhead:
    """The letterhead that these settings give every document, with the store's current logo."""
    printed = request.model_dump(exclude={"prefixes", "slip_shows_due", "issue", "start"})
    return Letterhead.model_validate({**printed, "logo_sha256": logo_sha256}, strict=False)
