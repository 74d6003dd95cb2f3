"""Orders: the only authority on an order's status, its totals and the money collected for it."""
