"""Endpoints: create, read, edit, delete, rotate a secret, test, replay."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from services.webhooks import queries
from services.webhooks.commands.endpoints import create_endpoint, delete_endpoint, edit_endpoint, rotate_secret
from services.webhooks.commands.replays import replay, send_test
from services.webhooks.requests import EndpointEditInput, EndpointInput, ReplayInput, SecretInput
from services.webhooks.settings import WebhookSettings
from services.webhooks.state import Endpoint
from services.webhooks.views import DeliveryView, EndpointSecretView, EndpointView, NewEndpointView, QueueView, ReplayView
from shared.contracts.actor import shop_only
from shared.contracts.errors import Forbidden, NotFound, Refused, VersionConflict
from shared.contracts.ids import EndpointId, ReplayId
from shared.data.db import Transaction
from shared.web.call import Call, Calling, Router, problems
from shared.web.pages import DEFAULT_LIMIT, Cursor, Limit
from shared.web.views import Page

router = Router()


@router.post(
    "/webhooks/endpoints",
    operation_id="webhooks_endpoint_create",
    status_code=201,
    response_model=NewEndpointView,
    responses=problems(Forbidden, Refused),
)
async def create(request: EndpointInput, call: Call) -> Response:
    """Create an endpoint: it gets every event that arrives from now on. Its secret, or its queue's password, is shown once."""

    async def work(tx: Transaction) -> NewEndpointView:
        endpoint, secret = await create_endpoint(tx, call.actor, request, settings=_settings(call), now=call.now, key=_key(call))
        return NewEndpointView.made(endpoint, secret, call.actor, await _queue(tx, call, endpoint))

    return await call.once("webhooks.create", work, status=201, remake=_secret_again(call))


