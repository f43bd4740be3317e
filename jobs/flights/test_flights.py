"""The flights job on small CSVs against moto's S3, in process."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest
from moto import mock_aws

UPLOADS, RESULTS = "uploads-1", "results-1"
HEADER = "year,month,day,dep_time,dep_delay,arr_delay,carrier,flight,origin,hour\n"
JANUARY = (
    HEADER
    + "2013,1,1,517,2,11,UA,1545,EWR,5\n"
    + "2013,1,1,533,4,20,UA,1714,EWR,5\n"
    + "2013,1,2,NA,NA,NA,UA,1,EWR,5\n"
    + "2013,1,1,542,-3,-10,AA,1141,JFK,5\n"
    + "2013,1,1,600,30,,AA,1142,JFK,6\n"
)


def load_main() -> ModuleType:
    spec = importlib.util.spec_from_file_location("flights_main", Path(__file__).with_name("main.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


main = load_main()


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """The job's own client against moto, made once: making one takes longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        with mock_aws():
            yield main.s3_client()


@pytest.fixture
def s3(client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The client with two empty buckets, which the job finds in its environment."""
    monkeypatch.setenv("BATCHYARD_BUCKET_UPLOADS", UPLOADS)
    monkeypatch.setenv("BATCHYARD_BUCKET_RESULTS", RESULTS)
    monkeypatch.setattr(main, "s3_client", lambda: client)
    for bucket in (UPLOADS, RESULTS):
        client.create_bucket(Bucket=bucket)
    yield client
    for bucket in (UPLOADS, RESULTS):
        for item in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=item["Key"])
        client.delete_bucket(Bucket=bucket)


def put(s3: Any, key: str, text: str) -> None:
    s3.put_object(Bucket=UPLOADS, Key=key, Body=text.encode())


def result(s3: Any, key: str) -> bytes:
    body = s3.get_object(Bucket=RESULTS, Key=key)["Body"].read()
    assert isinstance(body, bytes)
    return body


def result_keys(s3: Any) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=RESULTS).get("Contents", [])]


def test_a_month_becomes_a_csv_and_a_parquet_of_the_same_rows(
    s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(s3, "flights/2013-01.csv", JANUARY)
    assert main.main(["--key", "flights/2013-01.csv"]) == 0
    assert "wrote flights/2013-01/delays.parquet" in capsys.readouterr().out
    assert result_keys(s3) == ["flights/2013-01/delays.csv", "flights/2013-01/delays.parquet"]
    rows = list(csv.DictReader(io.StringIO(result(s3, "flights/2013-01/delays.csv").decode())))
    assert [(row["carrier"], row["origin"], row["hour"]) for row in rows] == [
        ("AA", "JFK", "5"),
        ("AA", "JFK", "6"),
        ("UA", "EWR", "5"),
    ]
    united = rows[2]
    assert (united["flights"], united["cancelled"], united["departure_delay_mean_min"]) == ("3", "1", "3.0")
    assert (united["arrival_delay_mean_min"], united["late_share"]) == ("15.5", "0.5")
    assert rows[1]["arrival_delay_mean_min"] == ""
    parquet = tmp_path / "delays.parquet"
    parquet.write_bytes(result(s3, "flights/2013-01/delays.parquet"))
    table = duckdb.connect().execute("SELECT carrier, hour, flights FROM read_parquet(?)", [str(parquet)]).fetchall()
    assert table == [("AA", 5, 1), ("AA", 6, 1), ("UA", 5, 3)]


def test_a_second_attempt_leaves_the_same_bytes(s3: Any) -> None:
    put(s3, "flights/x.csv", JANUARY)
    seen = []
    for _ in range(2):
        main.run(s3, uploads=UPLOADS, results=RESULTS, key="flights/x.csv")
        seen.append(result(s3, "flights/2013-01/delays.csv"))
    assert seen[0] == seen[1]
    assert len(result_keys(s3)) == 2


def test_a_key_with_spaces_and_umlauts(s3: Any) -> None:
    key = "flights/März 2013 + Rest é.csv"
    put(s3, key, JANUARY)
    assert main.run(s3, uploads=UPLOADS, results=RESULTS, key=key)[0] == "flights/2013-01/delays.parquet"


def test_newest_takes_all_files_of_the_last_month_found(s3: Any) -> None:
    put(s3, "flights/2013-01.csv", JANUARY)
    february = JANUARY.replace("2013,1,", "2013,2,")
    put(s3, "flights/2013-02-a.csv", february)
    put(s3, "flights/2013-02-b.csv", february)
    put(s3, "flights/readme.txt", "no flights")
    put(s3, "flights/other.csv", "no month in its name")
    main.run(s3, uploads=UPLOADS, results=RESULTS, key="newest")
    rows = list(csv.DictReader(io.StringIO(result(s3, "flights/2013-02/delays.csv").decode())))
    assert sum(int(row["flights"]) for row in rows) == 10
    assert "flights/2013-01/delays.csv" not in result_keys(s3)


def test_the_items_are_the_rows_read(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "items"
    monkeypatch.setenv("BATCHYARD_ITEMS_FILE", str(told))
    main.run(s3, uploads=UPLOADS, results=RESULTS, key="newest")
    assert told.read_text() == "0\n"
    put(s3, "flights/2013-02-a.csv", JANUARY.replace("2013,1,", "2013,2,"))
    main.run(s3, uploads=UPLOADS, results=RESULTS, key="newest")
    assert told.read_text() == "5\n"


def test_items_that_can_not_be_told_fail_nothing(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BATCHYARD_ITEMS_FILE", str(tmp_path / "none" / "items"))
    put(s3, "flights/x.csv", JANUARY)
    assert main.main(["--key", "flights/x.csv"]) == 0
    assert "none/items: the number of items can't be written: No such file" in capsys.readouterr().err
    assert len(result_keys(s3)) == 2


@pytest.mark.usefixtures("s3")
def test_newest_without_any_month_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--key", "newest"]) == 0
    assert "nothing to do" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; upload a month of flights with its header line"),
        (HEADER, "holds no flights"),
        ("carrier,origin\nUA,EWR\n", "has no column year, month, dep_delay, arr_delay, hour; a month of flights has"),
        (JANUARY + "2013,2,1,517,2,11,UA,1545,EWR,5\n", "holds the months 2013-1, 2013-2; a file is one month"),
        (JANUARY.replace(",11,", ",soon,"), "is not a CSV of flights"),
        ("\x00\x01\xff\x00" * 50, "flights: s3://uploads-1/flights/bad.csv: "),
    ],
    ids=["empty", "header only", "columns missing", "two months", "no number", "no text"],
)
def test_a_file_that_is_no_month_fails_with_one_line(
    s3: Any, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    put(s3, "flights/bad.csv", text)
    assert main.main(["--key", "flights/bad.csv"]) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("flights: s3://uploads-1/flights/bad.csv: ")
    assert error.count("\n") == 1
    assert result_keys(s3) == []


@pytest.mark.usefixtures("s3")
def test_a_missing_object_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["--key", "flights/none.csv"]) == 1
    assert capsys.readouterr().err == (
        "flights: s3://uploads-1/flights/none.csv: doesn't exist; give the key of an uploaded CSV\n"
    )


@pytest.mark.usefixtures("s3")
def test_a_bucket_nobody_declared_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("BATCHYARD_BUCKET_RESULTS")
    assert main.main(["--key", "flights/x.csv"]) == 1
    assert "BATCHYARD_BUCKET_RESULTS isn't set" in capsys.readouterr().err


def test_the_client_gives_up_in_seconds(s3: Any) -> None:
    assert (s3.meta.config.connect_timeout, s3.meta.config.read_timeout) == (5, 20)
    assert s3.meta.config.retries["mode"] == "standard"
