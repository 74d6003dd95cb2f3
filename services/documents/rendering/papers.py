"""The papers that anything can be printed on: what the engine calls them, their room, and how small the type must be to fit."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.documents.state import Contents, Paper

RECEIPTS = frozenset({"receipt", "cancelling_receipt", "refund_receipt", "order_receipt"})
"""Printed on a roll, whatever page the store's settings name; everything else on that page."""

DESCRIPTION_MM = 42.0  # least width of the column with the names
GUTTER_MM = 5.0
DIGIT_MM, LETTER_MM = 1.82, 1.62  # of figures at 9 pt and of the heads of their columns at 7.5 pt
SMALLEST = 0.55  # of the usual size: below 5 pt nobody reads it


@dataclass(frozen=True, slots=True)
class Sheet:
    """A paper. `room_mm`: its width without margins; `scale`: of the type."""

    engine: str
    is_roll: bool
    room_mm: float
    scale: float = 1.0


SHEETS: dict[Paper, Sheet] = {
    "a4": Sheet("a4", is_roll=False, room_mm=174.0),
    "letter": Sheet("us-letter", is_roll=False, room_mm=179.9),
    "a5": Sheet("a5", is_roll=False, room_mm=124.0, scale=0.85),
    "roll80": Sheet("roll80", is_roll=True, room_mm=70.0),
    "roll58": Sheet("roll58", is_roll=True, room_mm=50.0, scale=0.9),
}


def paper_of(contents: Contents, asked: Paper | None = None) -> Paper:
    """What the contents are printed on: what was asked for, or else what the store prints such a document on."""
    if asked is not None:
        return asked
    return "roll80" if contents.kind in RECEIPTS and not SHEETS[contents.paper].is_roll else contents.paper


def on_roll(contents: Contents) -> bool:
    """Whether contents whose paper is decided are laid out on a roll."""
    return SHEETS[contents.paper].is_roll


def scale_on(paper: Paper, columns: Iterable[tuple[str, list[str]]]) -> float:
    """The scale of the type on which these columns (head and cells) fit beside the names."""
    sheet = SHEETS[paper]
    if sheet.is_roll:
        return sheet.scale
    widths = [max(LETTER_MM * len(head), *(DIGIT_MM * len(cell) for cell in cells), 0.0) for head, cells in columns]
    room = sheet.room_mm - DESCRIPTION_MM * sheet.scale - GUTTER_MM * len(widths)
    return max(SMALLEST, min(sheet.scale, room / sum(widths))) if widths and sum(widths) else sheet.scale
