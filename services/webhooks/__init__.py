"""Webhooks: brings every public event to the programs of others, and lists what happened."""
