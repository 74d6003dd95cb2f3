"""The output of commands: text for people, or with `--json` one JSON object per line for tools. Progress goes to stderr, results to stdout.

Printed text may come from strangers (a message's type, a log line, a response), so none of its control characters may reach the
terminal on any path. That is why every console is made by `terminal()`.
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
    """A console on which only our own styles become escape sequences: control characters in the text are displayed, never interpreted."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render as rich does, but write control characters out as text and make no links."""
        for text, style, control in super().render(renderable, options):
            if control is not None:
                yield Segment(text, style, control)
                continue
            yield Segment(visible(text), style.update_link(None) if style is not None and style.link else style)


def terminal(
    *, stderr: bool = False, file: IO[str] | None = None, width: int | None = None, record: bool = False, soft_wrap: bool = True
) -> Console:
    """A console for people whose terminal no printed text can control (see the module)."""
    return _SafeConsole(stderr=stderr, file=file, width=width, record=record, soft_wrap=soft_wrap, highlight=False)


class Output:
    """The output of one command."""

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
