"""The relay: what is committed is sent, by itself, whatever the broker does meanwhile."""

import asyncio

from shared.messaging.broker import Broker
from tests.proxy import Proxy
from tests.services.kernel.lab import Lab, an_event, at_work, started
from tests.shop import PATIENCE_SECONDS, eventually


def through(lab: Lab, proxy: Proxy) -> Broker:
    """A broker that reaches RabbitMQ through `proxy`."""
    return lab.broker(amqp_url=type(lab.settings.amqp_url)(proxy.url(lab.settings.amqp_url.get_secret_value())))


async def test_events_wait_while_the_broker_is_away_and_go_when_it_is_back(lab: Lab) -> None:
    inbox = lab.consume(lab.effect)
    async with Proxy.to(lab.settings.amqp_url.get_secret_value()) as proxy:
        broker = through(lab, proxy)
        broker.consume(inbox.deliver)
        async with started(broker), at_work(lab.relay(broker).run()):
            await proxy.cut()
            await lab.emit(*[an_event() for _ in range(5)])
            await eventually(lambda: _down(broker))
            assert await lab.count("notes.events where published_at is null") == 5
            await proxy.join()
            await eventually(lambda: _effects(lab, 5))
    assert await lab.count("notes.events where published_at is null") == 0


async def test_a_broker_that_hangs_is_given_up_after_the_deadline_and_repeats_do_no_harm(lab: Lab) -> None:
    """A publish without an answer has an unknown outcome: it goes again, and the inbox absorbs what arrives twice."""
    inbox = lab.consume(lab.effect)
    async with Proxy.to(lab.settings.amqp_url.get_secret_value()) as proxy, started(through(lab, proxy)) as broker:
        relay = lab.relay(broker)
        await lab.emit(an_event())
        proxy.hold_answers()  # the broker gets the message; its confirm does not come back
        sending = asyncio.create_task(relay.send_batch())
        assert await asyncio.wait_for(sending, PATIENCE_SECONDS) == 0
        assert await lab.count("notes.events where published_at is null") == 1
        proxy.release()
        again = lab.broker()
        again.consume(inbox.deliver)
        async with started(again), at_work(lab.relay(again).run()):
            await eventually(lambda: _effects(lab, 1))
            await eventually(lambda: _sent(lab))
    assert await lab.count("notes.effects") == 1


async def test_several_relays_send_each_event_and_skip_each_others_claims(lab: Lab) -> None:
    await lab.emit(*[an_event() for _ in range(200)])
    async with started(lab.broker()) as one, started(lab.broker()) as other:
        relays = [lab.relay(one, relay_batch=20), lab.relay(other, relay_batch=20)]
        sent = 0
        while await lab.count("notes.events where published_at is null"):
            sent += sum(await asyncio.gather(*(relay.send_batch() for relay in relays)))
    assert sent == 200


async def _effects(lab: Lab, count: int) -> bool:
    return await lab.count("notes.effects") == count


async def _sent(lab: Lab) -> bool:
    return await lab.count("notes.events where published_at is null") == 0


async def _down(broker: Broker) -> bool:
    return not broker.connected
