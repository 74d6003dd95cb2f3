"""Routes: parse the request, run one command or query in a transaction, respond. They decide nothing."""

from services.refunds.api import attention, books, export, files, policy, refunds, requests
from shared.web.call import Router

router = Router()
for routes in (requests.router, export.router, books.router, attention.router, refunds.router, files.router, policy.router):
    router.include_router(routes)