@router.get("/webhooks/endpoints", operation_id="webhooks_endpoint_list", response_model=Page[EndpointView], responses=problems(Forbidden))
async def listed(call: Call, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Response:
    """The store's endpoints, oldest first."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.walking() as tx:
        page = await queries.listed_endpoints(tx, call.actor, cursor=cursor, limit=limit)
        queues = await queries.queues_of(tx, call.actor, [one.endpoint_id for one in page.items if one.kind == "amqp"])
    shown = {of: QueueView.of(one, call.settings.amqp_namespace) for of, one in queues.items()}

    def view(one: Endpoint) -> EndpointView:
        return EndpointView.of(one, call.actor, shown.get(one.endpoint_id))

    return await call.page(Page[EndpointView], page, "endpoints", view, lambda one: one.endpoint_id)


@router.get(
    "/webhooks/endpoints/{endpoint_id}",
    operation_id="webhooks_endpoint_read",
    response_model=EndpointView,
    responses=problems(Forbidden, NotFound),
)
async def read(endpoint_id: EndpointId, call: Call) -> Response:
    """An endpoint, and how it is doing."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        endpoint = await queries.endpoint_for(tx, call.actor, endpoint_id)
        queue = await _queue(tx, call, endpoint)
    return call.show(EndpointView.of(endpoint, call.actor, queue))


@router.patch(
    "/webhooks/endpoints/{endpoint_id}",
    operation_id="webhooks_endpoint_edit",
    response_model=EndpointView,
    responses=problems(Forbidden, NotFound, VersionConflict),
)
async def edit(endpoint_id: EndpointId, request: EndpointEditInput, call: Call) -> Response:
    """Change an endpoint, pause it, or activate it again: then it gets, in order, what waited. If-Match is honoured."""

    async def work(tx: Transaction) -> EndpointView:
        changed = await edit_endpoint(
            tx, call.actor, endpoint_id, request, settings=_settings(call), expected_version=call.if_match, now=call.now
        )
        return EndpointView.of(changed, call.actor, await _queue(tx, call, changed))

    return await call.once("webhooks.edit", work, idempotent="optional")


@router.delete(
    "/webhooks/endpoints/{endpoint_id}",
    operation_id="webhooks_endpoint_remove",
    status_code=204,
    responses=problems(Forbidden, NotFound, VersionConflict),
)
async def delete(endpoint_id: EndpointId, call: Call) -> Response:
    """Delete an endpoint: nothing more is sent to it, and a queue is deleted with what is in it. If-Match is honoured."""

    async def work(tx: Transaction) -> None:
        await delete_endpoint(tx, call.actor, endpoint_id, expected_version=call.if_match, now=call.now)

    return await call.once("webhooks.delete", work, idempotent="optional")


@router.post(
    "/webhooks/endpoints/{endpoint_id}/secrets",
    operation_id="webhooks_secret_create",
    status_code=201,
    response_model=EndpointSecretView,
    responses=problems(Forbidden, NotFound),
)
async def rotate(endpoint_id: EndpointId, request: SecretInput, call: Call) -> Response:
    """Make a new secret, shown once. The current one signs beside it for a while, so that the receiver can change over.

    For a queue it is a new password; the current one ends at once, with the connections that were opened with it.
    """

    async def work(tx: Transaction) -> EndpointSecretView:
        made = await rotate_secret(tx, call.actor, endpoint_id, request, settings=_settings(call), now=call.now, key=_key(call))
        return EndpointSecretView.of(made)

    return await call.once("webhooks.rotate", work, status=201, remake=_secret_again(call))


@router.post(
    "/webhooks/endpoints/{endpoint_id}/test",
    operation_id="webhooks_test_request",
    status_code=202,
    response_model=DeliveryView,
    responses=problems(Forbidden, NotFound, Refused),
)
async def test(endpoint_id: EndpointId, call: Call) -> Response:
    """Send a test event to this endpoint alone; the delivery shows what it answered."""

    async def work(tx: Transaction) -> DeliveryView:
        delivery_id = await send_test(tx, call.actor, endpoint_id, now=call.now)
        return DeliveryView.showing(await queries.delivery_for(tx, call.actor, delivery_id))

    return await call.once("webhooks.test", work, status=202)


@router.post(
    "/webhooks/endpoints/{endpoint_id}/replay",
    operation_id="webhooks_delivery_replay",
    status_code=202,
    response_model=ReplayView,
    responses=problems(Forbidden, NotFound, Refused),
)
async def send_again(endpoint_id: EndpointId, request: ReplayInput, call: Call) -> Response:
    """Send events again, under the same ids: named deliveries, those that failed, a range of time, or what the endpoint never got.

    A long one goes on after the answer; read it to see how far it is.
    """

    async def work(tx: Transaction) -> ReplayView:
        return ReplayView.of(await replay(tx, call.actor, endpoint_id, request, now=call.now))

    return await call.once("webhooks.replay", work, status=202)


@router.get(
    "/webhooks/replays/{replay_id}",
    operation_id="webhooks_replay_read",
    response_model=ReplayView,
    responses=problems(Forbidden, NotFound),
)
async def read_replay(replay_id: ReplayId, call: Call) -> Response:
    """How far a replay is."""
    shop_only(call.actor, to_read=True).or_raise()
    async with call.reading() as tx:
        return call.show(ReplayView.of(await queries.replay_for(tx, call.actor, replay_id)))


def _settings(call: Calling) -> WebhookSettings:
    settings = call.settings
    assert isinstance(settings, WebhookSettings)
    return settings


def _key(call: Calling) -> str | None:
    """What passwords of queues are made with: the key that signs this store's platform tokens, which could rotate them anyway."""
    key = call.running.tokens.keys.signing_for("platform", call.actor.store)
    return None if key is None or key.secret is None else key.secret.get_secret_value()


async def _queue(tx: Transaction, call: Calling, endpoint: Endpoint) -> QueueView | None:
    queue = await queries.queue_of(tx, call.actor, endpoint)
    return None if queue is None else QueueView.of(queue, call.settings.amqp_namespace)


def _secret_again(call: Calling) -> Any:
    async def again(tx: Transaction, answer: Mapping[str, Any]) -> dict[str, str]:
        return await queries.secret_again(tx, call.actor, answer, _key(call))

    return again
