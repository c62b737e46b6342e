"""The JSON API of the dashboard: the same questions as the pages ask, for programs."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import Response

from carteira.customer_sales import customers, period, reports
from carteira.customer_sales.customers import Customer, Filters
from carteira.customer_sales.period import PRESETS, Period
from carteira.customer_sales.reports import Figures
from carteira.customer_sales.segments import STATUSES, Status
from carteira.customer_sales.sight import Sight
from carteira.warehouse import stamp
from carteira.warehouse.connection import Connection, Warehouse
from carteira.warehouse.stamp import Stamp
from carteira.web import kept
from carteira.web.portfolios import Portfolios
from carteira.web.session import Viewer, admin, sight_of, signed_in

router = APIRouter(prefix="/api")
SignedIn = Annotated[Viewer, Depends(signed_in)]

# A money amount is written with all its digits; JSON knows no other number than this, only readers do.
encode = msgspec.json.Encoder(decimal_format="number").encode
CENT = Decimal("0.01")
_listing = ThreadPoolExecutor(4, "listing")
BIGGEST_ID = 2**63 - 1
# The columns of the table, in its order; the rest of a Customer is told of one customer only.
JUDGED = {"status", "letter"}
LISTED = [field.name for field in fields(Customer)][: [field.name for field in fields(Customer)].index("kind")]
Row = msgspec.defstruct("Row", LISTED, frozen=True, gc=False)


def _is_period(text: str) -> str:
    period.parse(text)
    return text


Days = Annotated[str, AfterValidator(_is_period)]
Text = Annotated[str, Field(max_length=200)]


class Question(BaseModel):
    """What may be asked of the customer list. An unknown name is refused: a filter that is misspelt filters nothing."""

    model_config = ConfigDict(extra="forbid")

    page: int = Field(1, ge=1, le=10**9)
    limit: int = Field(50, ge=1, le=500)
    sort: Literal[
        "customer_id",
        "customer_name",
        "customer_cnpj",
        "total_revenue",
        "total_deals",
        "average_deal_value",
        "first_purchase_date",
        "last_purchase_date",
        "open_deals",
        "lost_deals",
        "last_sync_at",
    ] = "total_revenue"
    order: Literal["asc", "desc"] = "desc"
    search: Text = ""
    with_sales: bool | None = None
    owner: int | None = Field(None, ge=0, le=BIGGEST_ID)
    state: list[Text] = Field(default_factory=list, max_length=30)
    city: Text | None = None
    status: list[Status] = Field(default_factory=list, max_length=len(STATUSES))
    minimum_revenue: Decimal | None = Field(None, ge=0, lt=10**16)
    period: Days | None = None

    def page_asked(self) -> dict[str, Any]:
        """Which page of the list, in which order."""
        return {"sort": self.sort, "order": self.order, "limit": self.limit, "page": self.page}

    def filters(self) -> Filters:
        return Filters(
            search=self.search.strip(),
            with_sales=self.with_sales,
            owner=self.owner,
            states=tuple(bare(state) for state in self.state),
            city=bare(self.city) if self.city else None,
            statuses=tuple(self.status),
            minimum=self.minimum_revenue,
            period=period.parse(self.period) if self.period else None,
        )


def bare(text: str) -> str:
    """Without NUL, which no text in PostgreSQL holds and so none can equal."""
    return text.replace("\0", "")


MANY = ("state", "status")
# What FastAPI would say of it, had it been given the reading of it: see `asked`.
DESCRIBED = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in Question.model_json_schema()["properties"].items()
    ]
}


async def asked(request: Request) -> Question:
    """The question that an address holds; a fault is told as that of any other parameter."""
    # FastAPI reads such a model too, but looks at the type of every field again for every request: 0.3 ms.
    given = request.query_params
    try:
        return Question.model_validate({name: given.getlist(name) if name in MANY else given[name] for name in given})
    except ValidationError as error:
        raise RequestValidationError([fault | {"loc": ("query", *fault["loc"])} for fault in error.errors()]) from error


class PeriodQuestion(BaseModel):
    """Which local days, both ends included."""

    model_config = ConfigDict(extra="forbid")

    period: Days | None = None


@router.get("/dashboard/customers", openapi_extra=DESCRIBED)
async def list_customers(request: Request, viewer: SignedIn, question: Annotated[Question, Depends(asked)]) -> Response:
    """customer_sales: searched, filtered, sorted, paged; a period sets what revenue, deals and average count."""
    # A pool of its own costs less than the routes' common one, which counts who waits for whom.
    return await asyncio.get_running_loop().run_in_executor(_listing, _listed, request, viewer, question)


def _listed(request: Request, viewer: Viewer, question: Question) -> Response:
    return _listed_at_once(request, viewer, question) or _answer(request, viewer, partial(_list, request, question))


def _listed_at_once(request: Request, viewer: Viewer, question: Question) -> Response | None:
    """Everybody, while it is known how many they are: one round trip, where a transaction takes four."""
    sight, filters = sight_of(viewer), question.filters()
    page = customers.figures_alone(sight, filters, **question.page_asked())
    if page is None:
        return None
    warehouse: Warehouse = request.app.state.warehouse
    (stamped,), rows = warehouse.at_once((stamp.statement(), {}), page)
    read = stamp.of(stamped, request.app.state.zone)
    totals = _portfolios(request).known(read, sight, *customers.totals_asked(filters))
    return _told(request, read, _page(question, rows, totals[0])) if totals else None


def _list(
    request: Request, question: Question, connection: Connection, sight: Sight, zone: ZoneInfo, read: Stamp
) -> dict[str, Any]:
    filters, portfolios = question.filters(), _portfolios(request)
    rows, total = customers.figures(
        connection,
        sight,
        zone,
        filters,
        portfolio=portfolios.of(connection, read, sight) if filters.ask_the_portfolio else None,
        once=partial(portfolios.report, read, sight),
        **question.page_asked(),
    )
    return _page(question, rows, total)


def _page(question: Question, rows: list[tuple[Any, ...]], total: int) -> dict[str, Any]:
    return {
        "data": [Row(*row) for row in rows],
        "pagination": {
            "page": question.page,
            "limit": question.limit,
            "total": total,
            "total_pages": -(-total // question.limit),
        },
    }


@router.get("/dashboard/customers/{customer_id}")
def one_customer(
    request: Request, viewer: SignedIn, customer_id: Annotated[int, Path(ge=-BIGGEST_ID, le=BIGGEST_ID)]
) -> Response:
    """One customer with what the contact says and its deals, the newest first; 404 also where it is out of sight."""

    def told(connection: Connection, sight: Sight, zone: ZoneInfo, read: Stamp) -> dict[str, Any]:
        customer = customers.customer(connection, sight, customer_id)
        if customer is None:
            raise HTTPException(404, f"There is no customer {customer_id} among those that you may see.")
        row = {field.name: getattr(customer, field.name) for field in fields(customer) if field.name not in JUDGED}
        return {"data": row | {"deals": customers.deals(connection, sight, customer_id)}}

    return _answer(request, viewer, told)


@router.get("/dashboard/summary")
def summary(request: Request, viewer: SignedIn, question: Annotated[PeriodQuestion, Query()]) -> Response:
    """The tiles of a period, this month without one, with the period before and the same one of the year before."""

    def told(connection: Connection, sight: Sight, zone: ZoneInfo, read: Stamp) -> dict[str, Any]:
        chosen = _chosen(question, "mes", read.today)
        periods = [chosen, chosen.previous(), chosen.year_before()]
        figures = _portfolios(request).report(
            read, sight, lambda: reports.figures(connection, periods, read.today, zone, sight), "figures", periods
        )
        now, before, year_before = [_tiles(period, figure) for period, figure in zip(periods, figures, strict=True)]
        return {"data": now | {"previous": before, "year_before": year_before}}

    return _answer(request, viewer, told)


@router.get("/dashboard/revenue")
def revenue(request: Request, viewer: SignedIn, question: Annotated[PeriodQuestion, Query()]) -> Response:
    """Revenue by local month over a period, the last twelve months without one; months at its ends count in part."""

    def told(connection: Connection, sight: Sight, zone: ZoneInfo, read: Stamp) -> dict[str, Any]:
        months = _months(_chosen(question, "12-meses", read.today))
        figures = _portfolios(request).report(
            read, sight, lambda: reports.figures(connection, months, read.today, zone, sight), "figures", months
        )
        return {
            "data": [
                {"month": f"{month.first:%Y-%m}"} | _tiles(month, figure)
                for month, figure in zip(months, figures, strict=True)
            ]
        }

    return _answer(request, viewer, told)


@router.get("/openapi.json", include_in_schema=False)
def schema(request: Request, viewer: Annotated[Viewer, Depends(admin)]) -> Response:
    """The description of this API, for an admin and for tests: it is nobody else's business."""
    return Response(msgspec.json.encode(request.app.openapi()), media_type="application/json")


