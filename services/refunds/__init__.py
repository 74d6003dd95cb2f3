"""Refunds: the only authority on what is refunded. It learns of orders through events alone."""
