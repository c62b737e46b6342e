"""What the company leaves out is in no total, and everything agrees with plain sums in Python before and after."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg
import pytest
from dashboard import ANA, BRUNO, publish

from carteira.customer_sales import company, customers, reports, segments
from carteira.customer_sales.customers import Filters
from carteira.customer_sales.period import Period
from carteira.customer_sales.sight import EVERYTHING, Sight
from carteira.warehouse import stamp
from carteira.warehouse.connection import Connection, Warehouse

ZONE = ZoneInfo("America/Sao_Paulo")
ALWAYS = Period(date(2020, 1, 1), date(2026, 12, 31))
NEW_BUSINESS, RENEWALS = 1, 2
HERS = Sight(sees_all=False, owner_id=ANA)


@pytest.fixture
def published(warehouse: Warehouse) -> Warehouse:
    """Every second deal is a renewal, one is in no pipeline, and one renewal is in dollars."""
    publish(warehouse)
    with warehouse.transaction() as connection:
        connection.execute("update sync_state set usual_currency_id = 1")
        connection.execute(
            "insert into pipelines (pipeline_id, name) values (%s, 'Novos'), (%s, 'Renovações')",
            (NEW_BUSINESS, RENEWALS),
        )
        connection.execute("update sales set pipeline_id = 1 + deal_id %% 2, currency_id = 1 where deal_id <> 13", ())
        connection.execute(
            "insert into sales (deal_id, customer_id, total, status, owner_id, pipeline_id, currency_id, closed_at)"
            " values (90, 2, 7.77, 'won', %s, 2, 99, '2026-11-04T12:00Z'),"
            " (91, 2, 8.88, 'won', %s, 2, 1, '2026-11-04T12:00Z'),"
            " (92, 3, 9.99, 'open', %s, 2, 1, null), (93, 6, 1.11, 'won', %s, 2, 1, '2026-05-04T12:00Z')",
            (BRUNO, BRUNO, ANA, BRUNO),
        )
        company.leave_out(connection, [RENEWALS, 777], "America/Sao_Paulo")
        company.leave_out(connection, [], "America/Sao_Paulo")
    return warehouse


def counted(connection: Connection, left_out: list[int], sight: Sight = EVERYTHING) -> list[tuple[int | None, Decimal]]:
    """The sales, counted in Python: customer and amount."""
    deals = connection.execute(
        "select s.customer_id, coalesce(s.total, 0), s.status, s.pipeline_id, s.currency_id, s.owner_id, c.owner_id"
        " from sales s left join customers c using (customer_id) where s.deleted_at is null and s.rejected_at is null"
    ).fetchall()
    return [
        (customer_id, total)
        for customer_id, total, status, pipeline_id, currency_id, owner_id, seller in deals
        if status == "won" and pipeline_id not in left_out and currency_id in (1, None)
        and (sight.sees_all or owner_id == seller == sight.owner_id)
    ]  # fmt: skip


def agrees(connection: Connection, left_out: list[int]) -> None:
    for sight in (EVERYTHING, HERS):
        expected = [(who, total) for who, total in counted(connection, left_out, sight) if who is not None]
        for filters in (Filters(), Filters(period=ALWAYS)):
            found = customers.listing(connection, sight, ZONE, filters)
            dated = [one for one in expected if filters.period is None or one[0] != 5]
            assert found.revenue == sum(total for _, total in dated)
            assert found.deals == len(dated)
            for row in found.rows:
                assert row.total_revenue == sum(total for who, total in dated if who == row.customer_id)


@pytest.mark.every_postgres
def test_totals_agree_with_plain_sums_whatever_is_left_out(published: Warehouse) -> None:
    for left_out in ([], [RENEWALS], [NEW_BUSINESS], [NEW_BUSINESS, RENEWALS], [RENEWALS]):
        with published.transaction() as connection:
            company.leave_out(connection, left_out, "America/Sao_Paulo")
            agrees(connection, left_out)
            ledger = reports.ledger(connection, ALWAYS, ZONE, EVERYTHING)
            (figures,) = reports.figures(connection, [ALWAYS], date(2026, 11, 24), ZONE, EVERYTHING)
            everything = reports.shares(
                connection, dict.fromkeys(("now", "before", "last_year"), ALWAYS), ZONE, EVERYTHING
            )
            portfolio = segments.portfolio(connection, date(2026, 11, 24), EVERYTHING)
            sales = counted(connection, left_out)
            assert ledger.revenue == figures.revenue == sum(share.revenue for share in everything.pipelines)
            lacks = reports.lacks(connection, ZONE, EVERYTHING)
            assert ledger.revenue + lacks.undated_revenue == sum(total for _, total in sales)
            assert lacks.pipelines_left_out == [{1: "Novos", 2: "Renovações"}[number] for number in left_out]
            bought = {who for who, _ in sales if who not in (None, 5)}
            assert sum(group.customers for group in portfolio.groups if group.status != "sem") == len(bought)


def test_the_ledger_tells_what_is_left_out(published: Warehouse) -> None:
    with published.transaction() as connection:
        all_of_it = reports.ledger(connection, ALWAYS, ZONE, EVERYTHING)
        company.leave_out(connection, [RENEWALS], "America/Sao_Paulo")
        ledger = reports.ledger(connection, ALWAYS, ZONE, EVERYTHING)

        assert ledger.revenue + ledger.left_out_revenue == all_of_it.revenue
        assert (
            ledger.sales_left_out
            == connection.execute(
                "select count(*) from sales where status = 'won' and pipeline_id = 2 and closed_at is not null"
            ).fetchall()[0][0]
        )
        assert ledger.sales_in_other_currency == 0
        assert all_of_it.sales_in_other_currency == 1


def test_a_change_is_a_publication_and_no_change_is_none(published: Warehouse) -> None:
    with published.transaction() as connection:
        before = stamp.read(connection, ZONE).publication
        assert company.leave_out(connection, [RENEWALS], "America/Sao_Paulo")
        assert not company.leave_out(connection, [RENEWALS, RENEWALS], "America/Sao_Paulo")
        assert stamp.read(connection, ZONE).publication == before + 1
        limits = company.limits(connection)
        assert not company.set_limits(connection, limits, "America/Sao_Paulo")
        assert company.set_limits(connection, replace(limits, a_share=Decimal("0.7")), "America/Sao_Paulo")
        assert stamp.read(connection, ZONE).publication == before + 2
        assert company.limits(connection).a_share == Decimal("0.7")


def test_limits_that_contradict_one_another_change_nothing(published: Warehouse) -> None:
    with published.transaction() as connection:
        limits = company.limits(connection)
    with pytest.raises(psycopg.errors.CheckViolation), published.transaction() as connection:
        company.set_limits(connection, replace(limits, inactive_days=limits.late_days), "America/Sao_Paulo")
    with published.transaction() as connection:
        assert company.limits(connection) == limits
