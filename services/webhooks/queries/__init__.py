"""Reads and locking loaders. Each takes the actor, so loading also authorises."""

from services.webhooks.queries.deliveries import attempts_of as attempts_of
from services.webhooks.queries.deliveries import deliveries_of_event as deliveries_of_event
from services.webhooks.queries.deliveries import delivery_for as delivery_for
from services.webhooks.queries.deliveries import listed_deliveries as listed_deliveries
from services.webhooks.queries.deliveries import replay_for as replay_for
from services.webhooks.queries.endpoints import count_endpoints as count_endpoints
from services.webhooks.queries.endpoints import endpoint_for as endpoint_for
from services.webhooks.queries.endpoints import listed_endpoints as listed_endpoints
from services.webhooks.queries.endpoints import queue_of as queue_of
from services.webhooks.queries.endpoints import queues_of as queues_of
from services.webhooks.queries.endpoints import secret_again as secret_again
from services.webhooks.queries.feed import event_for as event_for
from services.webhooks.queries.feed import events_after as events_after
from services.webhooks.queries.feed import newest_position as newest_position
