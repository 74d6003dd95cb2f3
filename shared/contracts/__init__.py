"""The published language: what services send to each other and to callers. Imports pydantic and no other room of `shared`."""
