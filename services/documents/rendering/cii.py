"""An invoice or a credit note as an e-invoice: a Cross Industry Invoice (UN/CEFACT) of the profile EN 16931, from the sealed contents.

The comments name the standard's own terms (BT: business term, BG: group of them). The order of elements is the schema's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from xml.etree import ElementTree as ET

from services.documents.rendering.catalogues import Catalogue, catalogue
from services.documents.rendering.words import money, paragraphs, printable
from services.documents.rules.e_invoice import (
    EXPLAINED,
    INTRA_COMMUNITY,
    OUTSIDE,
    buyer_name,
    country_of,
    e_invoice_of,
    supplied_to,
    vat_number,
)
from services.documents.rules.supplies import Group, Supply, codes_of, decimal_of, groups_of, price_of, supplies_of
from services.documents.state import Contents
from shared.contracts.events import Address

GUIDELINE = "urn:cen.eu:en16931:2017"
_URN = "urn:un:unece:uncefact:data:standard"
SPACES = {"rsm": f"{_URN}:CrossIndustryInvoice:100", "ram": f"{_URN}:ReusableAggregateBusinessInformationEntity:100",
          "udt": f"{_URN}:UnqualifiedDataType:100", "qdt": f"{_URN}:QualifiedDataType:100"}  # fmt: skip
TYPES = {"invoice": "380", "credit_note": "381"}  # UNTDID 1001
MEANS = {"cod": "10", "cash": "10", "cheque": "20", "check": "20", "bank": "42", "bank_transfer": "42", "transfer": "42", "card": "48",
         "credit_card": "54", "debit_card": "55", "direct_debit": "49", "paypal": "68", "bkash": "68", "nagad": "68"}  # fmt: skip
"""UNTDID 4461. A transfer is a payment to an account (42): the codes of transfers proper (30, 58) ask for the account."""
UNKNOWN_MEANS = "1"
DELIVERY = "DL"  # UNTDID 7161
PIECE = "C62"  # UN/ECE recommendation 20: one
HARMONISED = "HS"  # UNTDID 7143
_NO_XML = {0xFFFE: "�", 0xFFFF: "�"}


def cross_industry_invoice(contents: Contents) -> str | None:
    """The XML of a document that is an e-invoice, the same for the same contents; None for any other."""
    said = e_invoice_of(contents)
    if said is None or said.status == "missing":
        return None
    for prefix, space in SPACES.items():
        ET.register_namespace(prefix, space)
    body = ET.tostring(_Writer.of(contents).invoice(), encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _tag(name: str) -> str:
    """`ram:Name` with its namespace; `ram` where none is named."""
    prefix, _, local = name.rpartition(":")
    return f"{{{SPACES[prefix or 'ram']}}}{local}"


Part = ET.Element | None


def _text(name: str, text: str | None, **attributes: str) -> Part:
    """An element with this text; none where there is no text."""
    cleaned = printable(text or "").translate(_NO_XML)
    return _kept(name, cleaned, **attributes) if cleaned else None


def _kept(name: str, text: str, **attributes: str) -> ET.Element:
    element = ET.Element(_tag(name), attributes)
    element.text = text
    return element


def _group(name: str, *parts: Part | Iterable[Part]) -> Part:
    """An element of elements; none where it would be empty."""
    element = ET.Element(_tag(name))
    for part in parts:
        if isinstance(part, ET.Element):
            element.append(part)
        elif part is not None:
            element.extend(one for one in part if one is not None)
    return element if len(element) else None


def _day(name: str, on: date | None, space: str = "udt") -> Part:
    return None if on is None else _group(name, _kept(f"{space}:DateTimeString", on.strftime("%Y%m%d"), format="102"))


def _number(value: Decimal) -> str:
    """A decimal without exponent or trailing zeros."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


