"""What the kit's commands need from the command line that mounts them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console  # imported for types only: loading rich would slow the start of every command


class Output(Protocol):
    """The mounting command line's output."""

    as_json: bool

    def progress(self, line: str) -> None:
        """Report a step that takes a moment."""

    def result(self, value: Any, render: Callable[["Console"], None]) -> None:
        """Print the result: `value` for tools, or `render` for people."""


@dataclass(frozen=True, slots=True)
class Host:
    """What the mounting command line provides to the kit."""

    address: Callable[[], str]
    """Returns the address that serves all services. Raises an error of the host's own if nothing is running."""
    token: Callable[[str], str]
    """Returns a platform token of the given store."""
    output: Callable[[bool], Output]
    """Makes the output, with True as JSON."""
    terminal: Callable[[], "Console"]
    """Makes the console on which progress is drawn for people."""


class CannotDo(Exception):  # noqa: N818  (it is printed as one line, never as a traceback)
    """What is wrong and, in `fix`, what to do about it."""

    def __init__(self, what: str, fix: str = "") -> None:
        self.what = what
        self.fix = fix
        super().__init__(what)
