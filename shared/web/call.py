"""One HTTP call: the caller, the conditions, and the response, including replays under the same Idempotency-Key."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import structlog
from fastapi import Depends, Header, Query, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import WithJsonSchema

from shared.contracts.actor import MAX_ID_CHARACTERS, Actor
from shared.contracts.errors import Failure, PreconditionRequired, Unauthenticated
from shared.data import guests, idempotency
from shared.data.db import Database, Transaction
from shared.data.idempotency import Overtaken, Reservation, Stored
from shared.data.set_aside import shown
from shared.web.bodies import Router as Router
from shared.web.gate import CALLER, Caller, version_of
from shared.web.pages import Walked, link_header
from shared.web.problems import BadKey, problem_response
from shared.web.routes import MANY_VALUES as MANY_VALUES
from shared.web.routes import SHOP_ONLY as SHOP_ONLY
from shared.web.routes import WITHOUT_KEY as WITHOUT_KEY
from shared.web.serving import Serving
from shared.web.settings import WebSettings
from shared.web.views import Page, View

T = TypeVar("T")

MAX_OVERTAKEN = 3

DRY_RUN_HEADER = "Aftersale-Dry-Run"
DryRun = Annotated[bool, Query(description="Answer what would be done, without changing anything; the Idempotency-Key stays unused.")]

Idempotent = bool | Literal["optional"]
Remake = Callable[[Transaction, Mapping[str, Any]], Awaitable[dict[str, str]]]
"""Recreates the secrets of a stored response, by field name; returns {} if that is not possible."""


class Calling:
    """One HTTP call: caller, time and conditions, and the ways to respond."""

    def __init__(self, request: Request, running: Serving, actor: Actor, until: float) -> None:
        self.request = request
        self.running = running
        self.actor = actor
        self.until = until  # when the caller's token expires, in Unix seconds; a stream ends then
        self.now = datetime.now(UTC)

    @property
    def db(self) -> Database:
        """The service's database."""
        return self.running.database

    @property
    def settings(self) -> WebSettings:
        """The service's settings."""
        return self.running.settings

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """For queries: no transaction."""
        return self.running.database.reading()

    def walking(self) -> AbstractAsyncContextManager[Transaction]:
        """For a page of a list: waits for the store's turn."""
        return self.running.database.walking()

    @property
    def if_match(self) -> int | None:
        """The version that the caller wants to change, from `If-Match: "v7"` or `"v7.<digest>"`; None for `*` or no header."""
        return version_of(self.request.headers.get("if-match"))

    @property
    def if_match_required(self) -> int:
        """Like if_match. Raises PreconditionRequired if the caller did not send it."""
        version = self.if_match
        if version is None:
            raise PreconditionRequired(detail='Send If-Match with the ETag that you read, such as "v7", so that nobody\'s change is lost.')
        return version

    def has(self, etag: str) -> bool:
        """Whether If-None-Match names `etag`. Unknown values match nothing, as in RFC 9110, and are never refused."""
        named = self.request.headers.get("if-none-match", "")
        return etag in named or named.strip() == "*"  # our tags contain no quotes, so a substring match is an item of the list

    async def reservation(self, *, required: bool = True, body: bytes | None = None) -> Reservation | None:
        """The caller's Idempotency-Key with a hash of the request; for an upload, `body` is its digest.

        Raises Invalid `idempotency_key_missing` (400) if it is required and missing.
        """
        key = self.request.headers.get("idempotency-key")
        if key is None:
            if required:
                raise BadKey("idempotency_key_missing", "Send an Idempotency-Key header: a unique value for each new operation.")
            return None
        url = self.request.url
        target = f"{url.path}?{url.query}" if url.query else url.path
        content = await self.request.body() if body is None else body
        return Reservation.of(self.actor, key, self.request.method, target, content)

    async def once(
        self,
        name: str,
        work: Callable[[Transaction], Awaitable[View | None]],
        *,
        status: int = 200,
        idempotent: Idempotent = True,
        body: bytes | None = None,
        remake: Remake | None = None,
        dry_run: bool = False,
    ) -> Response:
        """Do `work` in one transaction called `name` and respond with its view; a repeat under the same key gets the same response.

        With `dry_run` the response is the same but for its headers, and nothing is written, emitted or stored under the key.

        `remake` recreates the view's secrets for a stored response, which holds null for each; it is called only in the first minutes.
        `idempotent="optional"` (PUT, PATCH, DELETE) honours a key without requiring one. If the view is None, the response is 204.
        """
        reservation = await self.reservation(required=idempotent is True, body=body) if idempotent else None
        if dry_run:
            async with self.db.rehearsing() as tx:
                return rehearsed(_stored(await work(tx), status))
        for _ in range(MAX_OVERTAKEN):
            try:
                async with self.db.transaction(name) as tx:
                    stored = await idempotency.look_up(tx, reservation) if reservation else None
                    if stored is not None:
                        return replayed(await self._with_secrets(stored, remake))
                    view = await work(tx)
                    answer = _stored(view, status)
                    if reservation is not None:
                        await idempotency.store(tx, reservation, answer, now=self.now)
                return answered(answer if view is None or not view.secrets else replace(answer, body=view.model_dump_json()))
            except Overtaken:
                continue
            except Failure:
                # The same call may have committed between our look-up and our work: then its response counts, not our refusal.
                stored = await self.stored(reservation)
                if stored is None:
                    raise
                return replayed(await self._with_secrets(stored, remake))
        raise Overtaken

    async def change(
        self,
        name: str,
        view: Callable[[T, Actor], View],
        command: Callable[..., Awaitable[T]],
        *what: Any,
        idempotent: Idempotent = True,
        dry_run: bool = False,
    ) -> Response:
        """once() for a command that changes one resource at the version in If-Match; responds with `view` of its result."""

        async def work(tx: Transaction) -> View:
            return view(await command(tx, self.actor, *what, now=self.now, expected_version=self.if_match), self.actor)

        return await self.once(name, work, idempotent=idempotent, dry_run=dry_run)

    async def save(
        self, name: str, view: Callable[[T], View], command: Callable[..., Awaitable[T]], *what: Any, dry_run: bool = False
    ) -> Response:
        """once() for a command that saves the next version of settings, for which If-Match is required."""
        expected = self.if_match_required

        async def work(tx: Transaction) -> View:
            return view(await command(tx, self.actor, *what, now=self.now, expected_version=expected))

        return await self.once(name, work, idempotent="optional", dry_run=dry_run)

    async def _with_secrets(self, stored: Stored, remake: Remake | None) -> Stored:
        """A stored response with its secrets recreated, if that is possible and the call is recent enough (`secret_replay_seconds`)."""
        young = timedelta(seconds=self.settings.secret_replay_seconds)
        if remake is None or stored.recorded_at is None or self.now - stored.recorded_at > young:
            return stored
        said = json.loads(stored.body)
        async with self.reading() as tx:
            secrets = await remake(tx, said)
        return replace(stored, body=json.dumps(said | secrets, ensure_ascii=False, separators=(",", ":"))) if secrets else stored

    async def stored(self, reservation: Reservation | None) -> Stored | None:
        """The response that is stored under the same key, if any."""
        if reservation is None:
            return None
        async with self.reading() as tx:
            return await idempotency.find(tx, reservation)

    async def page(
        self, kind: type[Page[Any]], walked: Walked[T], place: str, view: Callable[[T], View], key: Callable[[T], str], **others: Any
    ) -> Response:
        """The answer to a list: what `walked` found as one `kind` of page, and `others` that it shows beside its items.

        What `view` cannot show is left out, and noted as the row `key` of `place`. Call it while holding no connection.
        """
        items = await shown(self.db, place, walked.items, view, lambda one: (self.actor.store, key(one)))
        return self.show(kind(items=items, next_cursor=walked.next_cursor, previous_cursor=walked.previous_cursor, **others))

    def show(self, view: View, **headers: str) -> Response:
        """The response to a GET: with its ETag, or 304 if the caller already has it; a page links to its neighbours.

        The version alone is not enough for the ETag: what a caller sees also depends on settings, role and time, so the tag includes
        a digest of the bytes. If-None-Match compares all of it, If-Match only the version.
        """
        body = view.model_dump_json().encode()
        if isinstance(view, Page):
            headers = link_header(self.settings.public_url + _path(self.request), self.request.query_params.multi_items(), view) | headers
        version = getattr(view, "version", None)
        if version is not None:
            headers["ETag"] = etag = f'"v{version}.{hashlib.sha256(body).hexdigest()[:16]}"'
            if self.has(etag):
                return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)


