"""Live streams of this service: the numbers of a store's stream, and its followers."""
