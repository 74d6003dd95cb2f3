"""Live streams of this service: the positions of a store's stream, and its followers."""
