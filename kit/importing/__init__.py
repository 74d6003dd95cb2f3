"""Imports a shop's history through the public APIs, and accounts for every row and penny of it."""
