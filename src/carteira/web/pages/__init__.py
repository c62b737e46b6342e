"""The pages: each module answers one address; what they share is in `frame`."""

from __future__ import annotations

from fastapi import APIRouter

from carteira.web.pages import customer, customers, dashboard, portfolio, runs, saved, sign_in

router = APIRouter(include_in_schema=False)
for page in (dashboard, customers, customer, portfolio, runs, saved, sign_in):
    router.include_router(page.router)
