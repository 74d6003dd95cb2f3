"""Which events an endpoint wants."""

from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

from shared.contracts.errors import Invalid


def check_types(wanted: Sequence[str], known: Collection[str], *, at: str) -> None:
    """Raise Invalid `unknown_event_types` for the first pattern that matches no event type, so that a typo is not silence.

    `at` is the JSON pointer of the list.
    """
    for place, pattern in enumerate(wanted):
        if not any(fnmatchcase(name, _glob(pattern)) for name in known):
            raise Invalid(
                "unknown_event_types",
                "No event type matches this pattern.",
                at=f"{at}/{place}",
                accepted="A type of /asyncapi.json, with * for any characters.",
            )


def like_patterns(wanted: Sequence[str]) -> list[str]:
    """The same as LIKE patterns, for SQL: only `*` is a wildcard."""
    return [pattern.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_").replace("*", "%") for pattern in wanted]


def wants(wanted: Sequence[str], event_type: str) -> bool:
    """Whether one of the patterns matches."""
    return any(fnmatchcase(event_type, _glob(pattern)) for pattern in wanted)


def _glob(pattern: str) -> str:
    """Only `*` is a wildcard: brackets and question marks match themselves."""
    return pattern.replace("[", "[[]").replace("?", "[?]")
