"""Endpoints and their secrets: create, edit, delete, rotate."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.webhooks import queries
from services.webhooks.commands.queues import check_may_have_queue, order_password, order_queue, order_removal
from services.webhooks.commands.replays import begin
from services.webhooks.delivery.sending import own_headers
from services.webhooks.delivery.signing import accepted_secret, new_key_pair, new_secret
from services.webhooks.requests import EndpointEditInput, EndpointInput, SecretInput
from services.webhooks.rules import PROBLEMS
from services.webhooks.rules.filters import check_types, like_patterns
from services.webhooks.rules.kinds import check_has_url, check_kind
from services.webhooks.rules.urls import accepted_url
from services.webhooks.settings import WebhookSettings
from services.webhooks.state import Endpoint, Scheme, Secret
from services.webhooks.tables import endpoints, replays, secrets
from shared.contracts.actor import Actor, shop_only
from shared.contracts.errors import Refused, expect_version
from shared.contracts.events import By, read_by
from shared.contracts.ids import new_id, new_uuid
from shared.data.columns import columns_of
from shared.data.db import Transaction

TURN = sa.text("select pg_advisory_xact_lock(hashtextextended('webhooks.endpoints ' || :store, 0))")
"""Makes calls that create endpoints of one store take turns: none may count before another has added its own."""


async def create_endpoint(
    tx: Transaction, actor: Actor, request: EndpointInput, *, settings: WebhookSettings, now: datetime, key: str | None = None
) -> tuple[Endpoint, Secret]:
    """An active endpoint, which gets every event that arrives from now on, and its first secret; for a queue, a password made with `key`.

    Raises Forbidden, Invalid `not_for_this_kind`, `url_missing`, `bad_url`, `inward_address`, `unknown_event_types`, `bad_header`,
    `bad_secret`, Refused `too_many_endpoints`, `amqp_endpoints_not_available`, `too_many_queues`.
    """
    shop_only(actor).or_raise()
    check_kind(request.kind, request.model_dump(exclude_unset=True))
    check_has_url(request.kind, request.url)
    values = _checked(request.model_dump(exclude={"secret"}), settings)
    await tx.execute(TURN, {"store": actor.store})
    if await queries.count_endpoints(tx, actor) >= settings.max_endpoints:
        raise Refused("too_many_endpoints", PROBLEMS["too_many_endpoints"], max_endpoints=settings.max_endpoints)
    if request.kind == "amqp":
        await check_may_have_queue(tx, actor.store, settings, now=now)
    row = {
        "store_id": actor.store,
        "endpoint_id": new_id("endpoint"),
        "version": 1,
        "state": "active",
        "reason": "",
        "created_at": now,
        "changed_at": now,
        "created_by": By.of(actor).model_dump(),
        "failures": 0,
        "event_sequence": 0,
        **values,
    }
    made = (await tx.execute(sa.insert(endpoints).values(**row).returning(*columns_of(endpoints, Endpoint)))).one()
    endpoint = Endpoint(**made._mapping)
    if endpoint.kind == "amqp":
        return endpoint, await order_queue(tx, endpoint, key, now=now)
    secret = new_secret() if request.secret is None else accepted_secret(request.secret)
    return endpoint, await _add_secret(tx, endpoint, "v1", secret, now=now)


async def edit_endpoint(
    tx: Transaction,
    actor: Actor,
    endpoint_id: str,
    request: EndpointEditInput,
    *,
    settings: WebhookSettings,
    expected_version: int | None,
    now: datetime,
) -> Endpoint:
    """Change what the request names. Activated again, an endpoint gets at once, in order, what waited in the meantime.

    Raises Forbidden, NotFound, VersionConflict, and Invalid as create_endpoint does.
    """
    shop_only(actor).or_raise()
    endpoint = await queries.endpoint_for(tx, actor, endpoint_id, lock=True)
    expect_version(endpoint.version, expected_version)
    wanted = request.model_dump(exclude_none=True)
    check_kind(endpoint.kind, wanted)
    changed = {name: value for name, value in _checked(wanted, settings).items() if name == "patterns" or value != getattr(endpoint, name)}
    if not changed.keys() - {"patterns"}:
        return endpoint
    if changed.get("state") == "active":
        changed |= {"reason": "", "failing_since": None, "failures": 0, "noticed_at": None, "resting_until": None}
        await begin(tx, endpoint, "return", {}, now=now)
    return await _change(tx, endpoint, **changed, version=endpoint.version + 1, changed_at=now)


async def delete_endpoint(tx: Transaction, actor: Actor, endpoint_id: str, *, expected_version: int | None, now: datetime) -> None:
    """Delete an endpoint with its secrets and its queue: nothing more is sent, and what was sent stays in the list of deliveries.

    Raises Forbidden, NotFound, VersionConflict.
    """
    shop_only(actor).or_raise()
    endpoint = await queries.endpoint_for(tx, actor, endpoint_id, lock=True)
    expect_version(endpoint.version, expected_version)
    await _change(tx, endpoint, state="deleted", headers={}, version=endpoint.version + 1, changed_at=now)
    of = (secrets.c.store_id == actor.store) & (secrets.c.endpoint_id == endpoint_id)
    await tx.execute(sa.delete(secrets).where(of))
    if endpoint.kind == "amqp":
        await order_removal(tx, endpoint, now=now)
    running = (replays.c.store_id == actor.store) & (replays.c.endpoint_id == endpoint_id) & replays.c.ended_at.is_(None)
    await tx.execute(sa.update(replays).where(running).values(ended_at=now))
    await begin(tx, endpoint, "removal", {}, now=now)


async def rotate_secret(
    tx: Transaction,
    actor: Actor,
    endpoint_id: str,
    request: SecretInput,
    *,
    settings: WebhookSettings,
    now: datetime,
    key: str | None = None,
) -> Secret:
    """A new secret of a scheme. The current one of that scheme signs beside it for `secret_overlap_hours`; older ones end now.

    For a queue it is a new password, made with `key`. Raises Forbidden, NotFound, Invalid `bad_secret`, `not_for_this_kind`.
    """
    shop_only(actor).or_raise()
    endpoint = await queries.endpoint_for(tx, actor, endpoint_id, lock=True)
    if endpoint.kind == "amqp":
        check_kind("amqp", request.model_dump(exclude_unset=True))
        return await order_password(tx, endpoint, key, now=now)
    of = (secrets.c.store_id == actor.store) & (secrets.c.endpoint_id == endpoint_id) & (secrets.c.scheme == request.scheme)
    await tx.execute(sa.delete(secrets).where(of, secrets.c.ends_at.is_not(None)))
    await tx.execute(sa.update(secrets).where(of).values(ends_at=now + timedelta(hours=settings.secret_overlap_hours)))
    if request.scheme == "v1a":
        secret = new_key_pair().signing_key
    else:
        secret = new_secret() if request.secret is None else accepted_secret(request.secret)
    return await _add_secret(tx, endpoint, request.scheme, secret, now=now)


def _checked(values: dict[str, Any], settings: WebhookSettings) -> dict[str, Any]:
    """The values as they are stored. Raises Invalid."""
    if values.get("url") is not None:
        values["url"] = accepted_url(values["url"], loopback=settings.loopback_endpoints, ports=settings.delivery_ports)
    if "types" in values:
        check_types(values["types"], read_by("webhooks"), at="/types")
        values["patterns"] = like_patterns(values["types"])
    if "headers" in values:
        values["headers"] = own_headers(values["headers"])
    return values


async def _add_secret(tx: Transaction, endpoint: Endpoint, scheme: Scheme, secret: str, *, now: datetime) -> Secret:
    row = {"store_id": endpoint.store_id, "endpoint_id": endpoint.endpoint_id, "secret_id": new_uuid(), "scheme": scheme, "secret": secret}
    made = await tx.execute(sa.insert(secrets).values(**row, created_at=now).returning(*columns_of(secrets, Secret)))
    return Secret(**made.one()._mapping)


async def _change(tx: Transaction, endpoint: Endpoint, **values: Any) -> Endpoint:
    mine = (endpoints.c.store_id == endpoint.store_id) & (endpoints.c.endpoint_id == endpoint.endpoint_id)
    changed = await tx.execute(sa.update(endpoints).where(mine).values(**values).returning(*columns_of(endpoints, Endpoint)))
    return Endpoint(**changed.one()._mapping)
