"""A store with one of everything that is somebody's, another store beside it, and everybody who might try to get at it."""

import base64
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from deploy.operator.registry import SERVICES
from shared.contracts.actor import Actor, Role
from shared.contracts.ids import new_id, new_uuid
from shared.web.tokens import issue
from tests.faults.history import quiet
from tests.services.schemathesis_world import PNG
from tests.shop import ISSUER, Shop, eventually, order_p

CANARY = "canary-7d1f"  # stands in every text that only this store may read
PRIVATE = "private-canary-93ab"  # stands in a private note: staff only
INTERNAL = "internal-canary-51ce"  # stands in every reason of staff and platform, some with the very id of the customer
HEADERS = ("link", "location", "etag", "content-disposition", "content-location")


@dataclass(frozen=True)
class Stranger:
    """One kind of caller: the headers that it comes with, and whose eyes it has."""

    name: str
    headers: dict[str, str]
    store: str = ""


FOLLOWS = {"counts", "count_deltas", "figures", "figure_deltas", "cash_out", "cash_out_deltas", "to_send", "to_send_deltas", "renderings"}
"""Made in the background from rows that are compared: counts per status, and the pictures of issued documents."""


@dataclass
class Estate:
    """Ids of what belongs to customer c-1 of the store, and the callers."""

    shop: Shop
    other: Shop
    ids: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)  # what the other store may have of its own
    callers: dict[str, Stranger] = field(default_factory=dict)

    async def prepare(self) -> "Estate":
        """A delivered and paid order with a refund, notes, documents and stock; a second order of another customer; a second store."""
        endpoint_id = await self._endpoint()
        customer = order_p()["customer"] | {"name": f"Rahima {CANARY}"}
        paid = {"customer": customer, "payments": [{"amount": 11_000, "method": "card", "reference": "pay-1"}]}
        placed = (await self.shop.platform.post("/orders/v1/orders", json=order_p(**paid))).ok()
        order_id = placed["order_id"]
        (await self.shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": "delivered"})).ok()
        others = order_p()["customer"] | {"id": "c-2", "email": "other@example.com"}
        another = (await self.shop.platform.post("/orders/v1/orders", json=order_p(customer=others))).ok()["order_id"]
        (await self.other.platform.post("/orders/v1/orders", json=order_p())).ok()
        await self.shop.staff.put("/orders/v1/stock/TEE-1", json={"on_hand": 10})
        await self._reasons(another)
        self.ids = {"order_id": order_id, "another_order_id": another, "payment_id": placed["payments"][0]["payment_id"], "sku": "TEE-1",
                    "button": "receipt", "customer_id": "c-1", "endpoint_id": endpoint_id}  # fmt: skip
        parcel = {"carrier": "Pathao", "number": CANARY, "lines": [{"line": 1, "quantity": 1}]}
        packed = (await self.shop.staff.post(f"/orders/v1/orders/{order_id}/parcels", json=parcel)).ok()
        self.ids["parcel_id"] = packed["parcels"][0]["parcel_id"]
        link = (await self.shop.staff.post(f"/orders/v1/orders/{order_id}/guest-links", json={})).ok()
        self.ids["link_id"] = link["link_id"]
        await self._refunds(order_id)
        await self._notes(order_id)
        documents = await eventually(lambda: self._documents(order_id))
        self.ids["document_id"] = documents[0]["document_id"]
        delivery = (await eventually(lambda: self._deliveries(endpoint_id)))[0]
        replay = (await self.shop.platform.post(f"/webhooks/v1/webhooks/endpoints/{endpoint_id}/replay", json={"state": "parked"})).ok()
        self.ids |= {"delivery_id": delivery["delivery_id"], "event_id": delivery["event_id"], "replay_id": replay["replay_id"]}
        self._name_callers()
        self.missing = {**self.ids, **{name: new_id(name.removesuffix("_id")) for name in self.ids if name.endswith("_id")}}
        self.theirs = {**self.ids, "sku": "THEIRS", "customer_id": "c-theirs"}
        self.missing |= {"sku": "NOT-THERE", "customer_id": "c-nobody", "event_id": str(new_uuid())}
        return self

    async def _reasons(self, order_id: str) -> None:
        """What the shop noted for itself on the order of c-2: by staff and by a platform that have that customer's id."""
        (await self.shop.staff.post(f"/orders/v1/orders/{order_id}/transitions", json={"to": "shipped"})).ok()
        roles: tuple[Role, ...] = ("staff", "platform")
        for role in roles:
            caller = self.shop.caller(role, "c-2")
            path = f"/orders/v1/orders/{order_id}"
            failed = {"reason": INTERNAL, "reported_by": INTERNAL, "message": "We try again."}
            (await caller.post(f"{path}/delivery-failures", json=failed)).ok()
            (await caller.patch(path, json={"reason": INTERNAL, "customer": {"name": f"Rahima of {role}"}})).ok()
        (await self.shop.caller("staff", "c-2").post(f"{path}/cancel", json={"reason": INTERNAL})).ok()

    async def _refunds(self, order_id: str) -> None:
        body: dict[str, Any] = {"order_id": order_id, "lines": [{"line": 1, "quantity": 1}], "reason": "damaged", "description": CANARY}

        async def asked() -> str:
            return str((await self.shop.customer().post("/refunds/v1/refunds", json=body)).ok()["refund_id"])

        settled = await eventually(asked)
        declined = await asked()
        said = {"internal_reason": INTERNAL, "message": "Sorry."}
        (await self.shop.caller("staff", "c-1").post(f"/refunds/v1/refunds/{declined}/decline", json=said)).ok()
        (await self.shop.staff.post(f"/refunds/v1/refunds/{settled}/approve", json={})).ok()
        for reference in ("first", "second"):  # a second success needs attention
            report = {"outcome": "succeeded", "reference": reference, "method": "card"}
            (await self.shop.staff.post(f"/refunds/v1/refunds/{settled}/settlements", json=report)).ok()
        self.ids["attention_id"] = (await self.shop.staff.get("/refunds/v1/refunds/attention")).ok()["items"][0]["attention_id"]
        files = {"file": ("photo.png", PNG, "image/png")}
        uploaded = (await self.shop.customer().post("/refunds/v1/attachments", files=files)).ok()
        self.ids["attachment_id"] = uploaded["attachment_id"]
        body["attachments"] = [uploaded["attachment_id"]]
        self.ids["refund_id"] = await asked()

    async def _notes(self, order_id: str) -> None:
        async def written(audience: str, text: str) -> str:
            return str(
                (await self.shop.staff.post("/notes/v1/notes", json={"order_id": order_id, "audience": audience, "text": text})).ok()[
                    "note_id"
                ]
            )

        self.ids["note_id"] = await eventually(lambda: written("private", f"{PRIVATE} {CANARY}"))
        await written("customer", f"Your parcel waits. {CANARY}")

    async def _endpoint(self) -> str:
        """An endpoint that only collects its deliveries: calls would change the rows that are compared."""
        wanted = {"url": "https://hooks.example/in", "description": CANARY, "personal": True}
        endpoint_id = (await self.shop.staff.post("/webhooks/v1/webhooks/endpoints", json=wanted)).ok()["endpoint_id"]
        (await self.shop.staff.patch(f"/webhooks/v1/webhooks/endpoints/{endpoint_id}", {"state": "paused"})).ok()
        return str(endpoint_id)

    async def _deliveries(self, endpoint_id: str) -> list[Any]:
        return list((await self.shop.staff.get(f"/webhooks/v1/webhooks/deliveries?endpoint_id={endpoint_id}")).ok()["items"])

    async def _documents(self, order_id: str) -> list[Any]:
        return list((await self.shop.staff.get(f"/documents/v1/documents/orders/{order_id}")).ok()["items"])

    def _token(self, actor: Actor, *, lifetime_seconds: int = 3600) -> dict[str, str]:
        now = time.time() - (7200 if lifetime_seconds < 0 else 0)
        token = issue(self.shop.stack.secret, issuer=ISSUER, actor=actor, lifetime_seconds=abs(lifetime_seconds), now=now)
        return {"Authorization": f"Bearer {token}"}

    def _name_callers(self) -> None:
        here, there = self.shop.store, self.other.store
        platform = self._token(Actor(here, "platform", "platform-1"))
        named = {
            "anonymous": {},
            "forged": {"Authorization": platform["Authorization"][:-6] + "AAAAAA"},
            "expired": self._token(Actor(here, "platform", "platform-1"), lifetime_seconds=-60),
            "platform": platform,
            "staff": self._token(Actor(here, "staff", "staff-1")),
            "same_staff": self._token(Actor(here, "staff", "c-1")),
            "same_platform": self._token(Actor(here, "platform", "c-1")),
            "reader": self._token(Actor(here, "staff", "reader-1", read_only=True)),
            "customer": self._token(Actor(here, "customer", "c-1")),
            "behalf": {**platform, "On-Behalf-Of": "c-1"},
            "guest": self._token(Actor(here, "guest", self.ids["order_id"])),
            "other_customer": self._token(Actor(here, "customer", "c-2")),
            "other_behalf": {**platform, "On-Behalf-Of": "c-2"},
            "staff_behalf": {**self._token(Actor(here, "staff", "staff-1")), "On-Behalf-Of": "c-1"},
            "other_staffs_id": self._token(Actor(here, "customer", "staff-1")),
            "other_orders_id": self._token(Actor(here, "customer", self.ids["order_id"])),
            "other_platforms_id": {**platform, "On-Behalf-Of": "platform-1"},
            "other_guest": self._token(Actor(here, "guest", self.ids["another_order_id"])),
            "foreign_platform": self._token(Actor(there, "platform", "platform-1")),
            "foreign_staff": self._token(Actor(there, "staff", "staff-1")),
            "foreign_customer": self._token(Actor(there, "customer", "c-1")),
            "foreign_behalf": {**self._token(Actor(there, "platform", "platform-1")), "On-Behalf-Of": "c-1"},
            "foreign_guest": self._token(Actor(there, "guest", self.ids["order_id"])),
        }
        self.callers = {name: Stranger(name, headers, there if name.startswith("foreign") else here) for name, headers in named.items()}

    async def snapshot(self) -> dict[str, str]:
        """A digest of every row that the store has, in every table of every service; whether an event is sent yet does not count."""
        found = {}
        for service in SERVICES:
            columns = "select table_name from information_schema.columns where table_schema = $2 and column_name = 'store_id'"
            tables = await self.shop.rows(service, f"{columns} and {{store}}::text is not null", service)
            for table in sorted({row["table_name"] for row in tables} - FOLLOWS):
                row = "to_jsonb(t) - 'published_at'"
                digest = (
                    f"select md5(string_agg(({row})::text, '|' order by ({row})::text)) as it from {table} t where store_id = {{store}}"
                )
                found[f"{service}.{table}"] = str((await self.shop.rows(service, digest))[0]["it"])
        return found

    async def settled(self) -> dict[str, str]:
        """A snapshot once nothing is on its way any more."""
        await quiet(self.shop)
        seen: list[dict[str, str]] = []

        async def twice() -> dict[str, str]:
            seen.append(await self.snapshot())
            assert len(seen) > 2
            assert seen[-1] == seen[-2] == seen[-3]
            return seen[-1]

        return await eventually(twice)


async def send(client: httpx2.AsyncClient, method: str, url: str, headers: dict[str, str], **content: Any) -> tuple[int, bytes]:
    """One call; of a live stream only its beginning. Behind the body stands what its headers tell, and its cursors in clear."""
    keyed = {"Idempotency-Key": uuid.uuid4().hex} if method == "POST" else {}
    async with client.stream(method, url, headers={**keyed, **headers}, **content) as answer:
        if answer.headers.get("content-type", "").startswith("text/event-stream"):
            return answer.status_code, b""
        body = await answer.aread()
    told = [answer.headers[name] for name in HEADERS if name in answer.headers]
    return answer.status_code, b"\n".join([body, *(text.encode() for text in [*told, *cursors(body)])])


def cursors(body: bytes) -> list[str]:
    """What the cursors of a page say to whoever decodes them."""
    found = [match[1] for match in re.finditer(r'_cursor":"([^"]+)"', body.decode("utf-8", "replace"))]
    return [base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)).decode() for one in found]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(operation id, method, path) of every route in an OpenAPI document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path