def _path(request: Request) -> str:
    """The path as it was sent: an id may contain an escaped slash."""
    return str(request.scope["raw_path"].decode("ascii"))


def answered(stored: Stored) -> Response:
    """A successful response, given for the first time."""
    headers = {"ETag": stored.etag} if stored.etag else {}
    return Response(stored.body or None, status_code=stored.status, headers=headers, media_type="application/json" if stored.body else None)


def rehearsed(stored: Stored) -> Response:
    """The response of a dry run: marked, and without the ETag of a version that never was."""
    response = answered(replace(stored, etag=None))
    response.headers[DRY_RUN_HEADER] = "true"
    return response


def replayed(stored: Stored) -> Response:
    """The same response again, marked as replayed."""
    response = answered(stored)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _stored(view: View | None, status: int) -> Stored:
    """The response to store: everything but the secrets."""
    if view is None:
        return Stored(204, "")
    told = view.model_copy(update=dict.fromkeys(view.secrets)) if view.secrets else view
    version = getattr(view, "version", None)
    return Stored(status, told.model_dump_json(), None if version is None else f'"v{version}"')


_bearer = HTTPBearer(auto_error=False, description="A JWT of the store's platform, staff or customer.")


async def calling(
    request: Request,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    on_behalf_of: Annotated[
        str | None,
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_ID_CHARACTERS}),
        Header(alias="On-Behalf-Of", description="A customer's id, in UTF-8: the platform then acts as that customer."),
    ] = None,
) -> Calling:
    """The call as the front door admitted it. The parameters are only for the OpenAPI document: their values are already checked."""
    running: Serving = request.app.state.running
    caller: Caller | None = request.scope.get(CALLER)
    if caller is None:  # only if the app is served without its front door
        raise Unauthenticated(detail="Send Authorization: Bearer <token>.")
    if caller.actor.role == "guest":
        await guests.refuse_revoked(running.database, caller.actor)
    structlog.contextvars.bind_contextvars(store_id=caller.actor.store, actor=f"{caller.actor.role}:{caller.actor.id}")
    return Calling(request, running, caller.actor, caller.until)


Call = Annotated[Calling, Depends(calling)]


def problems(*failures: type[Failure]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses for a route's failures, in addition to those that every route has."""
    return {failure.status: problem_response(failure.title) for failure in failures}
