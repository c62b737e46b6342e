"""`app`, for a platform that imports an ASGI application and runs it for each request, as Vercel does.

There is no embedded database there: DATABASE_URL is required. A first load is read in slices of
SYNC_DEADLINE_SECONDS, one for each call of the cron route.
"""

from __future__ import annotations

from carteira.settings import load
from carteira.warehouse.connection import Warehouse
from carteira.web.app import create_app

settings = load(required=("DATABASE_URL",))
assert settings.database_url is not None
app = create_app(settings, Warehouse(settings.database_url.reveal(), settings.database_schema))
