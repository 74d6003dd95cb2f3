"""Composition root of the document service."""

from services.documents import rules, tables
from services.documents.api import router
from services.documents.commands.renderings import render_waiting
from services.documents.consumers import consumers
from services.documents.settings import DocumentSettings
from shared.process.service import Service, Sweeper

RENDER_EVERY_SECONDS = 1.0

SERVICE = Service(
    name="documents",
    title="Aftersale documents",
    description="Invoices, receipts and credit notes: issued on events, numbered without gaps, rendered as PDF, never changed.",
    nouns=("documents", "documents-settings", "prints"),
    metadata=tables.metadata,
    router=router,
    consumers=consumers,
    problems=rules.PROBLEMS,
    sweepers=(Sweeper("renderings", RENDER_EVERY_SECONDS, render_waiting),),
    settings=DocumentSettings,
)
