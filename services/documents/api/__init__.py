"""Routes: parse, one command or query, answer.

documents.py  issued documents: lists, PDFs, verification, series, archive
prints.py     the print buttons of an order
settings.py   what stands on a store's paper
"""

from services.documents.api import documents, prints, settings
from shared.web.call import Router

router = Router()
router.include_router(prints.router, tags=["prints"])
router.include_router(documents.router, tags=["documents"])
router.include_router(settings.router, tags=["settings"])
