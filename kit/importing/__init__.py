"""Bringing a shop's history in through the public APIs, and accounting for every row and penny of it."""
