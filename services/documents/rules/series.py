"""Numbers, and the day and year that date a document."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

DEFAULT_PREFIXES: dict[str, str] = {
    "invoice": "INV",
    "receipt": "RCT",
    "cancelling_receipt": "CRC",
    "credit_note": "CRN",
    "refund_receipt": "RFR",
}


def issuing_day(moment: datetime, time_zone: str) -> date:
    """The store's calendar day at `moment`; a document's date and its series' year come from it."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def issuing_time(moment: datetime, time_zone: str) -> datetime:
    """`moment` on the store's clock, to the second."""
    return moment.astimezone(ZoneInfo(time_zone)).replace(microsecond=0)


def document_number(prefix: str, year: int, counted: int) -> str:
    """`INV-2026-000042`: at least six digits, so that a year's numbers sort as text."""
    return f"{prefix}-{year}-{counted:06}"
