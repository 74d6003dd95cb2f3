"""Request body of an amendment: the whole order as it is wanted, while it is pending."""

from typing import Annotated

from pydantic import Field, model_validator

from services.orders.requests.changes import LineNumber
from services.orders.requests.placing import MAX_QUANTITY, CouponCodes, ImageUrl, Options, Personalisation, ShippingInput
from services.orders.requests.words import Amount, Code, Message, Rate, Reason, ShortText
from shared.contracts.events import MAX_ORDER_LINES
from shared.web.inputs import Input, Name, Sku, example

OF_NEW_LINES = ("personalisation", "product_id", "image_url")


class AmendedLine(Input):
    """A line that is wanted: with `line` one that stays, whose absent fields stay as they are; without, a new one."""

    line: LineNumber | None = None
    sku: Sku | None = None
    name: Name | None = None
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] | None = None
    unit_price: Amount | None = None
    subtotal: Amount | None = None
    discount: Amount | None = None
    tax: Amount | None = None
    total: Amount | None = None
    options: Options | None = None
    tax_rate: Rate | None = None
    tax_code: Code | None = None
    commodity_code: Code | None = None
    personalisation: Personalisation | None = Field(default=None, description="Of a new line; PATCH corrects it on one that stays")
    product_id: ShortText | None = Field(default=None, description="Of a new line")
    image_url: ImageUrl | None = Field(default=None, description="Of a new line")

    @model_validator(mode="after")
    def _new_lines_are_whole(self) -> "AmendedLine":
        if self.line is None and None in (self.sku, self.name, self.quantity):
            raise ValueError("a new line needs sku, name and quantity; a line that stays needs its number in `line`")
        if self.line is not None and any(getattr(self, name) is not None for name in OF_NEW_LINES):
            raise ValueError("a line that stays keeps its product_id and image_url; PATCH of the order corrects its personalisation")
        return self


class AmendOrder(Input):
    """The whole wanted order: lines that are not named are removed. Absent shipping, discount and coupon codes stay as they are.

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
    coupon_codes: CouponCodes | None = None
    tax: Amount | None = Field(default=None, description="Tax of the whole order; spread over lines and shipping if they give none")
    total: Amount | None = None
