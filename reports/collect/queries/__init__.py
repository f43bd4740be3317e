"""The queries that read the ledger, DuckDB's dialect."""

from __future__ import annotations

from importlib import resources


def query(name: str) -> str:
    """The text of `<name>.sql`."""
    return resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
