"""What may happen to an order, and what its figures are. Pure: no session, no clock, no broker; each file is named for its rule."""
