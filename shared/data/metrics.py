"""All Prometheus metrics, defined in one place because every room writes some."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_SECONDS = Histogram("aftersale_http_request_seconds", "Time to answer, by route", ["service", "method", "route", "status"])
HTTP_REFUSED = Counter("aftersale_http_refused_total", "Calls refused before their body was read", ["service", "status", "code"])
CONSUMED = Counter("aftersale_events_consumed_total", "Messages handled, by outcome", ["service", "type", "outcome"])
LAG_SECONDS = Histogram(
    "aftersale_consumer_lag_seconds",
    "From the event's recording to its effect's commit",
    ["service"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 120, 600),
)
OUTBOX_UNSENT = Gauge("aftersale_outbox_unsent", "Committed events that the broker has not confirmed", ["service"])
OUTBOX_AGE_SECONDS = Gauge("aftersale_outbox_oldest_unsent_seconds", "Age of the oldest of them", ["service"])
PARKED = Gauge("aftersale_messages_parked", "Messages that failed, by state", ["service", "state"])
SET_ASIDE = Gauge("aftersale_rows_set_aside", "Rows that cannot be read or published and were left out", ["service"])
BROKER_UP = Gauge("aftersale_broker_connected", "1 while this process is connected to RabbitMQ", ["service"])
KEYS_FILE_BAD = Gauge("aftersale_keys_file_bad", "1 while the keys file cannot be used and the last good keys stay in force", ["service"])
SHARES_IN_USE = Gauge("aftersale_shares_in_use", "Slots held of one kind: connections, walks, exports, events, decoders, …", ["name"])
SHARES_WAITING = Gauge("aftersale_shares_waiting", "Tasks that wait for a slot of that kind", ["name"])
SHARES_REFUSED = Counter("aftersale_shares_refused_total", "Waits for a slot that ended in a refusal", ["name"])
QUEUE_READY = Gauge("aftersale_queue_ready", "Messages in the service's queue that no worker has yet", ["service"])
DELIVERIES = Gauge("aftersale_deliveries_in_flight", "Messages delivered to this process and not settled yet", ["service"])
STANDS_STILL = Gauge("aftersale_stands_still", "1 while the consumer, or background work, is stuck or fails", ["service", "work"])
