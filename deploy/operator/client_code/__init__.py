"""Writes the generated part of the Python client (kit/client) from the merged OpenAPI document. Pure: a document in, source text out."""
