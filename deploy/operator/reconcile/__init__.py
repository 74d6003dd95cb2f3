"""Explaining every order, refund, stock level, document and event from the databases alone, with nothing of the services' own."""
