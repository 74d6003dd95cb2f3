"""Composition root of the webhook service."""

from services.webhooks import rules, tables
from services.webhooks.api import router
from services.webhooks.commands.feed import sweep_events
from services.webhooks.commands.replays import run_replays
from services.webhooks.consumers import consumers
from services.webhooks.deliver import Deliverer
from services.webhooks.settings import WebhookSettings
from shared.process.service import Service, Sweeper

SWEEP_EVENTS_SECONDS = 60.0
REPLAY_SECONDS = 1.0

SERVICE = Service(
    name="webhooks",
    title="Aftersale webhooks",
    description="Every public event of a store for the programs of others: signed webhooks, sent until they are accepted, and a feed.",
    nouns=("webhooks", "events"),
    metadata=tables.metadata,
    router=router,
    consumers=consumers,
    problems=rules.PROBLEMS,
    sweepers=(Sweeper("events", SWEEP_EVENTS_SECONDS, sweep_events), Sweeper("replays", REPLAY_SECONDS, run_replays)),
    workers=(Deliverer,),
    settings=WebhookSettings,
)
