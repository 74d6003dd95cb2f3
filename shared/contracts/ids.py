"""Public ids: TypeIDs (`order_01h…`); the database column stores the UUIDv7 inside."""

from functools import lru_cache
from typing import Annotated
from uuid import UUID

import uuid_utils
from pydantic import AfterValidator, WithJsonSchema
from typeid import from_string, from_uuid


def new_uuid() -> UUID:
    """A fresh UUIDv7 (increasing with time, so that indexes grow at one end)."""
    return UUID(int=uuid_utils.uuid7().int)


def new_id(prefix: str) -> str:
    """A fresh public id, such as `order_01jd…`."""
    return public_id(prefix, new_uuid())


def public_id(prefix: str, value: UUID) -> str:
    """The public form of a UUID that a column holds."""
    return str(from_uuid(uuid_utils.UUID(int=value.int), prefix))


@lru_cache(maxsize=4096)
def uuid_of(prefix: str, public: str) -> UUID:
    """The UUID behind a public id. Raises ValueError unless it is a well-formed id with this prefix."""
    try:
        typeid = from_string(public)
    except Exception as error:  # the library raises its own exception types for length, alphabet and prefix
        raise ValueError(f"give an id of the form {prefix}_…") from error
    if typeid.prefix != prefix or str(typeid) != public:
        raise ValueError(f"give an id of the form {prefix}_…")
    return UUID(bytes=typeid.uuid_bytes)


def is_id(prefix: str, text: str) -> bool:
    """Whether `text` is a well-formed id with this prefix."""
    try:
        uuid_of(prefix, text)
    except ValueError:
        return False
    return True


def _prefixed(prefix: str) -> AfterValidator:
    def check(value: str) -> str:
        uuid_of(prefix, value)
        return value

    return AfterValidator(check)


def _pattern(prefix: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"})


OrderId = Annotated[str, _prefixed("order"), _pattern("order")]
LinkId = Annotated[str, _prefixed("link"), _pattern("link")]
PaymentId = Annotated[str, _prefixed("payment"), _pattern("payment")]
RefundId = Annotated[str, _prefixed("refund"), _pattern("refund")]
ParcelId = Annotated[str, _prefixed("parcel"), _pattern("parcel")]
NoteId = Annotated[str, _prefixed("note"), _pattern("note")]
AttachmentId = Annotated[str, _prefixed("attachment"), _pattern("attachment")]
AttentionId = Annotated[str, _prefixed("attention"), _pattern("attention")]
DocumentId = Annotated[str, _prefixed("document"), _pattern("document")]
EndpointId = Annotated[str, _prefixed("endpoint"), _pattern("endpoint")]
DeliveryId = Annotated[str, _prefixed("delivery"), _pattern("delivery")]
PartCancellationId = Annotated[str, _prefixed("part_cancellation"), _pattern("part_cancellation")]
ClosingId = Annotated[str, _prefixed("closing"), _pattern("closing")]
ReplayId = Annotated[str, _prefixed("replay"), _pattern("replay")]
