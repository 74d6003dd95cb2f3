"""Reads the Online Retail file into rows, unchanged, and classifies each. Pure once the bytes are read."""

import csv
import gzip
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

COLUMNS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
SHOP_TIME = ZoneInfo("Europe/London")
GZIP_MAGIC = b"\x1f\x8b"

# According to the data set's README, these are carriage, which becomes the order's shipping amount …
CARRIAGE = frozenset({"POST", "DOT", "C2"})
# … and these are bookkeeping entries: discounts, manual corrections, samples, fees.
NOT_PRODUCTS = frozenset({"D", "M", "S", "AMAZONFEE", "BANK CHARGES", "CRUK", "PADS", "B"})


class Unreadable(Exception):  # noqa: N818  (names the state of the file)
    """The file is not an Online Retail file; `str()` names the row and the reason."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file. `number` counts the rows below the heading from 1; `price` is pounds as written."""

    number: int
    invoice: str
    code: str
    description: str
    quantity: int
    at: datetime  # UTC
    price: Decimal
    customer: str
    country: str

    @property
    def value(self) -> Decimal:
        """Quantity × price in pounds, exactly; negative on a cancellation."""
        return self.quantity * self.price

    @property
    def day(self) -> date:
        """The day in the shop, which its documents bear."""
        return self.at.astimezone(SHOP_TIME).date()

    @property
    def cancels(self) -> bool:
        """Whether the row is on a cancellation invoice."""
        return self.invoice.startswith("C")

    @property
    def product(self) -> str:
        """The product's stock code, normalised because the file writes the same code in both upper and lower case."""
        return self.code.upper()

    @property
    def is_carriage(self) -> bool:
        """Whether the row is postage or carriage."""
        return self.product in CARRIAGE

    @property
    def is_product(self) -> bool:
        """Whether the row is something that goes into a parcel."""
        return not self.is_carriage and self.product not in NOT_PRODUCTS


@dataclass(frozen=True, slots=True)
class Source:
    """A file's rows, and the digest of its content that every Idempotency-Key is derived from."""

    rows: tuple[Row, ...]
    digest: str


def read(path: Path) -> Source:
    """Read the file, gzipped or not. Raises Unreadable, OSError."""
    content = path.read_bytes()
    if content.startswith(GZIP_MAGIC):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise Unreadable(f"{path.name} is a broken gzip file: {error}") from error
    return Source(tuple(parse(content)), hashlib.sha256(content).hexdigest())


def parse(content: bytes) -> Iterator[Row]:
    """The rows of the file's content. Raises Unreadable naming the first row that cannot be read."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"The file is not UTF-8 text: {error}") from error
    table = csv.DictReader(io.StringIO(text, newline=""))
    missing = [column for column in COLUMNS if column not in (table.fieldnames or ())]
    if missing:
        raise Unreadable(f"The file has no column {', '.join(missing)}; its heading must be {','.join(COLUMNS)}.")
    for number, cells in enumerate(table, start=1):
        try:
            yield _row(number, cells)
        except (ValueError, InvalidOperation, TypeError) as error:
            raise Unreadable(f"Row {number} (invoice {cells.get('InvoiceNo')!r}) cannot be read: {error}") from error


def _row(number: int, cells: dict[str, str]) -> Row:
    if not re.fullmatch(r"[A-Z]?\d+", cells["InvoiceNo"]):
        raise ValueError(f"{cells['InvoiceNo']!r} is not an invoice number")
    price = Decimal(cells["UnitPrice"])
    if not price.is_finite():
        raise ValueError(f"{cells['UnitPrice']!r} is not a price")
    return Row(
        number=number,
        invoice=cells["InvoiceNo"],
        code=cells["StockCode"].strip(),
        description=cells["Description"].strip(),
        quantity=int(cells["Quantity"]),
        at=_instant(cells["InvoiceDate"]),
        price=price,
        customer=cells["CustomerID"].strip(),
        country=cells["Country"].strip(),
    )


@lru_cache(maxsize=1024)
def _instant(text: str) -> datetime:
    """A time on the shop's clock (London), converted to UTC."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=SHOP_TIME).astimezone(UTC)
