"""What the outside sees of refunds: requests and answers."""
