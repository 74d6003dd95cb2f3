"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from kit.client.answer import Answer


class ActionView(Answer):
    """Whether the caller may do this now; if not, the code that the call would be refused with, and a sentence for people."""

    action: str
    allowed: bool
    code: str | None = None
    detail: str = ""


class AttachmentView(Answer):
    """A file; its content is at `GET /v1/attachments/{attachment_id}`."""

    attachment_id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    uploaded_at: datetime


class AttemptView(Answer):
    """One call to an endpoint. `outcome` says how it ended; `address` is the one that was dialled; `answer` begins with what it said.

    `request` are the headers that were sent; the endpoint's own values, and its secrets in the answer, are `[redacted]`. A queue has no
    `url`, `address` or `status`.
    """

    number: int
    began_at: datetime
    duration_ms: int
    url: str | None
    address: str | None
    status: int | None
    outcome: str
    detail: str
    answer: str
    request: dict[str, str]


class ByView(Answer):
    """Who did it. A customer sees the role of others, not their ids."""

    role: Literal["platform", "staff", "customer", "guest", "system"] | str
    id: str | None = None
    via: str | None = None


class MoneyView(Answer):
    """An amount in minor units; `decimal` is the same as text with the currency's digits."""

    amount: int
    currency: str
    decimal: str


class DeliveryDetailView(Answer):
    """A delivery with its attempts, oldest first."""

    delivery_id: str
    endpoint_id: str
    event_id: UUID
    type: str
    subject: str
    state: Literal["waiting", "delivered", "parked"] | str
    attempts: int
    due_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    calls: list[AttemptView]
