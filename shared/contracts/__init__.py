"""The published language: what services say to one another and to callers. Imports pydantic and nothing of ours."""
