"""What the importer needs of the command line that mounts it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console  # each command starts quickly: only what prints loads it


class Output(Protocol):
    """The page that the mounting command line writes on."""

    as_json: bool

    def progress(self, line: str) -> None:
        """Show that something is being done."""

    def result(self, value: Any, render: Callable[["Console"], None]) -> None:
        """Show the answer: `value` for tools, or what `render` prints for people."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the command line that mounts the importer lends it."""

    urls: Callable[[], dict[str, str]]
    """The base URL of each service. Raises what the host raises when it does not know."""
    token: Callable[[str], str]
    """A token of the platform of this store."""
    output: Callable[[bool], Output]
    """The page; with True as JSON."""
    terminal: Callable[[], "Console"]
    """Where progress is drawn for people."""
