"""Carteira: a company's customers and sales from the Ploomes CRM, in its own PostgreSQL."""

from __future__ import annotations

__version__ = "0.1.0"