@dataclass(frozen=True, slots=True)
class _Writer:
    contents: Contents
    words: Catalogue
    supplies: list[Supply]
    groups: list[Group]
    is_outside: bool  # not subject to VAT: no VAT number may be named

    @classmethod
    def of(cls, contents: Contents) -> "_Writer":
        supplies = supplies_of(contents)
        groups = groups_of(supplies, codes_of(contents))
        words = catalogue(contents.language).said({key: printable(text) for key, text in contents.labels.items()})
        return cls(contents, words, supplies, groups, any(group.category == OUTSIDE for group in groups))

    def invoice(self) -> ET.Element:
        root = ET.Element(_tag("rsm:CrossIndustryInvoice"))
        parts = [self._context(), self._document(), self._transaction()]
        root.extend(part for part in parts if part is not None)
        return root

    def _amount(self, name: str, minor: int, **attributes: str) -> ET.Element:
        return _kept(name, format(decimal_of(minor, self.contents.currency), "f"), **attributes)

    def _money(self, minor: int) -> str:
        return money(minor, self.contents.currency, self.contents.language)

    def _context(self) -> Part:
        return _group("rsm:ExchangedDocumentContext", _group("GuidelineSpecifiedDocumentContextParameter", _text("ID", GUIDELINE)))  # BT-24

    def _document(self) -> Part:
        said = self.contents
        return _group(
            "rsm:ExchangedDocument",
            _text("ID", said.number),  # BT-1
            _text("TypeCode", TYPES[said.kind]),  # BT-3
            _day("IssueDateTime", said.issued_on),  # BT-2
            [_group("IncludedNote", _text("Content", note)) for note in self._notes()],  # BT-22
        )

    def _notes(self) -> list[str]:
        """What the print says and the standard has no term for: what a credit is for, what was kept of it, the place of supply."""
        said, label = self.contents, self.words.label
        notes = [f"{fee.name}: −{self._money(fee.amount)}" for fee in said.fees]
        if said.nature is not None:
            reason = label.get(f"reason_{said.reason}", said.reason)
            notes.insert(0, ": ".join(text for text in (label[f"nature_{said.nature}"], reason) if text))
        if said.cause == "shipping_kept":
            notes.append(label["shipping_kept"])
        if said.order_terms.place_of_supply:
            notes.append(f"{label['place_of_supply']}: {said.order_terms.place_of_supply}")
        return notes

    def _transaction(self) -> Part:
        charged = self._charged()
        lines = [one for one in self.supplies if one is not charged]
        return _group(
            "rsm:SupplyChainTradeTransaction",
            [self._line(one) for one in lines],
            self._agreement(),
            self._delivery(),
            self._settlement(lines, charged),
        )

    def _charged(self) -> Supply | None:
        """The shipping, as a charge on what was bought; where that is all, it is the line (BR-16: there is one)."""
        return next((one for one in self.supplies if one.line is None), None) if len(self.supplies) > 1 else None

    def _category(self, one: Supply) -> str:
        return codes_of(self.contents)[one.code or ""].category

    def _rated(self, name: str, one: Supply) -> Part:
        """BT-151, BT-152; BT-102, BT-103. What is outside the scope of VAT has no rate (BR-O-05)."""
        category, rate = self._category(one), one.rate or Decimal(0)
        percent = None if category == OUTSIDE else _kept("RateApplicablePercent", _number(rate))
        return _group(name, _text("TypeCode", "VAT"), _text("CategoryCode", category), percent)

    def _line(self, one: Supply) -> Part:
        line = one.line
        number = "1" if line is None else str(line.line)
        return _group(
            "IncludedSupplyChainTradeLineItem",
            _group("AssociatedDocumentLineDocument", _text("LineID", number)),  # BT-126
            self._product(one, number),
            _group(
                "SpecifiedLineTradeAgreement",
                _group("NetPriceProductTradePrice", _kept("ChargeAmount", _number(price_of(one, self.contents.currency)))),  # BT-146
            ),
            _group("SpecifiedLineTradeDelivery", _kept("BilledQuantity", str(one.quantity), unitCode=PIECE)),  # BT-129, BT-130
            _group(
                "SpecifiedLineTradeSettlement",
                self._rated("ApplicableTradeTax", one),
                _group("SpecifiedTradeSettlementLineMonetarySummation", self._amount("LineTotalAmount", one.net)),  # BT-131
            ),
        )

    def _product(self, one: Supply, number: str) -> Part:
        line = one.line
        if line is None:
            return _group("SpecifiedTradeProduct", _text("Name", self.words.label["shipping"]))
        options = [(_text("Description", option.name), _text("Value", option.value)) for option in line.options]
        return _group(
            "SpecifiedTradeProduct",
            _text("SellerAssignedID", line.sku),  # BT-155
            _text("Name", next(text for text in (line.name, line.sku, number) if printable(text))),  # BT-153
            [_group("ApplicableProductCharacteristic", *both) for both in options if None not in both],  # BT-160, BT-161
            _group("DesignatedProductClassification", _text("ClassCode", line.commodity_code, listID=HARMONISED)),  # BT-158
        )

    def _agreement(self) -> Part:
        said = self.contents
        return _group(
            "ApplicableHeaderTradeAgreement",
            _text("BuyerReference", said.buyer.reference),  # BT-10
            self._seller(),
            self._buyer(),
            _group("SellerOrderReferencedDocument", _text("IssuerAssignedID", said.order_number)),  # BT-14
            _group("BuyerOrderReferencedDocument", _text("IssuerAssignedID", said.buyer.reference)),  # BT-13
        )

    def _seller(self) -> Part:
        seller = self.contents.seller
        vat = vat_number(seller.tax_numbers)
        fiscal = next((number.number for number in seller.tax_numbers if number.scheme == "FC"), None)
        return _group(
            "SellerTradeParty",
            _text("ID", vat) if self.is_outside else None,  # BT-29, so that the seller is identified all the same (BR-CO-26)
            _text("Name", seller.name),  # BT-27
            _group(
                "DefinedTradeContact",
                _group("TelephoneUniversalCommunication", _text("CompleteNumber", seller.phone)),  # BT-42
                _group("EmailURIUniversalCommunication", _text("URIID", seller.email)),  # BT-43
            ),
            _group("PostalTradeAddress", _lines(seller.address), _text("CountryID", country_of(seller.country_code))),  # BT-35, 36, 162, 40
            None if self.is_outside else _group("SpecifiedTaxRegistration", _text("ID", vat, schemeID="VA")),  # BT-31
            _group("SpecifiedTaxRegistration", _text("ID", fiscal, schemeID="FC")),  # BT-32
        )

    def _buyer(self) -> Part:
        said, name = self.contents, buyer_name(self.contents)
        person = said.address.name if said.address else said.buyer.name
        vat = None if self.is_outside else vat_number(said.buyer.tax_numbers)
        return _group(
            "BuyerTradeParty",
            _text("Name", name),  # BT-44
            _group("DefinedTradeContact", _text("PersonName", person)) if person != name else None,  # BT-56
            _postal(said.address) if said.address else None,
            _group("SpecifiedTaxRegistration", _text("ID", vat, schemeID="VA")),  # BT-48
        )

    def _delivery(self) -> Part:
        """BT-80 and BT-72. An intra-community supply has a day (BR-IC-11): no other than that of issue, unless one is said."""
        said = self.contents
        where = _text("CountryID", supplied_to(said))
        is_intra = any(group.category == INTRA_COMMUNITY for group in self.groups)
        on = said.order_terms.supplied_on or (said.issued_on if is_intra else None)
        return _group(
            "ApplicableHeaderTradeDelivery",
            _group("ShipToTradeParty", _group("PostalTradeAddress", where)),
            _group("ActualDeliverySupplyChainEvent", _day("OccurrenceDateTime", on)),
        )

    def _settlement(self, lines: list[Supply], charged: Supply | None) -> Part:
        said = self.contents
        return _group(
            "ApplicableHeaderTradeSettlement",
            _text("InvoiceCurrencyCode", said.currency),  # BT-5
            self._means(),
            [self._taxes(group) for group in self.groups],
            self._charge(charged) if charged else None,
            _group(
                "SpecifiedTradePaymentTerms",
                _text("Description", self._terms()),  # BT-20
                _day("DueDateDateTime", said.order_terms.payment_due_on),  # BT-9
            ),
            self._sums(lines, charged),
            self._corrected(),
        )

    def _means(self) -> Part:
        """BG-16."""
        method = self.contents.order_terms.payment_method
        if not method:
            return None
        code = MEANS.get(method.lower(), UNKNOWN_MEANS)
        name = self.words.method.get(method, method)
        return _group("SpecifiedTradeSettlementPaymentMeans", _text("TypeCode", code), _text("Information", name))  # BT-81, BT-82

    def _taxes(self, group: Group) -> Part:
        """A row of BG-23."""
        notes = "; ".join(note for note in group.notes if note.strip())
        return _group(
            "ApplicableTradeTax",
            self._amount("CalculatedAmount", group.tax),  # BT-117
            _text("TypeCode", "VAT"),
            _text("ExemptionReason", notes) if group.category in EXPLAINED else None,  # BT-120; the others have none (BR-S-10)
            self._amount("BasisAmount", group.net),  # BT-116
            _text("CategoryCode", group.category),  # BT-118
            None if group.category == OUTSIDE else _kept("RateApplicablePercent", _number(group.rate)),  # BT-119
        )

    def _charge(self, one: Supply) -> Part:
        """BG-21: the shipping."""
        return _group(
            "SpecifiedTradeAllowanceCharge",
            _group("ChargeIndicator", _kept("udt:Indicator", "true")),
            self._amount("ActualAmount", one.net),  # BT-99
            _text("ReasonCode", DELIVERY),  # BT-105
            _text("Reason", self.words.label["shipping"]),  # BT-104
            self._rated("CategoryTradeTax", one),
        )

    def _terms(self) -> str | None:
        """The seller's terms, or else what is still to be paid: where something is, the standard wants a word about it (BR-CO-25)."""
        said, label = self.contents, self.words.label
        if said.kind == "credit_note":
            return f"{label['credited']}: {self._money(said.total)}"
        due = said.total - self._paid()
        return " ".join(paragraphs(said.terms)) or (f"{label['balance']}: {self._money(due)}" if due > 0 else None)

    def _paid(self) -> int:
        """What was paid when it was issued. Shipping is kept only of what was paid; a credit is paid by nobody."""
        if self.contents.cause == "shipping_kept":
            return self.contents.total
        return 0 if self.contents.kind == "credit_note" else self.contents.paid or 0

    def _sums(self, lines: list[Supply], charged: Supply | None) -> Part:
        """BG-22."""
        net, tax = sum(one.net for one in self.supplies), sum(one.tax for one in self.supplies)
        paid = self._paid()
        return _group(
            "SpecifiedTradeSettlementHeaderMonetarySummation",
            self._amount("LineTotalAmount", sum(one.net for one in lines)),  # BT-106
            self._amount("ChargeTotalAmount", charged.net) if charged else None,  # BT-108
            self._amount("TaxBasisTotalAmount", net),  # BT-109
            self._amount("TaxTotalAmount", tax, currencyID=self.contents.currency),  # BT-110
            self._amount("GrandTotalAmount", net + tax),  # BT-112
            self._amount("TotalPrepaidAmount", paid) if paid else None,  # BT-113
            self._amount("DuePayableAmount", net + tax - paid),  # BT-115; below 0 where too much was paid
        )

    def _corrected(self) -> Part:
        """BG-3: the invoice that a credit note is about, ours or another system's."""
        about = self.contents.refers_to or self.contents.refers_to_external
        if about is None:
            return None
        on = _day("FormattedIssueDateTime", about.issued_on, "qdt")
        return _group("InvoiceReferencedDocument", _text("IssuerAssignedID", about.number), on)  # BT-25, BT-26


def _lines(lines: Iterable[str]) -> list[Part]:
    """BT-35, BT-36 and BT-162 (of a buyer BT-50, BT-51 and BT-163): as many lines as there may be."""
    said = [text for text in map(printable, lines) if text]
    places = [*said[:2], ", ".join(said[2:])]
    return [_text(name, text) for name, text in zip(("LineOne", "LineTwo", "LineThree"), places, strict=False)]


def _postal(address: Address) -> Part:
    """BG-8."""
    return _group(
        "PostalTradeAddress",
        _text("PostcodeCode", address.postal_code),  # BT-53
        _lines([*address.street_address.split("\n"), address.city_area]),
        _text("CityName", address.city),  # BT-52
        _text("CountryID", country_of(address.country_code)),  # BT-55
        _text("CountrySubDivisionName", address.country_area),  # BT-54
    )
