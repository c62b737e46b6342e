from carteira.warehouse import migrate
from carteira.warehouse.connection import Warehouse


def test_a_fresh_database_is_set_up(database: str) -> None:
    warehouse = Warehouse(database)
    migrate.ensure(warehouse)
    assert migrate.upgrade(warehouse) == []
    migrate.ensure(warehouse)


def test_the_fixture(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        assert connection.execute("select count(*) from customer_sales").fetchone() == (0,)
