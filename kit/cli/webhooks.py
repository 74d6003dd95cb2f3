"""`endpoints …`, `deliveries …` and `events …`, to be mounted by a command line."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

import typer

from kit.host import Host

if TYPE_CHECKING:
    from kit.client import Client  # imported for types only, so that every command starts quickly

Store = Annotated[str, typer.Option(help="The store (tenant).")]
Token = Annotated[
    str, typer.Option(envvar="AFTERSALE_TOKEN", help="A platform token of the store (default: one as from `aftersale token platform`).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object per line.")]
EndpointId = Annotated[str, typer.Argument(help="The endpoint's id.")]
Types = Annotated[list[str] | None, typer.Option("--type", help="Only these event types, such as `order.*`; may be repeated.")]
Work = Callable[["Client"], Awaitable[Any]]
Columns = Sequence[tuple[str, str]]

ENDPOINT: Columns = (
    ("endpoint_id", "endpoint"),
    ("kind", "kind"),
    ("state", "state"),
    ("url", "url"),
    ("types", "types"),
    ("failures", "failures"),
)
DELIVERY: Columns = (
    ("delivery_id", "delivery"), ("state", "state"), ("type", "type"), ("subject", "about"), ("attempts", "attempts"), ("due_at", "due"),
)  # fmt: skip
EVENT: Columns = (("position", "position"), ("type", "type"), ("subject", "about"), ("id", "event"), ("received_at", "received"))


def plain(found: Any) -> Any:
    """A model's fields as JSON has them; anything else as it is."""
    return found.model_dump(mode="json") if hasattr(found, "model_dump") else found


class Commands:
    """What the commands have in common: they call the API with the client, and print what it answers."""

    def __init__(self, host: Callable[[], Host]) -> None:
        self._host = host

    def show(self, store: str, token: str, columns: Columns, work: Work, *, as_json: bool) -> None:
        """Print what `work` finds with a client: a list as a table, a model or a dict by its fields. Raises CannotDo."""
        from kit.cli.asking import asked
        from kit.cli.shown import shown

        host = self._host()
        found = asyncio.run(asked(host.address(), token or host.token(store), work))
        value = [plain(one) for one in found] if isinstance(found, list) else plain(found)
        host.output(as_json).result(value, lambda console: shown(console, value, columns))


def endpoints(host: Callable[[], Host]) -> typer.Typer:
    """Commands about where events are sent."""
    app, commands = typer.Typer(help="Where a store's events are sent.", no_args_is_help=True), Commands(host)

    @app.command("list")
    def listed(*, store: Store = "demo", token: Token = "", as_json: AsJson = False) -> None:
        """List the store's endpoints, and how each is doing."""

        async def work(client: "Client") -> Any:
            return [one async for one in client.webhooks.all_endpoints()]

        commands.show(store, token, ENDPOINT, work, as_json=as_json)

    @app.command()
    def create(
        url: Annotated[str, typer.Argument(help="An https URL; on this machine http too, if `make up` runs the system.")] = "",
        *,
        queue: Annotated[bool, typer.Option("--queue", help="A queue of the store's own, read by AMQP, instead of a URL.")] = False,
        types: Types = None,
        personal: Annotated[bool, typer.Option("--personal", help="Send names, addresses and free text too.")] = False,
        in_order: Annotated[bool, typer.Option("--in-order", help="Send each order's events strictly one after the other.")] = False,
        store: Store = "demo",
        token: Token = "",
        as_json: AsJson = False,
    ) -> None:
        """Create an endpoint, and print its secret, or its queue's password, which is shown only now."""
        if queue == bool(url):
            raise typer.BadParameter("Give either a URL or --queue.")

        async def work(client: "Client") -> Any:
            create, wanted = client.webhooks.create_endpoint, types or ["*"]
            if queue:
                return await create(kind="amqp", types=wanted, personal=personal, in_order=in_order)
            return await create(url=url, types=wanted, personal=personal, in_order=in_order)

        commands.show(store, token, ENDPOINT, work, as_json=as_json)

    @app.command()
    def pause(endpoint_id: EndpointId, *, store: Store = "demo", token: Token = "", as_json: AsJson = False) -> None:
        """Send nothing to an endpoint for now; its events wait."""
        _set_state(endpoint_id, "paused", store, token, as_json=as_json)

    @app.command()
    def activate(endpoint_id: EndpointId, *, store: Store = "demo", token: Token = "", as_json: AsJson = False) -> None:
        """Send an endpoint, in order, what waited for it; also after it was disabled."""
        _set_state(endpoint_id, "active", store, token, as_json=as_json)

    def _set_state(endpoint_id: str, state: Literal["active", "paused"], store: str, token: str, *, as_json: bool) -> None:
        async def work(client: "Client") -> Any:
            return await client.webhooks.edit_endpoint(endpoint_id, state=state)

        commands.show(store, token, ENDPOINT, work, as_json=as_json)

    _of_one_endpoint(app, commands)
    return app


