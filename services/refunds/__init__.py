"""Refunds: the only authority on what is refunded. It learns about orders only through events."""
