"""The output of commands: lines for people, or with `--json` one JSON object a line for tools. Progress goes to stderr, results to stdout.

Whatever is printed may hold the words of strangers (a message's type, a log line, an answer): no control character of it reaches the
terminal, whichever way it takes to the page. So every console of ours is made by `terminal()`.
"""

import json
import sys
from collections.abc import Callable, Iterable
from typing import IO, Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

from shared.web.visible import visible, visible_json

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]


class _SafeConsole(Console):
    """A console on which only styles of ours become escape sequences: the text itself is always shown, never obeyed."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich does it, but what would steer the terminal is written out, and nothing becomes a link."""
        for text, style, control in super().render(renderable, options):
            if control is not None:
                yield Segment(text, style, control)
                continue
            yield Segment(visible(text), style.update_link(None) if style is not None and style.link else style)


def terminal(
    *, stderr: bool = False, file: IO[str] | None = None, width: int | None = None, record: bool = False, soft_wrap: bool = True
) -> Console:
    """A console for people that no text can steer (see the module)."""
    return _SafeConsole(stderr=stderr, file=file, width=width, record=record, soft_wrap=soft_wrap, highlight=False)


class Output:
    """Where one command writes to."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = terminal()
        self._errors = terminal(stderr=True)

    def progress(self, line: str) -> None:
        """Report a step that takes a moment."""
        if self.as_json:
            self._write({"progress": line})
        else:
            self._errors.print(f"[dim]·[/dim] {escape(line)}")

    def warning(self, line: str) -> None:
        """Report something that went wrong and was handled."""
        if self.as_json:
            self._write({"warning": line})
        else:
            self._errors.print(f"[yellow]![/yellow] {escape(line)}")

    def result(self, value: Any, render: Callable[[Console], None]) -> None:
        """Print the result: `value` for tools, `render` for people."""
        if self.as_json:
            self._write(value)
        else:
            render(self.console)

    @staticmethod
    def _write(value: Any) -> None:
        sys.stdout.write(as_json_line(value))
        sys.stdout.flush()


def as_json_line(value: Any) -> str:
    """`value` as a line of JSON that may go to a terminal: readable in any language, with every control character escaped."""
    return visible_json(json.dumps(value, default=str, ensure_ascii=False)) + "\n"


def trouble(what: str, fix: str, *, as_json: bool) -> None:
    """Print why a command failed, and the fix."""
    if as_json:
        sys.stdout.write(as_json_line({"error": what, "fix": fix}))
        return
    errors = terminal(stderr=True)
    errors.print(f"[red]✗[/red] {escape(what)}")
    if fix:
        errors.print(f"  [bold]Fix:[/bold] {escape(fix)}")
