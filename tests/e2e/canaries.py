"""One customer's life through every feature of the services, with a canary in every field that somebody can write into."""

import uuid
from typing import Any

from deploy.operator.registry import SERVICES
from shared.contracts.events import EVENTS
from tests.services.refunds.pictures import pdf, picture
from tests.shop import Answer, Caller, Shop, eventually, order_p

ISSUED = ("billing_name", "billing_street")
"""What the law makes a shop keep: whom an invoice was issued to."""


class Canaries:
    """Words that occur nowhere else: each names the field that it was written into, all share one token."""

    def __init__(self) -> None:
        self.token = f"cn{uuid.uuid4().hex[:10]}"
        self.phone = f"+88017{uuid.uuid4().int % 10**8:08d}"

    def __call__(self, field: str) -> str:
        return f"{self.token}-{field}-"

    def needles(self) -> list[bytes]:
        """What to search for."""
        return [self.token.encode(), self.phone[-9:].encode()]

    def found_in(self, content: bytes | str) -> set[str]:
        """Which fields' canaries are in it."""
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        found = {part.split("-", 1)[0] for part in text.split(f"{self.token}-")[1:]}
        return found | ({"phone"} if self.phone[-9:] in text else set())


class Life:
    """The customer's orders and refunds: `whole` goes from placed to settled refunds, `cancelled` was given up, `late` is of a batch."""

    def __init__(self, shop: Shop, canary: Canaries) -> None:
        self.shop = shop
        self.canary = canary
        self.customer_id = f"c-{uuid.uuid4().hex[:8]}"
        self.customer = shop.customer(self.customer_id)
        self.whole = self.cancelled = self.late = ""
        self.refunds: list[str] = []
        self.attachments: list[str] = []
        self.problems: list[Answer] = []

    def order(self, **changes: Any) -> dict[str, Any]:
        """What the platform sends: a canary in every personal field."""
        c = self.canary
        person = {"id": self.customer_id, "name": c("name"), "email": f"{c('email')}x@example.com", "phone": c.phone}
        to = {"country_code": "BD", "city": "Dhaka", "postal_code": "1205"}
        shipping = {"name": c("shipping_name"), "street_address": c("shipping_street"), "phone": c.phone, "company_name": c("company")}
        billing = to | {"name": c("billing_name"), "street_address": c("billing_street")}
        fields = {"customer": person, "shipping_address": to | shipping, "billing_address": billing, "metadata": {"gift": c("metadata")}}
        return order_p(**fields, **changes)

    async def live(self) -> None:
        """Everything, in order."""
        await self._settings()
        await self._sell()
        await self._write_notes()
        await self._give_back()
        await self._cancel()
        await self._read()

    async def post(self, caller: Caller, path: str, **body: Any) -> Answer:
        """A call that succeeds, once the services know of each other what they need."""

        async def call() -> Answer:
            return (await caller.post(path, json=body)).ok()

        return await eventually(call)

    async def _settings(self) -> None:
        rules = {"manage_stock": False, "attachments": True, "deduct_shipping": False, "window_days": 0}
        (await self.shop.staff.put("/refunds/v1/refund-policy", json=rules, headers={"If-Match": '"v0"'})).ok()
        (await self.shop.staff.put("/notes/v1/notes-settings", json={"customer_answers": True}, headers={"If-Match": '"v0"'})).ok()

    async def _sell(self) -> None:
        """Placed, corrected, shipped, brought in vain, delivered, paid."""
        c, staff = self.canary, self.shop.staff
        self.whole = (await self.shop.platform.post("/orders/v1/orders", json=self.order())).ok()["order_id"]
        order = f"/orders/v1/orders/{self.whole}"
        correction = {"reason": c("edit_reason"), "message": c("edit_message"), "customer": {"name": c("new_name")}}
        (await staff.patch(order, correction, key=uuid.uuid4().hex)).ok()
        wanted = {"lines": [{"line": 1, "quantity": 3}], "reason": c("amend_reason"), "message": c("amend_message")}
        (await staff.post(f"{order}/amendments", json=wanted, headers={"If-Match": '"v2"'})).ok()
        await self.post(staff, f"{order}/transitions", to="confirmed", message=c("confirm_message"))
        part = {"lines": [{"line": 1, "quantity": 1}], "reason": c("part_reason"), "message": c("part_message")}
        await self.post(staff, f"{order}/part-cancellations", **part)
        tracking = {"carrier": "Carrier", "number": c("tracking"), "url": f"https://carrier.example/{c('url')}"}
        await self.post(staff, f"{order}/transitions", to="shipped", message=c("ship_message"), tracking=tracking)
        second = {"carrier": "Carrier", "number": c("parcel"), "url": f"https://carrier.example/{c('parcel_url')}"}
        parcel = (await self.post(staff, f"{order}/parcels", **second))["parcels"][-1]["parcel_id"]
        (await staff.patch(f"{order}/parcels/{parcel}", {"number": c("parcel_corrected")}, key=uuid.uuid4().hex)).ok()
        await self.post(staff, f"{order}/parcels", **second | {"number": c("parcel_removed")})
        await self.post(staff, f"{order}/delivery-failures", reason=c("failed_reason"), reported_by=c("rider"), message=c("failed_message"))
        await self.post(staff, f"{order}/transitions", to="delivered")
        off = {"kind": "written_off", "amount": 1, "reason": "rounding"}
        await self.post(self.shop.platform, f"{order}/closings", **off, note=c("closing_note"))
        paid = await self.post(staff, f"{order}/payments", amount=11000, method="cod", reference="cod-1")
        await self.post(staff, f"{order}/payments", amount=500, method="cod", reference="cod-2")
        second = next(one for one in paid["payments"])["payment_id"]
        await self.post(staff, f"{order}/payments/{second}/reversals", reason=c("reversal_reason"), amount=4000)
        await self.post(staff, f"{order}/payments/{second}/reversals", reason=c("reversal_reason"))
        await self.post(staff, f"{order}/payments", amount=11000, method="cod", reference="cod-3")
        await self.post(staff, f"{order}/guest-links", days=1)

    async def _write_notes(self) -> None:
        c, staff, notes = self.canary, self.shop.staff, "/notes/v1/notes"
        for audience in ("customer", "private"):
            note = (await self.post(staff, notes, order_id=self.whole, audience=audience, text=c(f"{audience}_note")))["note_id"]
            (await staff.patch(f"/notes/v1/notes/{note}", {"text": c(f"{audience}_note_edited")}, key=uuid.uuid4().hex)).ok()
            taken = (await self.post(staff, notes, order_id=self.whole, audience=audience, text=c(f"{audience}_note_retracted")))["note_id"]
            await self.post(staff, f"/notes/v1/notes/{taken}/retract")
        await self.post(self.customer, notes, order_id=self.whole, audience="customer", text=c("answer"))
        refused = {"order_id": self.whole, "audience": "private", "text": f"{c('private_note_refused')}\x01"}
        self.problems.append(await staff.post(notes, json=refused))

    async def _give_back(self) -> None:
        """One request declined, one approved and settled twice, one withdrawn; files with and without a request."""
        c, staff = self.canary, self.shop.staff
        for name, media, content in (("a.pdf", "application/pdf", self._paper()), ("b.jpg", "image/jpeg", picture())):
            file = (f"{c('file_name')}{name}", content, media)
            self.attachments.append((await self.customer.post("/refunds/v1/attachments", files={"file": file})).ok()["attachment_id"])
        texts = {"description": c("description"), "further_information": c("further"), "beyond_window_reason": c("internal_window")}
        account = {"method": c("pay_method"), "account": c("pay_account"), "holder": c("pay_holder")}
        asked = {"order_id": self.whole, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged", "pay_to": account, **texts}
        declined = await self.post(staff, "/refunds/v1/refunds", **asked, attachments=self.attachments[:1])
        refund = f"/refunds/v1/refunds/{declined['refund_id']}"
        await self.post(staff, f"{refund}/decline", internal_reason=c("internal_reason"), message=c("decline_message"))
        approved = await self.post(staff, "/refunds/v1/refunds", **asked)
        refund = f"/refunds/v1/refunds/{approved['refund_id']}"
        await self.post(staff, f"{refund}/approve", message=c("approve_message"))
        failed = {"outcome": "failed", "method": "bkash", "reference": "T-1", "reason": c("internal_settlement")}
        await self.post(staff, f"{refund}/settlements", **failed)
        for reference in ("T-2", "T-3"):
            again = {"outcome": "succeeded", "method": "bkash", "reference": reference, "reason": c("internal_settled")}
            await self.post(staff, f"{refund}/settlements", **again)
        [matter] = (await staff.get("/refunds/v1/refunds/attention")).ok()["items"]
        await self.post(staff, f"/refunds/v1/refunds/attention/{matter['attention_id']}/close", note=c("internal_attention"))
        withdrawn = await self.post(staff, "/refunds/v1/refunds", **asked)
        await self.post(self.customer, f"/refunds/v1/refunds/{withdrawn['refund_id']}/withdraw")
        self.refunds = [one["refund_id"] for one in (declined, approved, withdrawn)]

    def _paper(self) -> bytes:
        """A PDF that says the canary, as a scanned letter would."""
        return pdf(f"1 0 obj<</Type/Catalog/Title({self.canary('file_content')})>>endobj\ntrailer<</Root 1 0 R>>\n".encode())

    async def _cancel(self) -> None:
        """Two more of a batch: one paid and cancelled by the customer, one moved in bulk and cancelled by the shop."""
        c, prepaid = self.canary, {"payments": [{"amount": 11000, "method": "card", "reference": "pay-1"}]}
        batch = await self.post(self.shop.platform, "/orders/v1/orders/batch", orders=[self.order(**prepaid), self.order()])
        self.cancelled, self.late = (item["order"]["order_id"] for item in batch["items"])
        ids = [self.cancelled, self.late]
        items = [{"order_id": order_id, "to": "confirmed", "message": c("bulk_message")} for order_id in ids]
        await self.post(self.shop.staff, "/orders/v1/orders/transitions", items=items)
        account = {"method": c("back_method"), "account": c("back_account"), "holder": c("back_holder")}

        async def said() -> Answer:
            pay_to = f"/refunds/v1/refunds/cancellation/{self.cancelled}/pay-to"
            return (await self.customer.put(pay_to, json={"pay_to": account}, key=uuid.uuid4().hex)).ok()

        await eventually(said)
        by_customer = {"reason": c("cancel_reason"), "message": c("cancel_message")}
        await self.post(self.shop.staff, f"/orders/v1/orders/{self.cancelled}/cancel", **by_customer)
        self.problems.append(await self.customer.post(f"/orders/v1/orders/{self.cancelled}/cancel", json=by_customer))

    async def _read(self) -> None:
        """Searches and prints, which leave their own traces."""
        staff = self.shop.staff
        await staff.get("/orders/v1/orders", params={"email": f"{self.canary('email')}x@example.com"})
        await staff.get("/orders/v1/orders", params={"phone": self.canary.phone})
        await staff.get("/refunds/v1/refunds", params={"q": self.canary("name")})
        (await staff.get("/orders/v1/orders/export?format=jsonl")).ok()
        for button in ("receipt", "invoice", "packing-slip"):
            for kind in ("pdf", "html"):
                await self._seen(f"/documents/v1/prints/{self.late}/{button}?format={kind}")

    async def _seen(self, path: str) -> None:
        """Read once the order has reached the service."""

        async def call() -> Answer:
            return (await self.shop.staff.get(path)).ok()

        await eventually(call)

    @property
    def orders(self) -> tuple[str, str, str]:
        """Every order of the customer."""
        return self.whole, self.cancelled, self.late


async def drained(shop: Shop) -> None:
    """Until every event of the store was sent and has taken effect at each of its readers, twice in a row."""
    before: list[int] = []

    async def at_rest() -> bool:
        counts = await _undelivered(shop)
        before.append(counts[1])
        assert counts[0] == [], counts[0][:3]
        return len(before) > 1 and before[-2:] == [counts[1]] * 2

    await eventually(at_rest)


async def _undelivered(shop: Shop) -> tuple[list[str], int]:
    """What is still on its way, and how many events there are."""
    told: dict[str, list[dict[str, Any]]] = {}
    for service in SERVICES:
        sql = "select event_id::text, type, published_at from events where store_id = {store}"
        told[service] = await shop.rows(service, sql)
    taken = {
        service: {row["event_id"] for row in await shop.rows(service, "select event_id::text from inbox where store_id = {store}")}
        for service in told
    }
    missing = [
        event["type"] for events in told.values() for event in events if event["published_at"] is None and EVENTS[event["type"]].readers
    ]
    for events in told.values():
        missing += [
            f"{event['type']} at {reader}"
            for event in events
            for reader in EVENTS[event["type"]].readers
            if event["event_id"] not in taken[reader]
        ]
    return missing, sum(map(len, told.values()))