def _of_one_endpoint(app: typer.Typer, commands: Commands) -> None:
    @app.command()
    def rotate(endpoint_id: EndpointId, *, store: Store = "demo", token: Token = "", as_json: AsJson = False) -> None:
        """Make a new secret, and print it. The current one signs beside it for a day; a queue's password ends at once."""

        async def work(client: "Client") -> Any:
            return await client.webhooks.create_secret(endpoint_id)

        commands.show(store, token, ENDPOINT, work, as_json=as_json)

    @app.command()
    def test(endpoint_id: EndpointId, *, store: Store = "demo", token: Token = "", as_json: AsJson = False) -> None:
        """Send a test event to this endpoint alone."""

        async def work(client: "Client") -> Any:
            return await client.webhooks.request_test(endpoint_id)

        commands.show(store, token, DELIVERY, work, as_json=as_json)

    @app.command()
    def delete(endpoint_id: EndpointId, *, store: Store = "demo", token: Token = "", as_json: AsJson = False) -> None:
        """Delete an endpoint, with its queue; what waited for it is given up, and what was sent stays on record."""

        async def work(client: "Client") -> Any:
            await client.webhooks.remove_endpoint(endpoint_id)
            return {"endpoint_id": endpoint_id, "deleted": True}

        commands.show(store, token, ENDPOINT, work, as_json=as_json)


def deliveries(host: Callable[[], Host]) -> typer.Typer:
    """Commands about what was sent."""
    app, commands = typer.Typer(help="What was sent to an endpoint, and what it answered.", no_args_is_help=True), Commands(host)

    @app.command("list")
    def listed(
        endpoint_id: EndpointId,
        *,
        state: Annotated[Literal["waiting", "delivered", "parked"] | None, typer.Option(help="Only deliveries in this state.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=200, help="How many, latest first.")] = 50,
        store: Store = "demo",
        token: Token = "",
        as_json: AsJson = False,
    ) -> None:
        """List an endpoint's deliveries, latest event first."""

        async def work(client: "Client") -> Any:
            return list((await client.webhooks.list_deliveries(endpoint_id=endpoint_id, state=state, limit=limit)).items)

        commands.show(store, token, DELIVERY, work, as_json=as_json)

    @app.command()
    def show(
        delivery_id: Annotated[str, typer.Argument(help="The id in the list.")],
        *,
        store: Store = "demo",
        token: Token = "",
        as_json: AsJson = False,
    ) -> None:
        """Show a delivery with every attempt."""

        async def work(client: "Client") -> Any:
            return await client.webhooks.read_delivery(delivery_id)

        commands.show(store, token, DELIVERY, work, as_json=as_json)

    return app


def events(host: Callable[[], Host]) -> typer.Typer:
    """Commands about what happened."""
    app, commands = (
        typer.Typer(help="What happened in a store, in the order in which it became known.", no_args_is_help=True),
        Commands(host),
    )

    @app.command("list")
    def listed(
        *,
        after: Annotated[int, typer.Option(min=0, help="Begin after this position.")] = 0,
        types: Types = None,
        subject: Annotated[str | None, typer.Option(help="Only events about this, such as an order's id.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=500, help="How many.")] = 100,
        store: Store = "demo",
        token: Token = "",
        as_json: AsJson = False,
    ) -> None:
        """List the store's events after a position."""

        async def work(client: "Client") -> Any:
            return list((await client.events.list(after=after, types=types, subject=subject, limit=limit)).items)

        commands.show(store, token, EVENT, work, as_json=as_json)

    @app.command()
    def show(
        event_id: Annotated[UUID, typer.Argument(help="The event's id.")],
        *,
        store: Store = "demo",
        token: Token = "",
        as_json: AsJson = False,
    ) -> None:
        """Show an event, and where it was sent, with every attempt."""

        async def work(client: "Client") -> Any:
            return await client.events.read(event_id)

        commands.show(store, token, EVENT, work, as_json=as_json)

    _replaying(app, commands)
    return app


def _replaying(app: typer.Typer, commands: Commands) -> None:
    @app.command()
    def replay(
        endpoint_id: EndpointId,
        *,
        state: Annotated[Literal["waiting", "delivered", "parked"] | None, typer.Option(help="Only deliveries in this state.")] = None,
        types: Types = None,
        since: Annotated[str | None, typer.Option(help="Only events that arrived since this time, such as 2026-11-26T18:00:00Z.")] = None,
        backfill: Annotated[bool, typer.Option("--backfill", help="Also events that the endpoint was never sent.")] = False,
        store: Store = "demo",
        token: Token = "",
        as_json: AsJson = False,
    ) -> None:
        """Send events to an endpoint again, under the same ids."""

        async def work(client: "Client") -> Any:
            moment = None if since is None else datetime.fromisoformat(since)
            return await client.webhooks.replay_delivery(endpoint_id, state=state, types=types, since=moment, backfill=backfill)

        commands.show(store, token, (("deliveries", "deliveries"),), work, as_json=as_json)
