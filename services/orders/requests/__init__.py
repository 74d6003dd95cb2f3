"""Validated request bodies: each frozen model is the argument of its command."""
