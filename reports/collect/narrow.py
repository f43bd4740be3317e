"""The table `attempts`, narrow: words that repeat a million times are kept once, and an id isn't kept twice.

The columns, their names and their meaning are those of reports/model/tables.py; only how they are stored differs. A
word column is an ENUM of the words there are, sorted, so that it compares as its text does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from duckdb import DuckDBPyConnection

from reports.collect.merging import listed_files
from reports.model.tables import ATTEMPTS

WORDS: Final = ("job", "owner", "stage", "queue", "environment", "platform", "purchase", "image", "outcome")
STORED: Final = tuple(name for name in ATTEMPTS.names if name != "attempt_id")
"""Columns to insert; `attempt_id` is made of the job's id and the attempt's number where it is asked for."""


def make_attempts(connection: DuckDBPyConnection, compacted: Sequence[Path]) -> None:
    """Make `attempts`, empty, for the words of `ledger_merged`, of what fills gaps, and of the compacted files."""
    connection.execute(f"DROP TABLE IF EXISTS {ATTEMPTS.name}")
    columns = ", ".join(WORDS)
    sources = [f"SELECT {columns} FROM ledger_merged"]
    if compacted:
        sources.append(f"SELECT {columns} FROM read_parquet({listed_files(compacted)})")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE words AS SELECT DISTINCT {columns} FROM ({' UNION ALL '.join(sources)})"
    )
    for name in WORDS:
        connection.execute(f"DROP TYPE IF EXISTS {name}_word")
        filling = "".join(f" UNION SELECT {column} FROM {table}" for column, table in _FILLING if column == name)
        connection.execute(
            f"CREATE TEMP TYPE {name}_word AS ENUM "
            f"(SELECT word FROM (SELECT CAST({name} AS VARCHAR) AS word FROM words{filling}) "
            "WHERE word IS NOT NULL ORDER BY word)"
        )
    connection.execute("DROP TABLE words")
    lines = []
    for column in ATTEMPTS.columns:
        if column.name == "attempt_id":
            lines.append("attempt_id VARCHAR GENERATED ALWAYS AS (job_id || '#' || attempt) VIRTUAL")
        else:
            kind = f"{column.name}_word" if column.name in WORDS else column.type
            lines.append(f"{column.name} {kind}{'' if column.nullable else ' NOT NULL'}")
    connection.execute(f"CREATE TEMP TABLE {ATTEMPTS.name} ({', '.join(lines)})")


_FILLING: Final = (
    ("owner", "ledger_owners"),
    ("environment", "ledger_hosts"),
    ("environment", "ledger_clusters"),
    ("environment", "ledger_environments"),
    ("purchase", "ledger_hosts"),
    ("purchase", "ledger_clusters"),
    ("purchase", "ledger_environments"),
)
"""Words that rows get which were compacted before they were known."""
