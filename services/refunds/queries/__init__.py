"""Reads and locking loaders. Each takes the actor, so loading also authorises: it never selects what the actor may not see."""
