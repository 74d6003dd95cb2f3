"""Transporting events: outbox and relay, broker, inbox and group commit."""
