"""Routes: parse → transaction → one command or query → answer. They decide nothing."""

from fastapi import APIRouter

from services.refunds.api import attention, policy, refunds, requests

router = APIRouter()
for routes in (requests.router, refunds.router, policy.router, attention.router):
    router.include_router(routes)
