"""Lays out source text as `ruff format` does: on one line if it fits, otherwise one item to a line."""

import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 140
HEADER = "Written by `./aftersale generate` from the OpenAPI document; never edit it."
STANDARD = ("collections.abc", "contextlib", "datetime", "typing", "uuid")
OURS = "kit."


def spread(indent: str, opening: str, items: Sequence[str], closing: str) -> str:
    """`opening`, the items and `closing`."""
    line = f"{indent}{opening}{', '.join(items)}{closing}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{indent}{opening}", *(f"{indent}    {item}," for item in items), f"{indent}{closing}"])


def docstring(indent: str, text: str) -> str:
    """A docstring whose paragraphs are wrapped."""
    paragraphs = [" ".join(one.split()) for one in text.replace("\\", "\\\\").split("\n\n")]
    if len(paragraphs) == 1 and len(line := f'{indent}"""{paragraphs[0]}"""') <= WIDTH:
        return line
    paragraphs[0] = f'"""{paragraphs[0]}'
    wrapped = [textwrap.fill(one, WIDTH - 3, initial_indent=indent, subsequent_indent=indent) for one in paragraphs]
    return "\n\n".join(wrapped) + f'\n{indent}"""'


def module(summary: str, imported: Iterable[tuple[str, str]], parts: Sequence[str]) -> str:
    """A module: what it is, its imports as (module, name), and its classes."""
    by_module: dict[str, set[str]] = {}
    for name, what in imported:
        by_module.setdefault(name, set()).add(what)
    sections: list[list[str]] = [[], [], []]
    for name, found in sorted(by_module.items()):
        sections[0 if name in STANDARD else 2 if name.startswith(OURS) else 1].append(_import(name, sorted(found, key=_rank)))
    heads = ["\n".join(section) for section in sections if section]
    gap = "\n\n\n" if parts[0].startswith(("class ", "@")) else "\n\n"  # ruff's after imports
    return "\n\n".join([docstring("", f"{summary} {HEADER}"), *heads]) + gap + "\n\n\n".join(parts) + "\n"


def _import(name: str, found: Sequence[str]) -> str:
    line = f"from {name} import {', '.join(found)}"
    return line if len(line) <= WIDTH else spread("", f"from {name} import (", found, ")")


def _rank(name: str) -> tuple[int, str]:
    """Ruff's order of imported names: constants, classes, the rest."""
    return 0 if name.isupper() else 1 if name[:1].isupper() else 2, name.lower()
