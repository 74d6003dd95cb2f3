"""What callers get. Written by `./aftersale generate` from the OpenAPI document; never edit it."""

from kit.client.answer import Answer


class ErasedView(Answer):
    """A customer whose personal data this service has erased; the other services follow when they receive `customer.erased`."""

    customer_id: str
    orders: int
