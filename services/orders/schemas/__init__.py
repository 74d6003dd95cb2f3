"""What the outside sees of orders: requests and answers."""
