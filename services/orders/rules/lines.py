"""Lines that a caller names, and what may be corrected on them until confirmation (real-shops.md 1.4). Pure."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from services.orders.requests.changes import LineEdit
from shared.contracts.errors import Invalid
from shared.contracts.events import OrderLine, PersonalLine


def line_named(known: Mapping[int, OrderLine], number: int, *, at: int, named: Container[int]) -> OrderLine:
    """The line that item `at` names, unless one of those before it, `named`, did. Raises Invalid `unknown_line`, `line_twice`."""
    line = known.get(number)
    if line is None:
        accepted = f"The order has the lines {', '.join(map(str, known))}."
        raise Invalid("unknown_line", f"The order has no line {number}.", at=f"/lines/{at}/line", accepted=accepted)
    if number in named:
        raise Invalid("line_twice", f"Line {number} is named twice.", at=f"/lines/{at}/line", accepted="Name each line once.")
    return line


def corrected_lines(lines: Sequence[OrderLine], edits: Sequence[LineEdit]) -> tuple[OrderLine, ...]:
    """The lines with the edits' options, rates and codes. Raises Invalid `unknown_line`, `line_twice`."""
    known, changes = {line.line: line for line in lines}, dict[int, dict[str, Any]]()
    for at, edit in enumerate(edits):
        line_named(known, edit.line, at=at, named=changes)
        changes[edit.line] = edit.printed()
    return tuple(line.model_copy(update=changes.get(line.line, {})) for line in lines)


def corrected_wishes(wishes: Sequence[PersonalLine], edits: Sequence[LineEdit]) -> tuple[PersonalLine, ...]:
    """What is to be made of each line, with the edits' wishes."""
    texts = {one.line: one.personalisation for one in wishes}
    texts |= {edit.line: edit.personalisation or "" for edit in edits if "personalisation" in edit.model_fields_set}
    return tuple(PersonalLine(line=line, personalisation=text) for line, text in sorted(texts.items()) if text)
