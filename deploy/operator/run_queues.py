"""`aftersale run-queues`: makes the queues that stores ordered, with an administrator's rights on the broker."""

import asyncio
import os
import signal

import structlog
from pydantic import ValidationError

from deploy.operator import given, running
from deploy.operator.output import Output
from deploy.operator.trouble import Trouble
from services.webhooks.queues.operator import QueueOperator
from services.webhooks.queues.settings import OperatorSettings
from services.webhooks.tables import metadata
from shared.data.db import Database
from shared.messaging.pulse import end
from shared.process.telemetry import set_up_telemetry

log = structlog.get_logger()


def run_queues(output: Output) -> None:
    """Run until SIGTERM. Raises Trouble if a setting is missing."""
    running.apply()
    if not os.environ.get(given.AMQP_API) and not os.environ.get("AFTERSALE_WEBHOOKS_AMQP_ADMIN_API"):
        raise Trouble(
            f"{given.AMQP_API} is not set: without RabbitMQ's administrator no queue can be made.",
            "set it to the management API's URL, such as http://user:password@host:15672",
        )
    try:
        settings = OperatorSettings.load("webhooks")
    except ValidationError as error:
        raise Trouble(f"A setting is missing or invalid: {error}", "see `aftersale settings webhooks`") from error
    assert isinstance(settings, OperatorSettings)
    set_up_telemetry(settings)
    output.progress("making the queues that stores order")
    asyncio.run(_run(settings))


async def _run(settings: OperatorSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    database = Database(settings, metadata)
    operating = asyncio.create_task(QueueOperator(database, settings).run(), name="queues")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    log.info("started", service="queues")
    try:
        await asyncio.wait({operating, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if operating.done():
            operating.result()
    finally:
        await end(operating, stopped)
        await database.close()
        log.info("stopped", service="queues")
