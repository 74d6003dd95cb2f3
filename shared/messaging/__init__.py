"""Events on their way: outbox and relay, broker, inbox and group commit."""
