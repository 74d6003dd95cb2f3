"""Delivers what is due: leases deliveries, calls endpoints or fills queues outside any transaction, and records outcomes in groups.

A worker that dies between a call and its record repeats the call when the lease ends, with the same id: at least once, never skipped.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from time import monotonic

import structlog

from services.webhooks.commands.deliveries import Of, Outcome, lease_due, record_attempts
from services.webhooks.delivery.queueing import Publisher
from services.webhooks.delivery.sending import Answer, Sender, with_ours
from services.webhooks.delivery.signing import signed_headers
from services.webhooks.queues.names import url_in_vhost
from services.webhooks.rules.redacting import redacted, secret_words, shown_request
from services.webhooks.settings import WebhookSettings
from services.webhooks.state import Leased
from shared.contracts.errors import Transient, Unavailable
from shared.data.crash import crash_point
from shared.data.db import Database
from shared.messaging.broker import CONTENT_TYPE, partners_vhost
from shared.messaging.pulse import Pulse, end
from shared.process.settings import Settings

log = structlog.get_logger()

POLL_SECONDS = 0.5
HANG_SECONDS = 60.0
RECORDED_TOGETHER = 200
PAUSE_SECONDS = 1.0
PART_OF_STORE = 0.4
"""The part of the calls in progress that one store may have, so that its slow endpoints delay no other store's."""


