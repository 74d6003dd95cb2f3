"""Rows: the only commits, the tables that every schema has, what is kept of an answer, erasure, fair shares of connections."""
