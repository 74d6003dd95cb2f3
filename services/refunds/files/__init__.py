"""Customers' files: which uploads are accepted, and where their bytes are stored."""
