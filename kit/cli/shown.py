"""Answers for people: lists as tables, everything else field by field."""

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table


def shown(console: Console, value: Any, columns: Sequence[tuple[str, str]]) -> None:
    """Print an answer; `columns` are the fields of a list's items, each with its heading."""
    if isinstance(value, list):
        table = Table(*(heading for _, heading in columns), box=None, pad_edge=False)
        for one in value:
            table.add_row(*(_text({**one, **one.get("event", {})}.get(name)) for name, _ in columns))
        console.print(table)
        return
    for name, field in value.items():
        if isinstance(field, list) and field and isinstance(field[0], dict):
            console.print(f"[bold]{name}[/bold]")
            for one in field:
                console.print(f"  {escape(json.dumps(one, ensure_ascii=False))}", highlight=False, soft_wrap=True)
        else:
            console.print(f"[bold]{name}[/bold]  {_text(field)}", highlight=False, soft_wrap=True)


def _text(field: Any) -> str:
    if field is None:
        return ""
    if isinstance(field, list):
        return escape(", ".join(str(one) for one in field))
    return escape(json.dumps(field, ensure_ascii=False) if isinstance(field, dict) else str(field))
