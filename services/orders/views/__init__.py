"""What callers see. Only `api` imports it."""
