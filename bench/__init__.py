"""Measures Carteira against the bare steps, against its limits and against others; `make bench`, `make bench-long`."""
