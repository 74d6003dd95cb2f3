"""Lines that a caller names by their numbers, and what may be corrected on them until confirmation (real-shops.md 1.4). Pure."""

from collections.abc import Container, Mapping, Sequence

from services.orders.requests.changes import LineEdit
from shared.contracts.errors import Invalid
from shared.contracts.events import Order, OrderLine, PersonalLine


def line_named(known: Mapping[int, OrderLine], number: int, *, at: str, named: Container[int]) -> OrderLine:
    """The line that the item at the pointer `at` names, and that none before it, in `named`, did.

    Raises Invalid `unknown_line`, `line_twice`.
    """
    line = known.get(number)
    if line is None:
        accepted = f"The order has the lines {', '.join(map(str, known))}."
        raise Invalid("unknown_line", f"The order has no line {number}.", at=f"{at}/line", accepted=accepted)
    if number in named:
        raise Invalid("line_twice", f"Line {number} is named twice.", at=f"{at}/line", accepted="Name each line once.")
    return line


def named_lines(order: Order, numbers: Sequence[int], at: str = "/lines") -> list[OrderLine]:
    """The order's lines of these numbers; `at` points to the list that names them. Raises Invalid `unknown_line`, `line_twice`."""
    known, named = {line.line: line for line in order.lines}, dict[int, OrderLine]()
    for index, number in enumerate(numbers):
        named[number] = line_named(known, number, at=f"{at}/{index}", named=named)
    return list(named.values())


def corrected_lines(order: Order, edits: Sequence[LineEdit]) -> tuple[OrderLine, ...]:
    """The order's lines with the edits' options, rates and codes. Raises Invalid `unknown_line`, `line_twice`."""
    named_lines(order, [edit.line for edit in edits])
    changes = {edit.line: edit.printed() for edit in edits}
    return tuple(line.model_copy(update=changes.get(line.line, {})) for line in order.lines)


def corrected_wishes(wishes: Sequence[PersonalLine], edits: Sequence[LineEdit]) -> tuple[PersonalLine, ...]:
    """What is to be made of each line, with the edits' wishes."""
    texts = {one.line: one.personalisation for one in wishes}
    texts |= {edit.line: edit.personalisation or "" for edit in edits if "personalisation" in edit.model_fields_set}
    return tuple(PersonalLine(line=line, personalisation=text) for line, text in sorted(texts.items()) if text)
