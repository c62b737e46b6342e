"""Fixtures on real parts: a PostgreSQL server for the test run, a fresh database for each test that wants one."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from carteira.warehouse import embedded, migrate
from carteira.warehouse.connection import Warehouse

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The DSN of a running server, as its superuser."""
    with tempfile.TemporaryDirectory(prefix="carteira-test-") as home, embedded.running(Path(home)) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def template(server: str) -> str:
    """The name of a database that is migrated once and cloned for each test."""
    with _administrator(server) as connection:
        connection.execute("create database carteira_template")
    migrate.upgrade(Warehouse(make_conninfo(server, dbname="carteira_template")))
    return "carteira_template"


@pytest.fixture
def database(server: str) -> Iterator[str]:
    """The DSN of an empty database."""
    with _database(server, "template1") as dsn:
        yield dsn


@pytest.fixture
def warehouse(server: str, template: str) -> Iterator[Warehouse]:
    """A fresh migrated database."""
    with _database(server, template) as dsn:
        yield Warehouse(dsn)


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with _administrator(server) as connection:
        connection.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        yield make_conninfo(server, dbname=name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@contextmanager
def _administrator(server: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection
