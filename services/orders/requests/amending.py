"""Request body of an amendment: the whole order as it is wanted, while it is pending."""

from typing import Annotated

from pydantic import Field, model_validator

from services.orders.requests.placing import MAX_QUANTITY, ShippingInput
from services.orders.requests.words import Amount, Message, Reason
from shared.contracts.events import MAX_LINE_NUMBER, MAX_ORDER_LINES
from shared.web.inputs import Input, Name, Sku, example


class AmendedLine(Input):
    """A line that is wanted: with `line` one that stays, whose absent fields stay as they are; without, a new one."""

    line: Annotated[int, Field(ge=1, le=MAX_LINE_NUMBER)] | None = None
    sku: Sku | None = None
    name: Name | None = None
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] | None = None
    unit_price: Amount | None = None
    subtotal: Amount | None = None
    discount: Amount | None = None
    tax: Amount | None = None
    total: Amount | None = None

    @model_validator(mode="after")
    def _new_lines_are_whole(self) -> "AmendedLine":
        if self.line is None and None in (self.sku, self.name, self.quantity):
            raise ValueError("a new line needs sku, name and quantity; a line that stays needs its number in `line`")
        return self


class AmendOrder(Input):
    """The whole wanted order: lines that are not named are removed. Absent shipping and discount stay as they are.

    Figures follow the rule of placing. A line, or the shipping, whose figures change says its tax again if it had one.
    """

    model_config = example(
        {
            "reason": "by phone",
            "lines": [{"line": 1, "quantity": 1}, {"sku": "CAP-1", "name": "Cap", "quantity": 3, "unit_price": 2000}],
            "shipping": {"amount": 500},
        }
    )

    reason: Reason
    message: Message = ""
    lines: Annotated[list[AmendedLine], Field(max_length=MAX_ORDER_LINES)]
    shipping: ShippingInput | None = None
    discount: Amount | None = None
    tax: Amount | None = Field(default=None, description="Tax of the whole order; spread over lines and shipping if they give none")
    total: Amount | None = None