class Deliverer:
    """The deliveries of one worker process."""

    def __init__(self, database: Database, settings: Settings) -> None:
        assert isinstance(settings, WebhookSettings)
        self._database = database
        self._settings = settings
        self._woken = database.woken_by_events()
        self._calls: Counter[Of] = Counter()
        self._under_way: set[asyncio.Task[None]] = set()
        self._paces: dict[Of, float] = {}
        self._done: list[Outcome] = []
        self._some_done = asyncio.Event()
        self.pulse = Pulse("deliveries", every_seconds=POLL_SECONDS, hang_seconds=HANG_SECONDS)

    async def run(self) -> None:
        """Run until cancelled. Calls that are then under way are repeated later, by whoever leases them next."""
        settings = self._settings
        sender = Sender(
            total_seconds=settings.delivery_timeout_seconds,
            connect_seconds=settings.delivery_connect_seconds,
            ports=settings.delivery_ports,
        )
        url = url_in_vhost(settings.amqp_url.get_secret_value(), partners_vhost(settings.amqp_namespace))
        publisher = Publisher(url, total_seconds=settings.delivery_timeout_seconds)
        self._calls.clear()
        async with sender, publisher:
            recording = asyncio.create_task(self._record(), name="webhooks-recording")
            try:
                while not recording.done():
                    if not await self._turn(sender, publisher):
                        await self.pulse.rest(self._woken)
                await recording
            finally:
                await end(recording, *self._under_way)

    async def _turn(self, sender: Sender, publisher: Publisher) -> bool:
        """Start what is due. Returns whether more may be due; while the database is away, nothing is."""
        self._woken.clear()
        try:
            with self.pulse.turn():
                return await self._start_due(sender, publisher)
        except Exception as error:
            log.warning("deliveries_not_leased", error=repr(error))
            return False

    async def _start_due(self, sender: Sender, publisher: Publisher) -> bool:
        """Start what is due and has room. Returns whether more may be due that has room."""
        free = self._settings.deliveries_at_once - len(self._under_way)
        if free <= 0:
            return False
        per_store = max(1, round(self._settings.deliveries_at_once * PART_OF_STORE))
        async with self._database.transaction("webhooks.lease") as tx:
            timeout = self._settings.delivery_timeout_seconds
            leased = await lease_due(tx, self._calls, per_store=per_store, free=free, timeout_seconds=timeout, now=datetime.now(UTC))
        for one in leased:
            self._calls[one.store_id, one.endpoint_id] += 1
            task = asyncio.create_task(self._deliver(sender, publisher, one), name=f"webhooks-{one.delivery_id}")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(leased) >= free

    async def _deliver(self, sender: Sender, publisher: Publisher, leased: Leased) -> None:
        await self._at_its_pace(leased)
        began = datetime.now(UTC)
        headers, answer = await (self._queued(publisher, leased) if leased.kind == "amqp" else self._sent(sender, leased, began))
        crash_point("deliver.after", leased.type)
        log.info(
            "delivered" if answer.failed is None else "delivery_attempt_failed",
            store_id=leased.store_id, endpoint_id=leased.endpoint_id, delivery_id=leased.delivery_id, event_id=str(leased.event_id),
            subject=leased.subject, type=leased.type, attempt=leased.attempts + 1, status=answer.status, outcome=answer.failed,
        )  # fmt: skip
        outcome = Outcome(
            leased=leased,
            began_at=began,
            ended_at=datetime.now(UTC),
            status=answer.status,
            outcome=answer.failed or "delivered",
            detail=answer.why,
            answer=answer.text,
            retry_after=answer.retry_after,
            address=answer.address,
            request=shown_request(headers, leased.headers),
        )
        self._done.append(outcome)
        self._some_done.set()

    async def _queued(self, publisher: Publisher, leased: Leased) -> tuple[dict[str, str], Answer]:
        """The message's headers, and whether the endpoint's queue, which is called as the endpoint, took the event."""
        body, event_id = leased.body.encode(), str(leased.event_id)
        answer = await publisher.put(queue=leased.endpoint_id, event_id=event_id, event_type=leased.type, body=body)
        return {"message-id": event_id, "type": leased.type, "content-type": CONTENT_TYPE}, answer

    async def _sent(self, sender: Sender, leased: Leased, began: datetime) -> tuple[dict[str, str], Answer]:
        """The headers that were sent, and what the endpoint answered. A mistake of our own is a failed attempt too, and is repeated."""
        headers: dict[str, str] = {}
        try:
            assert leased.url is not None  # of a webhook
            body = leased.body.encode()
            keys = {scheme: [one["secret"] for one in leased.secrets if one["scheme"] == scheme] for scheme in ("v1", "v1a")}
            signed = signed_headers(str(leased.event_id), body, live_secrets=keys["v1"], live_signing_keys=keys["v1a"], now=began)
            headers = with_ours({**leased.headers, "Content-Type": CONTENT_TYPE, **signed})
            hide = partial(redacted, words=secret_words(leased.headers, [one["secret"] for one in leased.secrets]))
            loopback, of = self._settings.loopback_endpoints, (leased.store_id, leased.endpoint_id)
            return headers, await sender.send(url=leased.url, headers=headers, body=body, loopback=loopback, endpoint=of, hide=hide)
        except Exception as error:
            log.error("delivery_not_sent", delivery_id=leased.delivery_id, exc_info=error)
            return headers, Answer(None, "not_sent", "It could not be signed or sent.", "", None, 0, None)

    async def _at_its_pace(self, leased: Leased) -> None:
        """Wait until the endpoint's rate allows the next call."""
        of, now = (leased.store_id, leased.endpoint_id), monotonic()
        at = max(now, self._paces.get(of, now))
        self._paces[of] = at + 1 / leased.calls_per_second
        if at > now:
            await asyncio.sleep(at - now)

    async def _record(self) -> None:
        """Record outcomes, all that are there in one transaction. While the database is away they wait here.

        One that cannot be recorded is dropped with its error in the log, and its delivery is attempted again when the lease ends.
        """
        while True:
            await self._some_done.wait()
            self._some_done.clear()
            together = RECORDED_TOGETHER
            while group := self._done[:together]:
                try:
                    async with self._database.transaction("webhooks.record") as tx:
                        await record_attempts(tx, group, now=datetime.now(UTC))
                except (Transient, Unavailable) as failure:
                    log.warning("outcomes_not_recorded", count=len(group), error=repr(failure))
                    await asyncio.sleep(PAUSE_SECONDS)
                    continue
                except Exception as error:
                    if len(group) > 1:
                        together = 1  # each by itself, so that only the one at fault fails
                        continue
                    log.error("outcome_not_recordable", delivery_id=group[0].leased.delivery_id, exc_info=error)
                del self._done[: len(group)]
                self._make_room(group)

    def _make_room(self, group: Sequence[Outcome]) -> None:
        for one in group:
            of = one.leased.store_id, one.leased.endpoint_id
            self._calls[of] -= 1
            if self._calls[of] <= 0:
                del self._calls[of]
        now = monotonic()
        self._paces = {of: at for of, at in self._paces.items() if at > now}
        self._woken.set()
