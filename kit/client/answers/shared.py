"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from datetime import datetime
from typing import Literal

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
