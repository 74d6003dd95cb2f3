"""Reads and locking loaders. Each takes the actor or the store, so loading also authorises."""
