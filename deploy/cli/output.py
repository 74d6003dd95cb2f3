"""How commands speak: lines for people, or (`--json`) one JSON object a line for tools. Progress goes to stderr, results to stdout."""

import json
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, one object a line.")]


class Output:
    """Where one command writes to."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False, soft_wrap=True)
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)

    def progress(self, line: str) -> None:
        """Something is being done that takes a moment."""
        if self.as_json:
            self._write({"progress": line})
        else:
            self._errors.print(f"[dim]·[/dim] {line}")

    def warning(self, line: str) -> None:
        """Something went wrong and was dealt with."""
        if self.as_json:
            self._write({"warning": line})
        else:
            self._errors.print(f"[yellow]![/yellow] {line}")

    def result(self, value: Any, render: Callable[[Console], None]) -> None:
        """The answer: `value` for tools, `render` for people."""
        if self.as_json:
            self._write(value)
        else:
            render(self.console)

    @staticmethod
    def _write(value: Any) -> None:
        sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False) + "\n")
        sys.stdout.flush()


def trouble(what: str, fix: str, *, as_json: bool) -> None:
    """The one clear line that says why a command could not do it, and the fix."""
    if as_json:
        sys.stdout.write(json.dumps({"error": what, "fix": fix}) + "\n")
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[red]✗[/red] {what}", markup=True)
    if fix:
        console.print(f"  [bold]Fix:[/bold] {fix}", markup=True)
