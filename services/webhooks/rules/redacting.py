"""Keeps an endpoint's secrets out of what is recorded about its attempts, also if a receiver repeats them in its answer."""

from collections.abc import Collection, Mapping

REDACTED = "[redacted]"
MIN_SECRET_CHARACTERS = 6
"""A shorter word is not sought in answers: it protects nothing, and would be found everywhere."""


def secret_words(own_headers: Mapping[str, str], keys: Collection[str]) -> tuple[str, ...]:
    """What no record may contain, longest first: values of the endpoint's own headers, each word of them, and its signing secrets."""
    values = [*own_headers.values(), *keys]
    words = {word for value in values for word in (value, *value.split(), value.partition("_")[2]) if len(word) >= MIN_SECRET_CHARACTERS}
    return tuple(sorted(words, key=lambda word: (-len(word), word)))


def redacted(text: str, words: Collection[str]) -> str:
    """The text without these words."""
    for word in words:
        text = text.replace(word, REDACTED)
    return text


def shown_request(headers: Mapping[str, str], own_headers: Mapping[str, str]) -> dict[str, str]:
    """An attempt's headers as they are recorded: values of the endpoint's own ones are its receiver's secrets."""
    own = {name.lower() for name in own_headers}
    return {name: REDACTED if name.lower() in own else value for name, value in headers.items()}
