"""Use cases, one function each, in a transaction that they do not commit."""
