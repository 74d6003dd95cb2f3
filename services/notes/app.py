"""Composition root of the note service."""

from services.notes import api, consumers, rules, tables
from shared.process.service import Service

SERVICE = Service(
    name="notes",
    title="Aftersale notes",
    description="Notes on an order, to its customer or private to staff, and the order's timeline, built from the events of all services.",
    nouns=("notes", "notes-settings", "timeline"),
    metadata=tables.metadata,
    router=api.router,
    consumers=consumers.consumers,
    problems=rules.PROBLEMS,
)
