"""Athena's faults: throttled, failed, past the limit, away; and answers of every type. Shapes are botocore's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import ANY, Stubber
from tenacity import wait_none

from reports.athena.client import PRICE_PER_TB, Client, billable_bytes, limit_bytes, price
from reports.athena.place import AthenaFailed
from reports.athena.values import value

ID = "11111111-2222-3333-4444-555555555555"
START = {
    "QueryString": "SELECT 1",
    "ClientRequestToken": ANY,
    "QueryExecutionContext": {"Database": "lake"},
    "ResultConfiguration": {"OutputLocation": "s3://ledger/athena/results/"},
    "WorkGroup": "batchyard-prod",
}


@pytest.fixture
def athena() -> Any:
    return boto3.client("athena", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")


@pytest.fixture
def stub(athena: Any) -> Any:
    with Stubber(athena) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def client(athena: Any, *, limit: str = "1", say: Callable[[str], None] = lambda _: None) -> Client:
    return Client(
        athena,
        workgroup="batchyard-prod",
        database="lake",
        results="s3://ledger/athena/results/",
        limit=Decimal(limit),
        say=say,
        pauses=wait_none(),
        after_throttling=wait_none(),
    )


def started(stub: Any) -> None:
    stub.add_response("start_query_execution", {"QueryExecutionId": ID}, START)


def is_at(stub: Any, state: str, *, scanned: int | None = None, reason: str | None = None) -> None:
    told: dict[str, Any] = {"QueryExecutionId": ID, "Status": {"State": state}}
    if reason is not None:
        told["Status"]["StateChangeReason"] = reason
    if scanned is not None:
        told["Statistics"] = {"DataScannedInBytes": scanned}
    stub.add_response("get_query_execution", {"QueryExecution": told}, {"QueryExecutionId": ID})


def test_a_query_is_started_waited_for_and_paid(athena: Any, stub: Any) -> None:
    said: list[str] = []
    asking = client(athena, say=said.append)
    started(stub)
    is_at(stub, "QUEUED")
    is_at(stub, "RUNNING", scanned=1_000_000)
    is_at(stub, "SUCCEEDED", scanned=2_000_000_001)
    answer = asking.run("hosts", "SELECT 1")
    assert (answer.query_id, answer.scanned_bytes, answer.billed_bytes) == (ID, 2_000_000_001, 2_001_000_000)
    assert (asking.queries, asking.price) == (1, Decimal("0.010005"))
    assert said == ["Athena, hosts: 2,000.0 MB scanned, $0.0100 so far"]


def test_a_throttled_call_is_tried_again_with_the_same_token(athena: Any, stub: Any) -> None:
    for _ in range(3):
        stub.add_client_error("start_query_execution", "TooManyRequestsException", "slow down")
    started(stub)
    stub.add_client_error("get_query_execution", "ThrottlingException", "slow down")
    is_at(stub, "SUCCEEDED", scanned=5)
    assert client(athena).run("hosts", "SELECT 1").billed_bytes == 10_000_000


def test_throttled_for_good_is_said(athena: Any, stub: Any) -> None:
    for _ in range(8):
        stub.add_client_error("start_query_execution", "TooManyRequestsException", "slow down")
    with pytest.raises(AthenaFailed, match=r"^Athena, query hosts: TooManyRequestsException: slow down$"):
        client(athena).run("hosts", "SELECT 1")


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_query_that_fails_is_one_sentence(athena: Any, stub: Any, state: str) -> None:
    asking = client(athena)
    started(stub)
    is_at(stub, state, scanned=3_000_000_000, reason="SYNTAX_ERROR: line 1:8:\n Column 'x' cannot be resolved")
    with pytest.raises(AthenaFailed) as problem:
        asking.run("hosts", "SELECT 1")
    reason = "SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved"
    assert str(problem.value) == f"Athena, query hosts: {state.lower()}: {reason}"
    # AWS bills what a stopped query scanned, and nothing for one that failed
    assert asking.billed_bytes == (3_000_000_000 if state == "CANCELLED" else 0)


def test_a_query_past_the_limit_is_stopped(athena: Any, stub: Any) -> None:
    said: list[str] = []
    started(stub)
    is_at(stub, "RUNNING", scanned=limit_bytes(Decimal("0.01")) + 1)
    stub.add_response("stop_query_execution", {}, {"QueryExecutionId": ID})
    is_at(stub, "RUNNING", scanned=limit_bytes(Decimal("0.01")) + 2)
    is_at(stub, "CANCELLED", scanned=limit_bytes(Decimal("0.01")) + 2, reason="Query cancelled by user")
    with pytest.raises(AthenaFailed, match="query hosts: cancelled: Query cancelled by user"):
        client(athena, limit="0.01", say=said.append).run("hosts", "SELECT 1")
    assert said == ["Athena, hosts: stopped, as it scans more than the limit of $0.01 allows"]


def test_nothing_is_started_that_the_limit_cannot_pay(athena: Any, stub: Any) -> None:
    asking = client(athena, limit="0.0001")
    started(stub)
    is_at(stub, "SUCCEEDED", scanned=11_000_000)
    asking.run("hosts", "SELECT 1")
    with pytest.raises(AthenaFailed, match=r"wasn't started, as \$0\.0001 of the limit of \$0\.0001 are spent; raise"):
        asking.run("instance_hours", "SELECT 1")
    started(stub)
    is_at(stub, "SUCCEEDED", scanned=0)
    assert asking.run("table", "SELECT 1", free=True).billed_bytes == 0


def test_a_service_that_is_away_is_said(athena: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_request: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://athena.example")

    monkeypatch.setattr(athena, "start_query_execution", away)
    with pytest.raises(AthenaFailed, match="query hosts: couldn't be reached: Could not connect"):
        client(athena).run("hosts", "SELECT 1")


def page(rows: list[list[str | None]], token: str | None = None) -> dict[str, Any]:
    types = {"job": "varchar", "cost": "decimal", "n": "bigint", "share": "double", "day": "date", "at": "timestamp"}
    types["ok"] = "boolean"
    answer: dict[str, Any] = {
        "ResultSet": {
            "Rows": [{"Data": [{} if one is None else {"VarCharValue": one} for one in row]} for row in rows],
            "ResultSetMetadata": {"ColumnInfo": [{"Name": name, "Type": kind} for name, kind in types.items()]},
        }
    }
    return answer | ({"NextToken": token} if token else {})


def test_every_page_is_read_and_every_type_comes_back(athena: Any, stub: Any) -> None:
    names: list[str | None] = ["job", "cost", "n", "share", "day", "at", "ok"]
    whole = [
        "a",
        "123456789012345678901",
        "9223372036854775807",
        "1.5E-7",
        "2026-11-09",
        "2026-11-09 10:00:00.123",
        "true",
    ]
    asked = {"QueryExecutionId": ID, "MaxResults": 1000}
    stub.add_response("get_query_results", page([names, [*whole]], token="more"), asked)
    stub.add_response(
        "get_query_results", page([["", None, "0", "NaN", None, None, "false"]]), {**asked, "NextToken": "more"}
    )
    first, second = client(athena).rows("days", ID)
    assert list(first.values()) == [
        *("a", 123456789012345678901, 9223372036854775807, 1.5e-7, date(2026, 11, 9)),
        datetime(2026, 11, 9, 10, 0, 0, 123_000, tzinfo=UTC).replace(tzinfo=None),
        True,
    ]
    assert (second["job"], second["cost"], second["ok"], second["at"]) == ("", None, False, None)


def test_an_answer_that_cannot_be_read_is_said(athena: Any, stub: Any) -> None:
    names: list[str | None] = ["job", "cost", "n", "share", "day", "at", "ok"]
    stub.add_response("get_query_results", page([names, ["a", "1", "x", None, None, None, None]]), None)
    with pytest.raises(AthenaFailed, match="query days: answered what can't be read: invalid literal"):
        client(athena).rows("days", ID)


def test_an_answer_without_columns_is_an_emulators(athena: Any, stub: Any) -> None:
    stub.add_response("get_query_results", {"ResultSet": {"Rows": []}}, None)
    with pytest.raises(AthenaFailed, match="query days: answered without columns, as emulators do"):
        client(athena).rows("days", ID)


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("decimal(38,0)", "-42", -42),
        ("decimal(38,12)", "2.100000000000", Decimal("2.1")),
        ("timestamp(3)", "2026-11-09 00:00:00.000", "2026-11-09 00:00:00"),
        ("varchar(4)", "", ""),
    ],
)
def test_a_value_is_exact(kind: str, text: str, told: object) -> None:
    assert str(value(kind, text)) == str(told) or value(kind, text) == told


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="a column of the type map"):
        value("map(varchar, bigint)", "{}")
    with pytest.raises(ValueError, match="is no boolean"):
        value("boolean", "1")


def test_the_price_is_never_told_too_low() -> None:
    assert price(10**12) == PRICE_PER_TB == 5
    assert [billable_bytes(n) for n in (0, 1, 10_000_001, 10**9)] == [10**7, 10**7, 11_000_000, 10**9]
    assert limit_bytes(Decimal("0.10")) == 20 * 10**9
