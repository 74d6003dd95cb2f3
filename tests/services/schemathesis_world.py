"""A store with something of everything in it, and fresh resources on demand, for calls that a generator makes up.

A generator alone finds no order and no refund: its calls would all end in 404. So each call that is meant to succeed gets the id of a
resource that can still do what is asked of it, made for it just before.
"""

import random
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx2

from shared.contracts.actor import Actor
from shared.web.tokens import issue
from tests.shop import ISSUER, TOKEN_SECONDS, order_p
from tests.stack import Stack

SEEN_SECONDS = 180.0
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
WIDE = 1_000_000  # units of the lines that thousands of requests share


class World:
    """One store, made for `service`, and a platform that speaks for it. Choices come from a seeded generator."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.urls = stack.urls
        self.store = f"fuzz-{uuid.uuid4().hex[:10]}"
        self.token = self._token(stack, self.store)
        self.settings_token = self._token(stack, f"{self.store}-settings")  # a store of its own for what changes a whole store
        self.choice = random.Random(seed)
        self.client = httpx2.Client(timeout=60)
        self.orders: dict[str, str] = {}
        self.documents: list[str] = []
        self.refunds: list[str] = []
        self.attachment = ""
        self.endpoint, self.delivery, self.event, self.replay = "", "", "", ""
        self._wide: list[str] = []

    def close(self) -> None:
        self.client.close()

    @staticmethod
    def _token(stack: Stack, store: str) -> str:
        actor = Actor(store, "platform", "fuzzer")
        return issue(stack.secret, issuer=ISSUER, actor=actor, lifetime_seconds=TOKEN_SECONDS, now=time.time())

    def call(self, method: str, path: str, json: Any = None, **headers: str) -> Any:
        """One call that must succeed; its JSON."""
        _, service, rest = path.split("/", 2)
        sent = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": uuid.uuid4().hex, **headers}
        answer = self.client.request(method, f"{self.urls[service]}/{rest}", headers=sent, json=json)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def etag(self, path: str, token: str) -> str:
        """The ETag that a change of `path` has to name."""
        _, service, rest = path.split("/", 2)
        answer = self.client.get(f"{self.urls[service]}/{rest}", headers={"Authorization": f"Bearer {token}"})
        return str(answer.headers.get("etag", '"v0"'))

    def prepare(self) -> "World":
        """Orders in every status, a stocked SKU, refunds in every status, a note, their documents, and where events are sent."""
        self.endpoint = self.paused_endpoint()
        for status in ("pending", "confirmed", "picked_up", "shipped", "delivered", "cancelled"):
            self.orders[status] = self.order(paid=True)
            if status == "cancelled":
                self.call("POST", f"/orders/v1/orders/{self.orders[status]}/cancel", {"reason": "changed my mind"})
            elif status != "pending":
                self.move(self.orders[status], status)
        self.call("PUT", "/orders/v1/stock/TEE-1", {"on_hand": WIDE})
        for _ in range(3):
            wide = self.order(paid=True, quantity=WIDE)
            self.move(wide, "delivered")
            self._wide.append(wide)
        self.wait_for("the refund service to know the orders", lambda: all(self._refundable(one) for one in self._wide))
        self.refunds = [self.requested(), self.approved(), self.settled()]
        self.wait_for("documents", lambda: len(self.call("GET", "/documents/v1/documents")["items"]) > 5)
        self.documents = [item["document_id"] for item in self.call("GET", "/documents/v1/documents")["items"]]
        etag = self.etag("/documents/v1/documents-settings", self.token)
        headers = {"Authorization": f"Bearer {self.token}", "If-Match": etag}
        self.client.put(f"{self.urls['documents']}/v1/documents-settings/logo", content=PNG, headers=headers).raise_for_status()
        self.attachment = self.uploaded()
        self.wait_for("the notes service to know the orders", self._noted)
        self.wait_for("deliveries", lambda: bool(self._deliveries()))
        self.delivery, self.event = (self._deliveries()[0][name] for name in ("delivery_id", "event_id"))
        self.replay = self.call("POST", f"/webhooks/v1/webhooks/endpoints/{self.endpoint}/replay", {"state": "parked"})["replay_id"]
        return self

    def wait_for(self, what: str, look: Callable[[], bool]) -> None:
        """Until `look` says so. Raises AssertionError after a generous deadline."""
        deadline = time.monotonic() + SEEN_SECONDS
        while not look():
            assert time.monotonic() < deadline, f"waited in vain for {what}"
            time.sleep(0.05)

    def _refundable(self, order_id: str) -> bool:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.client.get(f"{self.urls['refunds']}/v1/refunds/refundable/{order_id}", headers=headers)
        return answer.status_code == 200 and bool(answer.json()["request"]["allowed"])

    def _noted(self) -> bool:
        headers = {"Authorization": f"Bearer {self.token}"}
        found = (self.client.get(f"{self.urls['notes']}/v1/timeline/{one}", headers=headers) for one in self.orders.values())
        return all(answer.status_code == 200 for answer in found)

    # fresh resources, each able to do what is asked of it

    def order(self, *, paid: bool = False, quantity: int = 2, customer_id: str = "c-1") -> str:
        """A pending order."""
        line = {"sku": "TEE-2", "name": "T-shirt", "quantity": quantity, "unit_price": 5000}
        payments = [{"amount": 5000 * quantity + 1000, "method": "card", "reference": uuid.uuid4().hex}] if paid else []
        customer = {"id": customer_id, "name": "Rahima Begum"}
        return str(self.call("POST", "/orders/v1/orders", order_p(lines=[line], payments=payments, customer=customer))["order_id"])

    def move(self, order_id: str, to: str) -> str:
        """Move an order forward."""
        self.call("POST", f"/orders/v1/orders/{order_id}/transitions", {"to": to})
        return order_id

    def any_order(self) -> str:
        """One of the prepared orders."""
        return self.choice.choice([*self.orders.values(), *self._wide])

    def invoice(self) -> str:
        """The newest invoice of an order of which nothing is credited."""
        items = self.call("GET", f"/documents/v1/documents/orders/{self.orders['confirmed']}")["items"]
        return str([item["document_id"] for item in items if item["kind"] == "invoice"][-1])

    def delivered(self) -> str:
        """A delivered order with units that can still be asked for."""
        return self.choice.choice(self._wide)

    def payment(self) -> tuple[str, str]:
        """An order and its payment, not yet reversed."""
        order_id = self.order()
        body = {"amount": 5000, "method": "cod", "reference": uuid.uuid4().hex}
        paid = self.call("POST", f"/orders/v1/orders/{order_id}/payments", body)
        return order_id, str(paid["payments"][-1]["payment_id"])

    def requested(self, quantity: int = 2) -> str:
        """A refund that waits for a decision."""
        body = {"order_id": self.delivered(), "lines": [{"line": 1, "quantity": quantity}], "reason": "damaged"}
        return str(self.call("POST", "/refunds/v1/refunds", body)["refund_id"])

    def approved(self) -> str:
        """An approved refund whose goods wait for inspection and whose money has not moved."""
        refund_id = self.requested()
        lines = [{"line": 1, "quantity": 2, "disposition": "inspect"}]
        self.call("POST", f"/refunds/v1/refunds/{refund_id}/approve", {"lines": lines})
        return refund_id

    def settled(self) -> str:
        """A settled refund."""
        refund_id = self.approved()
        body = {"outcome": "succeeded", "reference": uuid.uuid4().hex, "method": "card"}
        self.call("POST", f"/refunds/v1/refunds/{refund_id}/settlements", body)
        return refund_id

    def uploaded(self) -> str:
        """A file of a customer."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": uuid.uuid4().hex}
        form: dict[str, Any] = {"files": {"file": ("photo.png", PNG, "image/png")}, "data": {"customer_id": "c-1"}}
        answer = self.client.post(f"{self.urls['refunds']}/v1/attachments", headers=headers, **form)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["attachment_id"])

    def attention(self) -> str:
        """Something that needs attention: a refund that was settled twice."""
        refund_id = self.settled()
        body = {"outcome": "succeeded", "reference": uuid.uuid4().hex, "method": "card"}
        self.call("POST", f"/refunds/v1/refunds/{refund_id}/settlements", body)
        page = self.call("GET", "/refunds/v1/refunds/attention?limit=200")
        found = [item for item in page["items"] if item.get("refund_id") == refund_id] or page["items"]
        return str(found[-1]["attention_id"])

    def parcel(self, order_id: str) -> str:
        """A parcel of this order."""
        body = {"carrier": "Pathao", "number": uuid.uuid4().hex}
        return str(self.call("POST", f"/orders/v1/orders/{order_id}/parcels", body)["parcels"][-1]["parcel_id"])

    def link(self, order_id: str) -> str:
        """A link by which a guest reads this order."""
        return str(self.call("POST", f"/orders/v1/orders/{order_id}/guest-links", {})["link_id"])

    def paused_endpoint(self) -> str:
        """An endpoint that keeps its deliveries."""
        made = self.call("POST", "/webhooks/v1/webhooks/endpoints", {"url": "https://hooks.example/in"})
        self.call("PATCH", f"/webhooks/v1/webhooks/endpoints/{made['endpoint_id']}", {"state": "paused"})
        return str(made["endpoint_id"])

    def _deliveries(self) -> list[Any]:
        return list(self.call("GET", f"/webhooks/v1/webhooks/deliveries?endpoint_id={self.endpoint}")["items"])

    def note(self) -> str:
        """A note of the shop on an order."""
        audience = self.choice.choice(["customer", "private"])
        body = {"order_id": self.any_order(), "audience": audience, "text": "Your parcel waits."}
        return str(self.call("POST", "/notes/v1/notes", body)["note_id"])
