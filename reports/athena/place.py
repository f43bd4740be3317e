"""Where a report's figures are worked out. Naming a stage's Athena needs none of the packages that asking it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection

from reports.analyse.engine import Engine, LocalEngine
from reports.model.tables import BILL_LINES, INSTANCES


class AthenaFailed(Exception):
    """A query didn't come to its end; one sentence with its name and Athena's reason."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A stage's workgroup, database and bucket. `client` gives boto3's clients: `athena`, `glue`, `s3`."""

    stage: str
    bucket: str
    """The ledger's."""
    client: Callable[[str], Any]
    spend_limit: Decimal
    """Dollars that a report's queries may cost."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of Client, for tests."""

    @property
    def database(self) -> str:
        return f"batchyard_{self.stage.replace('-', '_')}"

    @property
    def workgroup(self) -> str:
        return f"batchyard-{self.stage}"

    def at(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


@contextmanager
def engine_at(
    place: Place | None,
    connection: DuckDBPyConnection,
    *,
    since: date,
    until: date,
    before: date,
    now: datetime,
    spent: Decimal,
    say: Callable[[str], None],
) -> Iterator[Engine]:
    """An engine over the tables of `connection`: DuckDB itself, or `place`, which is given what it lacks of them.

    Of attempts, Athena takes those that ended in `[since, until)` and began before `before`. `spent` dollars of the
    limit are gone already. Raises AthenaFailed.
    """
    if place is None:
        yield LocalEngine(connection)
        return
    from reports.athena.engine import opened

    tables = (INSTANCES, BILL_LINES)
    with opened(
        connection, place, since=since, until=until, before=before, now=now, tables=tables, spent=spent, say=say
    ) as engine:
        yield engine
