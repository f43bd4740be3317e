"""Where a stage's Athena is: plain values, without the packages that asking it needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any


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
