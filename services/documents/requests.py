"""Request bodies."""

from typing import Annotated, Literal

from pydantic import Field

from services.documents.state import Button, Category, EInvoiceFormat, Language, Paper, Render
from shared.contracts.ids import OrderId
from shared.web.inputs import Input, example

Label = Annotated[str, Field(min_length=1, max_length=200)]
Line = Annotated[str, Field(max_length=200)]


Prefix = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,9}$", description="One to ten capital letters and digits.")]


SampleKind = Literal["invoice", "credit_note", "receipt", "refund_receipt", "order_receipt", "packing_slip"]


class TaxNumberInput(Input):
    """A registration of the seller, as printed."""

    label: str = Field(max_length=40)
    number: str = Field(max_length=60)
    scheme: Literal["VA", "FC"] | None = Field(
        None,
        description="Which one it is, for e-invoices: `VA` the VAT number, with its country (`DE123456789`); `FC` that of a tax office.",
    )


class SellerInput(Input):
    """The seller."""

    name: str = Field("", max_length=120)
    address: list[Line] = Field(default=[], max_length=6)
    phone: str = Field("", max_length=40)
    email: str = Field("", max_length=120)
    website: str = Field("", max_length=120)
    tax_numbers: list[TaxNumberInput] = Field(default=[], max_length=5)
    country_code: str = Field(
        "", pattern="^([A-Z]{2})?$", description="ISO 3166-1, for e-invoices; what is printed of the address stands in `address`."
    )


class PrefixesInput(Input):
    """The names of the series; a series that has begun keeps its name until the year ends."""

    invoice: Prefix = "INV"
    receipt: Prefix = "RCT"
    cancelling_receipt: Prefix = "CRC"
    credit_note: Prefix = "CRN"
    refund_receipt: Prefix = "RFR"


class PrintsInput(Input):
    """What to print of many orders."""

    model_config = example({"order_ids": ["order_01jd3x4m5nfqe8w6d3cz9k2t7v"], "button": "packing-slip", "paper": "a5"})

    order_ids: list[OrderId] = Field(min_length=1, description="Up to 200, printed in this order.")
    button: Button
    paper: Paper | None = Field(None, description="By default what the store's settings say.")
    skip_missing: bool = Field(False, description="Print the others where an order is missing; the last page lists those that are.")


class TaxPartInput(Input):
    """One of the taxes that a code's tax is printed as, such as CGST and SGST."""

    label: str = Field(min_length=1, max_length=40)
    weight: int = Field(ge=1, le=10_000, description="Its share among the parts of the code's tax.")


class TaxCodeInput(Input):
    """How documents print a code of tax."""

    label: str = Field("", max_length=60, description="Printed before the rate; else the code.")
    category: Category = Field("S", description="As e-invoices name it (UNTDID 5305).")
    note: str = Field("", max_length=500, description="Why no tax is charged, or who owes it: printed once per document that has the code.")
    split: list[TaxPartInput] = Field(default=[], max_length=5, description="Prints the tax as several that add up to it.")


class DocumentSettingsInput(Input):
    """Complete document settings: omitted fields return to their defaults. The logo has its own call."""

    model_config = example(
        {
            "seller": {"name": "Shapla Books", "address": ["House 1, Road 2", "Dhaka 1205"]},
            "footer": "Thank you",
            "language": "auto",
            "paper": "a4",
        }
    )

    seller: SellerInput = SellerInput()
    footer: str = Field("", max_length=500, description="Printed at the foot of every page.")
    terms: str = Field("", max_length=4_000, description="Printed at the end of invoices.")
    language: Literal["auto"] | Language = Field("auto", description="`auto`: the order's own language, if it is one of these, else `en`.")
    labels: dict[Language, dict[Annotated[str, Field(max_length=40)], Label]] = Field(
        default={}, description="The store's own words, by language and key; `{…}` in the original stays in them."
    )
    paper: Paper = Field("a4", description="Default of every print. Receipts are printed on `roll80` where this is a page.")
    render: Render = Field("on_read", description="A new document's picture is made when it is first read, or soon after it is issued.")
    prefixes: PrefixesInput = PrefixesInput()
    tax_codes: dict[Annotated[str, Field(min_length=1, max_length=20)], TaxCodeInput] = Field(
        default={}, max_length=50, description="How the tax codes of orders are printed, by code."
    )
    e_invoice: EInvoiceFormat = Field(
        "off",
        description="`factur-x`: invoices and credit notes issued from now on hold an e-invoice (EN 16931) in their PDF, where nothing"
        " that it needs is missing.",
    )
    slip_shows_due: bool = Field(True, description="Packing and collection slips say, large, how much cash is to be collected.")
