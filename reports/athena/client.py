"""One query after another on Athena: started, waited for, read, and paid for within a limit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import Retrying, retry_if_result, stop_after_delay
from tenacity.wait import wait_base, wait_exponential, wait_exponential_jitter

from reports.athena.place import AthenaFailed
from reports.athena.values import value
from reports.collect.patience import patiently

PRICE_PER_TB: Final = Decimal(5)
"""Dollars for 1e12 bytes scanned (AWS's price page of Athena, us-east-1, November 2026; some regions ask more)."""
LEAST_BYTES: Final = 10_000_000
"""What a query that reads anything is billed for at least; statements that define tables are free."""
_MEGABYTE: Final = 1_000_000
_TERABYTE: Final = 10**12
LONGEST_S: Final = 1800
"""Athena's own limit of a query, seconds (its default quota for DML)."""
PAUSES: Final = wait_exponential(multiplier=0.25, max=5)
AFTER_THROTTLING: Final = wait_exponential_jitter(multiplier=0.5, max=20)
_TRIES: Final = 8
_THROTTLED: Final = frozenset({"TooManyRequestsException", "ThrottlingException", "InternalServerException"})
_OVER: Final = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_PAGE_ROWS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A query that ended."""

    query_id: str
    scanned_bytes: int
    billed_bytes: int


class Client:
    """Asks Athena. `limit` is the dollars that its queries together may cost."""

    def __init__(
        self,
        athena: Any,
        *,
        workgroup: str,
        database: str,
        results: str,
        limit: Decimal,
        say: Callable[[str], None] = lambda _: None,
        pauses: wait_base = PAUSES,
        after_throttling: wait_base = AFTER_THROTTLING,
    ) -> None:
        self._athena = athena
        self._workgroup = workgroup
        self._database = database
        self._results = results
        self._limit = limit
        self._say = say
        self._pauses = pauses
        self._after_throttling = after_throttling
        self.queries = 0
        self.scanned_bytes = 0
        self.billed_bytes = 0

    @property
    def price(self) -> Decimal:
        """Dollars so far, never less than AWS will bill."""
        return price(self.billed_bytes)

    def run(self, name: str, statement: str, *, free: bool = False) -> Answer:
        """Run a statement to its end. `free` ones define tables and scan nothing. Raises AthenaFailed."""
        if not free and self.billed_bytes + LEAST_BYTES > limit_bytes(self._limit):
            raise AthenaFailed(
                f"Athena, query {name}: wasn't started, as ${self.price:.4f} of the limit of ${self._limit} are spent; "
                "raise --spend-limit to ask further"
            )
        started = self._call(
            name,
            self._athena.start_query_execution,
            QueryString=statement,
            ClientRequestToken=uuid.uuid4().hex,  # a repeated call starts nothing twice
            QueryExecutionContext={"Database": self._database},
            ResultConfiguration={"OutputLocation": self._results},
            WorkGroup=self._workgroup,
        )
        query_id = str(started["QueryExecutionId"])
        told = self._wait(name, query_id, free=free)
        scanned = int(told.get("Statistics", {}).get("DataScannedInBytes", 0))
        billed = 0 if free else billable_bytes(scanned)
        self.queries += 1
        self.scanned_bytes += scanned
        state = told["Status"]["State"]
        if state != "SUCCEEDED":
            if state == "CANCELLED":
                self.billed_bytes += billed  # a query that failed isn't billed, one that was stopped is
            status = told["Status"]
            reason = status.get("StateChangeReason") or status.get("AthenaError", {}).get("ErrorMessage") or "no reason"
            raise AthenaFailed(f"Athena, query {name}: {state.lower()}: {' '.join(str(reason).split())}")
        self.billed_bytes += billed
        if not free:
            self._say(f"Athena, {name}: {scanned / _MEGABYTE:,.1f} MB scanned, ${self.price:.4f} so far")
        return Answer(query_id=query_id, scanned_bytes=scanned, billed_bytes=billed)

    def rows(self, name: str, query_id: str) -> list[dict[str, Any]]:
        """The rows of a SELECT that ended, all pages. Raises AthenaFailed."""
        found: list[dict[str, Any]] = []
        for number, page in enumerate(self._pages(name, query_id)):
            result = page["ResultSet"]
            columns = [(one["Name"], one["Type"]) for one in result.get("ResultSetMetadata", {}).get("ColumnInfo", [])]
            if not columns:
                raise AthenaFailed(f"Athena, query {name}: answered without columns, as emulators do")
            for row in result["Rows"][1 if number == 0 else 0 :]:  # the first row is the columns' names
                texts = [cell.get("VarCharValue") for cell in row["Data"]]
                try:
                    found.append({n: value(kind, text) for (n, kind), text in zip(columns, texts, strict=True)})
                except ValueError as problem:
                    raise AthenaFailed(f"Athena, query {name}: answered what can't be read: {problem}") from problem
        return found

    def _pages(self, name: str, query_id: str) -> Iterator[Mapping[str, Any]]:
        request: dict[str, Any] = {"QueryExecutionId": query_id, "MaxResults": _PAGE_ROWS}
        while True:
            page = self._call(name, self._athena.get_query_results, **request)
            yield page
            token = page.get("NextToken")
            if not token:
                return
            request["NextToken"] = token

    def _wait(self, name: str, query_id: str, *, free: bool) -> Mapping[str, Any]:
        left = limit_bytes(self._limit) - self.billed_bytes
        stopped = False

        def look() -> Mapping[str, Any]:
            nonlocal stopped
            told: Mapping[str, Any] = self._call(name, self._athena.get_query_execution, QueryExecutionId=query_id)[
                "QueryExecution"
            ]
            scanned = int(told.get("Statistics", {}).get("DataScannedInBytes", 0))
            if not free and not stopped and scanned > left and told["Status"]["State"] not in _OVER:
                self._say(f"Athena, {name}: stopped, as it scans more than the limit of ${self._limit} allows")
                self._call(name, self._athena.stop_query_execution, QueryExecutionId=query_id)
                stopped = True
            return told

        retrying = Retrying(
            retry=retry_if_result(lambda told: told["Status"]["State"] not in _OVER),
            wait=self._pauses,
            stop=stop_after_delay(LONGEST_S * 2),
            retry_error_callback=lambda _: None,
        )
        told: Mapping[str, Any] | None = retrying(look)
        if told is None:
            raise AthenaFailed(f"Athena, query {name}: didn't end within {LONGEST_S * 2} s")
        return told

    def _call(self, name: str, call: Callable[..., Any], **request: Any) -> Any:
        try:
            return patiently(_THROTTLED, attempts=_TRIES, wait=self._after_throttling)(call, **request)
        except ClientError as error:
            said = error.response["Error"]
            raise AthenaFailed(
                f"Athena, query {name}: {said['Code']}: {said.get('Message', '')}".rstrip(": ")
            ) from error
        except BotoCoreError as error:
            raise AthenaFailed(f"Athena, query {name}: couldn't be reached: {error}") from error


def price(billed_bytes: int) -> Decimal:
    """Dollars of bytes that are billed."""
    return PRICE_PER_TB * billed_bytes / _TERABYTE


def billable_bytes(scanned_bytes: int) -> int:
    """Bytes a query is billed for: whole megabytes, at least ten."""
    return max(LEAST_BYTES, -(-scanned_bytes // _MEGABYTE) * _MEGABYTE)


def limit_bytes(limit: Decimal) -> int:
    """Bytes that may be scanned for so many dollars."""
    return int(limit / PRICE_PER_TB * _TERABYTE)
