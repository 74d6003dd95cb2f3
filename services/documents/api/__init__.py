"""Routes: parse the request, run one command or query, respond.

documents.py  issued documents: lists, PDFs, verification, series, archive
prints.py     the print buttons of an order; bundle.py prints those of many orders
settings.py   a store's document settings and logo
"""

from services.documents.api import bundle, documents, prints, settings
from shared.web.call import Router

router = Router()
router.include_router(prints.router, tags=["prints"])
router.include_router(bundle.router, tags=["prints"])
router.include_router(documents.router, tags=["documents"])
router.include_router(settings.router, tags=["settings"])