def _answer(request: Request, viewer: Viewer, told: Any) -> Response:
    """Rows and stamp from one snapshot, as JSON that may be kept."""
    warehouse: Warehouse = request.app.state.warehouse
    zone: ZoneInfo = request.app.state.zone
    with warehouse.transaction(snapshot=True) as connection:
        read = stamp.read(connection, zone)
        body = told(connection, sight_of(viewer), zone, read)
    return _told(request, read, body)


def _told(request: Request, read: Stamp, body: dict[str, Any]) -> Response:
    body["metadata"] = {"last_sync_at": read.last_sync_at, "stale": read.stale}
    return kept.answer(request, read, Response(encode(body), media_type="application/json"))


def _portfolios(request: Request) -> Portfolios:
    found: Portfolios = request.app.state.portfolios
    return found


def _chosen(question: PeriodQuestion, preset: str, today: date) -> Period:
    return period.parse(question.period) if question.period else PRESETS[preset](today)


def _months(chosen: Period) -> list[Period]:
    """A period cut at the borders of its months."""
    whole = reports.month_periods(chosen.first, chosen.last)
    return [Period(max(month.first, chosen.first), min(month.last, chosen.last), "month") for month in whole]


def _tiles(chosen: Period, figures: Figures) -> dict[str, Any]:
    return {
        "period": {"first": chosen.first, "last": chosen.last},
        "total_revenue": figures.revenue,
        "total_deals": figures.sales,
        "average_deal_value": figures.average.quantize(CENT, ROUND_HALF_UP),
        "customers_with_sales": figures.customers,
        "lost_deals": figures.lost,
    }
