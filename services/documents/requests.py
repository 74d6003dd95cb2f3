"""Request bodies."""

from typing import Annotated, Literal

from pydantic import Field

from services.documents.state import Button, Category, EInvoiceFormat, Language, Paper, Render
from services.documents.state.issuing import Mode
from shared.contracts.events import DocumentKind
from shared.contracts.ids import OrderId
from shared.web.inputs import Composed, Day, Input, Name, Text, example

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


class IssueInput(Input):
    """Who issues documents of a kind: we do (`on`), nobody does (`off`), or another system does (`elsewhere`)."""

    mode: Mode = "on"
    from_day: Day | None = Field(
        None, alias="from", description="The store's day from which it applies. Without one, or with today or earlier: from now on."
    )


class IssuesInput(Input):
    """Who issues which documents. What happened before a change is never issued, or taken back, because of it."""

    invoice: IssueInput = IssueInput()
    receipt: IssueInput = Field(IssueInput(), description="A cancelling receipt follows its receipt.")
    credit_note: IssueInput = IssueInput()
    refund_receipt: IssueInput = IssueInput()


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
    print_delivery_place: bool = Field(
        False, description="Invoices say where the goods go: the shipping address as at confirmation, also if it is corrected later."
    )
    e_invoice: EInvoiceFormat = Field(
        "off",
        description="`factur-x`: invoices and credit notes issued from now on hold an e-invoice (EN 16931) in their PDF, where nothing"
        " that it needs is missing.",
    )
    issue: IssuesInput = Field(IssuesInput(), description="Which documents are issued here, from when on.")
    start: dict[DocumentKind, Annotated[int, Field(ge=1, le=999_999_999)]] = Field(
        default={}, description="The first number of this year's series, while it is unused; otherwise 1."
    )
    slip_shows_due: bool = Field(True, description="Packing and collection slips say, large, how much cash is to be collected.")


class BilledAddressInput(Input):
    """A billing address, printed as it is sent; a correction is the shop's own statement, so no country's rules are applied."""

    country_code: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")]
    name: Name = ""
    company_name: Name = ""
    street_address: Annotated[str, Composed, Text(2_000)] = ""
    city: Name = ""
    city_area: Name = ""
    country_area: Name = ""
    postal_code: Name = ""
    sorting_code: Name = ""
    phone: Name = ""


class BuyerTaxNumberInput(Input):
    """A registration of the buyer's company. `scheme` is its code in UNTDID 1153, such as `VA` for a VAT number."""

    label: Annotated[str, Text(60, min_characters=1)]
    number: Annotated[str, Text(60, min_characters=1)]
    scheme: Annotated[str, Text(20, min_characters=1)] | None = None


class CorrectionInput(Input):
    """What an invoice should have said of its buyer. What is absent stays; lines and money are never corrected."""

    model_config = example(
        {"reason": "the company's name was missing", "company": "Shapla Ltd", "tax_numbers": [{"label": "BIN", "number": "000123456-0101"}]}
    )

    reason: Annotated[str, Composed, Text(500, min_characters=1)] = Field(description="For the shop; never printed.")
    billing_address: BilledAddressInput | None = None
    company: Name | None = None
    tax_numbers: Annotated[list[BuyerTaxNumberInput], Field(max_length=5)] | None = None
    buyer_reference: Annotated[str, Composed, Text(100)] | None = None
    supplied_on: Day | None = None
