"""Makes the demo's calls and shows their effects, for people or (`--json`) for tools."""

import uuid
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import httpx2
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from deploy.local.demo.wire import Seen, Wire
from deploy.operator import running
from deploy.operator.output import Output
from deploy.operator.registry import SERVICES
from deploy.operator.state import State
from deploy.operator.tokens import local_token
from deploy.operator.trouble import Trouble
from shared.contracts.actor import Actor, Role
from shared.contracts.money import decimal_text

TOKEN_SECONDS = 900
COLOURS = dict(zip(SERVICES, cycle(("cyan", "magenta", "yellow", "green", "blue")), strict=False))
Json = dict[str, Any]


class Stage:
    """The callers, the wire, and the console on which the demo is shown."""

    def __init__(self, state: State, wire: Wire, client: httpx2.AsyncClient, output: Output, console: Console) -> None:
        self.state = state
        self.wire = wire
        self.client = client
        self.output = output
        self.console = console
        self.events: list[Seen] = []
        self._told = 0

    def title(self, text: str) -> None:
        """Print the heading of a new part."""
        if not self.output.as_json:
            self.console.print(f"\n[bold]{text}[/bold]")

    def space(self) -> None:
        """Print an empty line."""
        if not self.output.as_json:
            self.console.print()

    async def call(self, role: Role, who: str, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None) -> Json:
        """Make one call without showing it; the response's JSON, with its ETag as `etag`. Raises Trouble naming the problem's code."""
        answer = await self._request(role, who, method, path, body, headers=headers)
        content: Json = answer.json() if answer.content else {}
        if answer.status_code >= 400:
            detail = f"{content.get('code')}: {content.get('detail') or content.get('errors') or content.get('title')}"
            raise Trouble(f"{method} {path} was answered with {answer.status_code} {detail}", "see `./aftersale doctor`")
        return content | {"status_code": answer.status_code, "etag": answer.headers.get("etag", "")}

    async def pdf(self, role: Role, who: str, path: str) -> bytes:
        """Fetch a document as its customer does. Raises Trouble unless it is a PDF."""
        answer = await self._request(role, who, "GET", path)
        if not answer.content.startswith(b"%PDF-"):
            raise Trouble(f"GET {path} was answered with {answer.status_code} and no PDF", "see `./aftersale doctor`")
        return answer.content

    async def _request(
        self, role: Role, who: str, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> httpx2.Response:
        service, _, rest = path.partition("/")
        token = local_token(self.state, Actor(self.wire.store, role, who), TOKEN_SECONDS)
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        if method == "POST":
            sent["Idempotency-Key"] = uuid.uuid4().hex
        try:
            return await self.client.request(method, f"{running.address(service)}/{rest}", json=body, headers=sent)
        except httpx2.HTTPError as error:
            raise Trouble(f"{method} {path}: {error!r}", "`make up`, or see `./aftersale doctor`") from error

    def show(self, who: str, does: str, call: str, answer: Json, *, says: str) -> None:
        """Show a call with its response."""
        if self.output.as_json:
            self.output.result({"who": who, "does": does, "call": call, "status": answer["status_code"], "answer": says}, lambda _: None)
            return
        self.console.print(f"\n[bold]{who}[/bold] {does}")
        line = Text("  ")
        method, _, path = call.partition(" ")
        line.append(f"{method} ", style="bold")
        line.append("/".join(f"{part[:12]}…" if "_" in part and len(part) > 24 else part for part in path.split("/")))
        line.append(f"  {answer['status_code']}  ", style="bold green")
        line.append(says)
        self.console.print(line)

    async def cross(self, order_id: str, *types: str) -> list[Seen]:
        """Wait for these events of the order to cross RabbitMQ and to take effect everywhere, and show every one that did."""
        events = await self.wire.expect(order_id, types, self._told)
        self._told = len(self.wire.seen)
        self.events += events
        for event in events:
            self._show_event(event)
        return events

    def found(self, text: str, value: Json) -> None:
        """Show something that was looked up afterwards and was as expected."""
        if self.output.as_json:
            self.output.result({"found": text} | value, lambda _: None)
        else:
            self.console.print(f"  [green]✓[/green] {escape(text)}")

    def _show_event(self, event: Seen) -> None:
        reached = {reader: round(ms or 0, 1) for reader, ms in event.reached_ms.items()}
        if self.output.as_json:
            shown = {"event": event.type, "id": str(event.event_id), "source": event.source, "subject": event.subject}
            self.output.result(shown | {"sequence": event.sequence, "reached_ms": reached, "says": point(event)}, lambda _: None)
            return
        line = Text("    ⇢ ")
        line.append(f"{event.type:<26}", style=f"bold {COLOURS.get(event.source, 'white')}")
        line.append(f"{point(event)}  " if point(event) else "", style="default")
        for number, (reader, ms) in enumerate(sorted(reached.items())):
            line.append(" · " if number else "→ ", style="dim")
            line.append(reader, style=COLOURS.get(reader, "white"))
            line.append(f" {ms:.0f} ms", style="dim")
        self.console.print(line)
        for reader in sorted(reached):
            if did := DOES.get((reader, event.type.rpartition(".")[0])) or DOES.get((reader, event.type.partition(".")[0])):
                self.console.print(f"        [dim]{reader}: {did}[/dim]")


DOES: dict[tuple[str, str], str] = {
    ("refunds", "order.placed"): "keeps its own copy of the order",
    ("refunds", "order.delivered"): "marks its copy as delivered: the customer may now request a refund",
    ("refunds", "order.payment_recorded"): "records what was collected: an approval may not exceed it",
    ("refunds", "order.cancelled"): "decides the refund automatically",
    ("documents", "order.confirmed"): "issues the invoice",
    ("documents", "order.payment_recorded"): "issues the receipt",
    ("documents", "refund.approved"): "issues the credit note, or a refund receipt where nothing was invoiced",
    ("orders", "refund.approved"): "restocks the goods, once, and shows what was refunded",
    ("notes", "refund.requested"): "adds a timeline entry; no message goes out, as the seed requires",
}
"""What a reader does with an event beyond updating its copy or timeline; the results appear as further events below."""


def point(event: Seen) -> str:
    """The gist of an event in a few words."""
    data = event.data
    if event.type.startswith("document."):
        return f"{data['kind'].replace('_', ' ')} {data['number']}"
    if event.type.startswith("stock."):
        return f"{data['sku']} {data['quantity']:+d}, {data['on_hand']} on hand"
    if event.type.startswith("refund.") and "refund" in data:
        refund = data["refund"]
        return f"{refund['currency']} {decimal_text(refund['amount'], refund['currency'])} ({refund['cause']})"
    return f"version {data['order']['version']}" if "order" in data else ""


def total_ms(events: Sequence[Seen]) -> list[float]:
    """How long each event took from its recording to each reader, in milliseconds."""
    return sorted(ms for event in events for ms in event.reached_ms.values() if ms is not None)
