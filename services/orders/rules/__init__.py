"""What may happen to an order, and how its figures are computed. Pure: no session, clock or broker. Each file is named for its rule."""
