"""Whether a document can be an e-invoice (EN 16931, real-shops.md 3.6), and what it lacks otherwise.

What is embeddable here always passes the standard's own rules: tests/rules/test_e_invoice.py holds both against each other. The standard
is stricter than 3.6 in a few places, each said at its check.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Literal

from services.documents.rules.supplies import Group, Supply, codes_of, groups_of, supplies_of
from services.documents.rules.taxes import explained
from services.documents.state import Contents, Letterhead, SaidTaxCode, TaxNumber
from shared.contracts.currencies import WITHDRAWN
from shared.contracts.events import DocumentKind, Order, Part, TaxRegistration
from shared.contracts.money import exponent

E_INVOICES: frozenset[DocumentKind] = frozenset({"invoice", "credit_note"})
_ISO_3166 = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD "
    "CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF "
    "GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA "
    "NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI "
    "SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
    "VN VU WF WS YE YT ZA ZM ZW "
)
COUNTRIES = frozenset(_ISO_3166.split())
"""ISO 3166-1, as the standard lists it."""
OTHERWISE = {"XK": "1A", "AC": "SH", "TA": "SH"}
"""How the standard names other codes of addresses: Kosovo, and the islands that belong to Saint Helena."""
VAT_PREFIXES = (COUNTRIES - {"SS"}) | {"EL", "XI"}
"""What a VAT number begins with (BR-CO-09): the country, Greece's own prefix, or Northern Ireland's."""

TAXED = frozenset({"S", "L"})  # a rate above 0 (BR-S-05, BR-AF-05)
FREE = frozenset({"Z", "E", "AE", "K", "G", "O"})  # a rate of 0, and no tax (BR-Z-05, BR-Z-09 …)
EXPLAINED = frozenset({"E", "AE", "K", "G", "O"})  # says why (BR-E-10 …)
BUYER_TAXED = frozenset({"AE", "K"})  # the buyer owes the tax, and says its number (BR-AE-02, BR-IC-02)
OUTSIDE = "O"  # stands alone, and with no VAT number (BR-O-02, BR-O-11)
INTRA_COMMUNITY = "K"  # says when the goods went (BR-IC-11)
SLACK_PER_ROW, SLACK = 1, 100  # hundredths: what rounding may leave; the validators' own slack is below 1.00 (BR-S-09)
MOST_OF_A_CODE = 20

Refusal = Literal[
    "seller_vat_missing", "buyer_missing", "rate_missing", "category_unknown", "exemption_text_missing", "buyer_vat_missing",
    "tax_not_by_rate", "currency_decimals",
]  # fmt: skip


class Lack(Part):
    """One reason why a document is no e-invoice: what is missing or wrong, and where to say it.

    The pointer is into the settings (`/seller`, `/tax_codes`), the order (`/customer`, `/billing_address`, `/shipping_address`, `/lines`,
    `/shipping`, `/currency`) or the document's view (`/taxes`).
    """

    pointer: str
    code: Refusal


class EInvoice(Part):
    """Whether a document's PDF holds an e-invoice; and if it is missing, because of what."""

    status: Literal["embedded", "missing"]
    because: tuple[Lack, ...] = ()


def asked(contents: Contents, order: Order, letterhead: Letterhead) -> Contents:
    """The contents of an invoice or a credit note with what an e-invoice needs beside what is printed, where the store wants one; else as
    they are.
    """
    if letterhead.e_invoice == "off":
        return contents
    said: dict[str, str | None] = {"e_invoice": letterhead.e_invoice}
    if contents.shipping or contents.shipping_tax:
        said |= {"shipping_tax_rate": order.shipping_tax_rate, "shipping_tax_code": order.shipping_tax_code}
    contents = contents.model_copy(update=said)
    return explained(contents, letterhead, [one.code for one in supplies_of(contents) if one.code])


def e_invoice_of(contents: Contents) -> EInvoice | None:
    """Whether the document is an e-invoice, or why not; None where none was wanted, or nothing was issued."""
    if contents.e_invoice == "off" or contents.kind not in E_INVOICES or contents.number is None:
        return None
    because = _limited([*_seller(contents), *_buyer(contents), *_currency(contents), *_taxed(contents)])
    return EInvoice(status="missing" if because else "embedded", because=because)


def vat_number(numbers: Iterable[TaxNumber | TaxRegistration]) -> str | None:
    """The first VAT number among these registrations, without spaces; None if there is none that names its country."""
    said = (one.number.replace(" ", "") for one in numbers if one.scheme == "VA")
    return next((number for number in said if number[:2] in VAT_PREFIXES and number[2:]), None)


def country_of(code: str) -> str | None:
    """A country as the standard names it; None if it knows none of this code."""
    code = OTHERWISE.get(code, code)
    return code if code in COUNTRIES or code in OTHERWISE.values() else None


def supplied_to(contents: Contents) -> str | None:
    """The country that the supply went to: of the shipping address, or else the billing address."""
    return country_of(contents.country or (contents.address.country_code if contents.address else ""))


def buyer_name(contents: Contents) -> str:
    """Who the buyer is: the company, or else the person."""
    address, buyer = contents.address, contents.buyer
    names = (buyer.company, address.company_name if address else "", address.name if address else "", buyer.name)
    return next((name for name in names if name.strip()), "")


