"""Explains every order, refund, stock level, document and event from the databases alone, without any of the services' code."""
