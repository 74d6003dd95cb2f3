"""Who issues a store's documents, and since when; where its series start; what waits for another system's number."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, get_args

from shared.contracts.events import DocumentKind, Part

Mode = Literal["on", "off", "elsewhere"]
"""Whether we issue documents of a kind, nobody does, or another system does."""
Moded = Literal["invoice", "receipt", "credit_note", "refund_receipt"]
"""The kinds that have a mode of their own: a cancelling receipt follows its receipt."""
MODED: tuple[Moded, ...] = get_args(Moded)


class SaidMode(Part):
    """A mode as a version of the settings says it; `starts`: the store's day from which it applies, else the moment of saving."""

    mode: Mode = "on"
    starts: date | None = None


class Start(Part):
    """The first number of the series of one year."""

    year: int
    first: int


@dataclass(frozen=True, slots=True)
class ModeChange:
    """A kind's mode from a moment on; `version` is that of the settings that said it."""

    kind: Moded
    since: datetime
    mode: Mode
    version: int


@dataclass(frozen=True, slots=True)
class Modes:
    """Every change of a store's modes, in the order of their moments. Before its first change we issue a kind."""

    changes: tuple[ModeChange, ...] = ()

    def at(self, kind: Moded, moment: datetime) -> Mode:
        """The mode that is in force at `moment`."""
        return next((one.mode for one in reversed(self.changes) if one.kind == kind and one.since <= moment), "on")


ALL_HERE = Modes()
"""Of a store that never changed a mode: we issue every kind."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A credit note that is issued once the order names its invoice of another system. `amount`: minor units."""

    cause: Literal["refund", "cancellation"]
    subject_id: str
    order_id: str
    order_number: str
    currency: str
    amount: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Correction:
    """A corrected invoice, why and by whom."""

    document_id: str
    order_id: str
    reason: str
    corrected_at: datetime
    corrected_by: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Series:
    """A series of numbers: its first and last, how many documents it has, and the numbers without a document."""

    kind: DocumentKind
    year: int
    prefix: str
    first: int
    last: int
    issued: int
    missing: tuple[int, ...]

    @property
    def gapless(self) -> bool:
        """Whether each number from the first to the last belongs to a document."""
        return not self.missing and self.issued == self.last - self.first + 1