def _limited(lacks: Iterable[Lack]) -> tuple[Lack, ...]:
    """Not the same of each of 2,000 lines."""
    said: Counter[Refusal] = Counter()
    kept = []
    for lack in lacks:
        said[lack.code] += 1
        if said[lack.code] <= MOST_OF_A_CODE:
            kept.append(lack)
    return tuple(kept)


def _seller(contents: Contents) -> Iterator[Lack]:
    seller = contents.seller
    if not seller.name.strip():
        yield Lack(pointer="/seller/name", code="seller_vat_missing")
    if country_of(seller.country_code) is None:
        yield Lack(pointer="/seller/country_code", code="seller_vat_missing")
    if vat_number(seller.tax_numbers) is None:
        yield Lack(pointer="/seller/tax_numbers", code="seller_vat_missing")


def _buyer(contents: Contents) -> Iterator[Lack]:
    if not buyer_name(contents):
        yield Lack(pointer="/customer/name", code="buyer_missing")
    if contents.address is None or country_of(contents.address.country_code) is None:
        yield Lack(pointer="/billing_address/country_code", code="buyer_missing")
    elif supplied_to(contents) is None:
        yield Lack(pointer="/shipping_address/country_code", code="buyer_missing")


def _currency(contents: Contents) -> Iterator[Lack]:
    if exponent(contents.currency) > 2 or contents.currency in WITHDRAWN:
        yield Lack(pointer="/currency", code="currency_decimals")


def _taxed(contents: Contents) -> Iterator[Lack]:
    """What the supplies lack: a rate, a category that goes with it, and what that category asks for."""
    supplies, codes = supplies_of(contents), codes_of(contents)
    if not supplies:
        yield Lack(pointer="/lines", code="rate_missing")  # BR-16: there is at least one line
    for one in supplies:
        if one.rate is None:
            yield Lack(pointer=f"{one.at}/tax_rate", code="rate_missing")
        if one.code not in codes:
            yield Lack(pointer=f"{one.at}/tax_code", code="category_unknown")
    used = {code: codes[code] for one in supplies if (code := one.code) in codes and code is not None}
    groups = groups_of(supplies, codes)
    yield from _categories(supplies, used)
    yield from _wanted_by_category(contents, used)
    yield from _by_rate(contents, supplies, groups)


def _categories(supplies: Sequence[Supply], used: dict[str, SaidTaxCode]) -> Iterator[Lack]:
    """A category that does not go with its rate, or stands beside one that stands alone, is as good as none."""
    alone = any(known.category == OUTSIDE for known in used.values()) and len({known.category for known in used.values()}) > 1
    for code, known in used.items():
        rates = [one.rate for one in supplies if one.code == code and one.rate is not None]
        contradicts = (known.category in TAXED and any(rate == 0 for rate in rates)) or (known.category in FREE and any(rates))
        if contradicts or (alone and known.category == OUTSIDE):
            yield Lack(pointer=f"/tax_codes/{_token(code)}/category", code="category_unknown")


def _wanted_by_category(contents: Contents, used: dict[str, SaidTaxCode]) -> Iterator[Lack]:
    for code, known in used.items():
        if known.category in EXPLAINED and not known.note.strip():
            yield Lack(pointer=f"/tax_codes/{_token(code)}/note", code="exemption_text_missing")
    categories = {known.category for known in used.values()}
    if categories & BUYER_TAXED and vat_number(contents.buyer.tax_numbers) is None:
        yield Lack(pointer="/customer/tax_numbers", code="buyer_vat_missing")


def _by_rate(contents: Contents, supplies: Sequence[Supply], groups: Sequence[Group]) -> Iterator[Lack]:
    """The tax is what the rates make of the net amounts, up to what rounding line by line leaves, and everything adds up."""
    for one in supplies:
        if one.net < 0 or one.tax < 0:
            yield Lack(pointer=one.at, code="tax_not_by_rate")
    for group in groups:
        if not _is_by_rate(group, contents.currency):
            yield Lack(pointer=_row(contents, group), code="tax_not_by_rate")
    net, tax = sum(one.net for one in supplies), sum(one.tax for one in supplies)
    if (net + tax, tax) != (contents.total, contents.tax):
        yield Lack(pointer="/taxes", code="tax_not_by_rate")


def _is_by_rate(group: Group, currency: str) -> bool:
    hundredths: int = 10 ** max(0, 2 - exponent(currency))
    if group.category in FREE:
        return group.tax == 0
    if group.rate < Decimal("0.5") and group.tax * hundredths * 2 >= SLACK:
        return False  # BR-CO-17 takes a rate that rounds to 0 for none
    apart = abs(group.rounding) * hundredths
    return apart <= SLACK_PER_ROW * len(group.supplies) and apart < SLACK


def _row(contents: Contents, group: Group) -> str:
    """Where the document's own table has the group; the table is by code, so that two codes can be one group."""
    codes = {one.code for one in group.supplies}
    rows = [index for index, row in enumerate(contents.taxes) if row.tax_code in codes and Decimal(row.tax_rate or -1) == group.rate]
    return f"/taxes/{rows[0]}" if rows else "/taxes"


def _token(name: str) -> str:
    """As a JSON pointer writes it (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
