"""A Data Export where AWS delivers it: the last delivery of each month, each file once, and what isn't there said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from jobs.problems import Problems
from reports.bill_sources import from_export, from_export_place
from reports.collect.bill_ce import Bill
from reports.collect.export_place import ExportPlace, bring_export, export_place, months
from tests.worlds.answers import export
from tests.worlds.world import Made, World, make

BUCKET, ROOT = "billing-of-ours", "exports/cur"
PLACE = ExportPlace(bucket=BUCKET, root=ROOT)
SINCE, UNTIL = date(2026, 10, 20), date(2026, 11, 10)


@dataclass
class Delivering:
    """Delivers as Data Exports does, and counts what is read."""

    s3: Any
    read: list[str] = field(default_factory=list)

    def deliver(self, month: str, bodies: list[bytes], *, execution: str = "", leave_out: int = 0) -> None:
        """Files first, the manifest last; the last `leave_out` files don't come."""
        folder = f"{ROOT}/data/BILLING_PERIOD={month}/" + (f"{execution}/" if execution else "")
        keys = [f"{folder}cur-{number:05}.snappy.parquet" for number in range(1, len(bodies) + 1)]
        for key, body in list(zip(keys, bodies, strict=True))[: len(keys) - leave_out]:
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        manifest = json.dumps({"dataFiles": [f"s3://{BUCKET}/{key}" for key in keys], "columns": []})
        for place in [f"{execution}/", ""] if execution else [""]:
            self.put(f"metadata/BILLING_PERIOD={month}/{place}cur-Manifest.json", manifest)

    def put(self, name: str, text: str) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=f"{ROOT}/{name}", Body=text.encode())

    def get_paginator(self, name: str) -> Any:
        return self.s3.get_paginator(name)

    def get_object(self, **request: Any) -> Any:
        self.read.append(request["Key"])
        return self.s3.get_object(**request)

    def data_read(self) -> list[str]:
        """Names of the data files read since the last call."""
        names = [key.removeprefix(f"{ROOT}/data/") for key in self.read if "/data/" in key]
        self.read.clear()
        return sorted(names)


@pytest.fixture
def delivering() -> Iterator[Delivering]:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        s3.create_bucket(Bucket=BUCKET)
        yield Delivering(s3)


@pytest.fixture(scope="module")
def made() -> Made:
    return make(World(seed=17, start=SINCE, days=21, instances=6))


@pytest.fixture(scope="module")
def parts(made: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[bytes]]:
    """Month → its bill in two files."""
    folder = tmp_path_factory.mktemp("parts")
    found: dict[str, list[bytes]] = {}
    for month in ("2026-10", "2026-11"):
        lines = made.bill_lines[[day.isoformat().startswith(month) for day in made.bill_lines["day"]]]
        for number in range(2):
            file = folder / f"{month}-{number}.parquet"
            export(lines.iloc[number::2], file)
            found.setdefault(month, []).append(file.read_bytes())
    return found


def bill(delivering: Delivering, cache: Path, *, since: date = SINCE, until: date = UNTIL) -> Bill:
    source = from_export_place(PLACE, s3=lambda: delivering, metric="unblended", cache=cache, say=lambda _: None)
    return source(since, until)


def brought(delivering: Any, folder: Path) -> list[str]:
    return bring_export(delivering, PLACE, folder, since=SINCE, until=UNTIL).missing


def test_an_export_in_s3_is_the_same_bill_as_its_files_in_a_folder(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path
) -> None:
    for month, bodies in parts.items():
        delivering.deliver(month, bodies)
        for number, body in enumerate(bodies):
            (tmp_path / f"{month}-{number}.parquet").write_bytes(body)
    here = from_export(tmp_path, metric="unblended")(SINCE, UNTIL)
    there = bill(delivering, tmp_path / "cache")
    assert there.lines == here.lines
    assert here.lines
    assert (there.missing, there.pages) == ([], 0)


def test_files_that_are_here_already_do_not_come_again(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path
) -> None:
    for month, bodies in parts.items():
        delivering.deliver(month, bodies)
    whole = bill(delivering, tmp_path)
    assert len(delivering.data_read()) == 4
    assert bill(delivering, tmp_path).lines == whole.lines
    assert delivering.data_read() == []
    delivering.deliver("2026-11", parts["2026-11"][:1])  # overwritten: one file now, the same as before
    assert sum(line["cost_nano"] for line in bill(delivering, tmp_path).lines) < sum(
        line["cost_nano"] for line in whole.lines
    )
    assert delivering.data_read() == []
    delivering.deliver("2026-11", parts["2026-11"][::-1])
    assert bill(delivering, tmp_path).lines == whole.lines
    assert delivering.data_read() == [f"BILLING_PERIOD=2026-11/cur-0000{n}.snappy.parquet" for n in (1, 2)]


def test_only_the_months_wanted_come(delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path) -> None:
    for month, bodies in parts.items():
        delivering.deliver(month, bodies)
    november = bill(delivering, tmp_path, since=date(2026, 11, 1))
    assert november.missing == []
    assert {name.partition("/")[0] for name in delivering.data_read()} == {"BILLING_PERIOD=2026-11"}


def test_of_deliveries_in_folders_of_their_own_the_last_counts(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path
) -> None:
    delivering.deliver("2026-10", parts["2026-10"], execution="2026-10-30T01:00:00.000Z-0a")
    delivering.deliver("2026-11", parts["2026-11"][:1], execution="2026-11-05T01:00:00.000Z-0b")
    delivering.deliver("2026-11", parts["2026-11"], execution="2026-11-10T01:00:00.000Z-0c")
    found = bill(delivering, tmp_path)
    assert found.missing == []
    assert {name.split("/")[1] for name in delivering.data_read()} == {
        "2026-10-30T01:00:00.000Z-0a",
        "2026-11-10T01:00:00.000Z-0c",
    }
    delivering.deliver("2026-10", parts["2026-10"])
    delivering.deliver("2026-11", parts["2026-11"])
    assert found.lines == bill(delivering, tmp_path / "overwritten").lines


def test_a_copy_of_an_export_in_another_bucket_is_read_where_it_is(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path
) -> None:
    for month, bodies in parts.items():
        delivering.deliver(month, bodies)
        names = [f"s3://first-bucket/a/cur/data/BILLING_PERIOD={month}/cur-0000{n}.snappy.parquet" for n in (1, 2)]
        delivering.put(f"metadata/BILLING_PERIOD={month}/cur-Manifest.json", json.dumps({"dataFiles": names}))
    assert bill(delivering, tmp_path).missing == []


def test_half_a_delivery_is_said_and_what_is_there_counts(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path
) -> None:
    delivering.deliver("2026-10", parts["2026-10"])
    delivering.deliver("2026-11", parts["2026-11"], leave_out=1)
    found = bill(delivering, tmp_path)
    assert found.missing == [
        "the bill of 2026-11: 1 of 2 files of its last delivery aren't there, such as "
        f"s3://{BUCKET}/{ROOT}/data/BILLING_PERIOD=2026-11/cur-00002.snappy.parquet; "
        "its sums are too low until the next delivery is whole"
    ]
    assert max(line["day"] for line in found.lines) > date(2026, 11, 1)


class Newer(Delivering):
    """Its manifests are a day older than their files: the next delivery has begun."""

    def get_object(self, **request: Any) -> Any:
        answer = super().get_object(**request)
        return {**answer, "LastModified": datetime.now(UTC) - timedelta(days=1)}


def test_a_delivery_under_way_is_said(delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path) -> None:
    for month, bodies in parts.items():
        delivering.deliver(month, bodies)
    missing = brought(Newer(delivering.s3), tmp_path)
    assert [one.partition(": ")[0] for one in missing] == ["the bill of 2026-10", "the bill of 2026-11"]
    assert missing[0].endswith("so a delivery is under way and sums may be of two; ask again in an hour")


def test_a_month_that_was_not_delivered_is_said(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path
) -> None:
    delivering.deliver("2026-11", parts["2026-11"])
    (before,) = brought(delivering, tmp_path)
    assert before.startswith(
        f"the bill of 2026-10: s3://{BUCKET}/{ROOT} has no delivery of it, an export begins with the month it was made "
        "in (2026-11 here); ask AWS Support"
    )
    later = bring_export(delivering, PLACE, tmp_path, since=date(2026, 12, 1), until=date(2026, 12, 2))
    assert later.missing == [
        f"the bill of 2026-12: s3://{BUCKET}/{ROOT} has no delivery of it yet; the first of a month comes within its "
        "first day or two"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no manifest of a Data Export (JSONDecodeError: "),
        ("[" * 100_000, "is no manifest of a Data Export (RecursionError: "),
        ("[]", "is no manifest of a Data Export (TypeError: "),
        ("{}", "is no manifest of a Data Export (KeyError: 'dataFiles'); wait for the next delivery"),
        ('{"dataFiles": [1]}', "is no manifest of a Data Export (TypeError: dataFiles is no list of texts)"),
        ('{"dataFiles": ["s3://b/r/data/BILLING_PERIOD=2026-11/../../../x.parquet"]}', "which is no file of "),
        ('{"dataFiles": ["s3://b/other.parquet"]}', "which is no file of exports/cur/data/BILLING_PERIOD=2026-11/"),
        (
            '{"dataFiles": ["s3://b/r/data/BILLING_PERIOD=2026-11/cur-00001.csv.gz"]}',
            "cur-00001.csv.gz is no Parquet; choose Parquet in the export's delivery options",
        ),
    ],
)
def test_a_manifest_that_is_none_is_said_and_other_months_count(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path, text: str, said: str
) -> None:
    delivering.deliver("2026-10", parts["2026-10"])
    delivering.put("metadata/BILLING_PERIOD=2026-11/cur-Manifest.json", text)
    found = bill(delivering, tmp_path)
    assert len(found.missing) == 1
    assert found.missing[0].startswith("the bill of 2026-11: ")
    assert said in found.missing[0]
    assert found.lines


def test_no_export_and_no_bucket_are_said(delivering: Delivering, tmp_path: Path) -> None:
    (nothing,) = brought(delivering, tmp_path)
    assert nothing.startswith(f"the bill: s3://{BUCKET}/{ROOT} holds no manifest of an export; write s3://<bucket>/")
    elsewhere = ExportPlace(bucket="nobodys-bucket", root=ROOT)
    (none,) = bring_export(delivering, elsewhere, tmp_path, since=SINCE, until=UNTIL).missing
    assert none.startswith("the bill: there is no bucket nobodys-bucket; write s3://<bucket>/<prefix>/<export>")


class Faulty(Delivering):
    """Refuses, or isn't reached, at one kind of request."""

    def __init__(self, s3: Any, fault: Exception, *, listing: bool) -> None:
        super().__init__(s3)
        self.fault, self.listing = fault, listing

    def get_paginator(self, name: str) -> Any:
        if self.listing:
            raise self.fault
        return super().get_paginator(name)

    def get_object(self, **request: Any) -> Any:
        if "/data/" in request["Key"]:
            raise self.fault
        return super().get_object(**request)


REFUSED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "S3")


@pytest.mark.parametrize(
    ("fault", "listing", "said"),
    [
        (REFUSED, True, f"the bill: AccessDenied (no); reading s3://{BUCKET}/{ROOT} takes s3:ListBucket"),
        (REFUSED, False, "the bill: 4 of 4 files of the export couldn't be fetched, such as s3://"),
        (EndpointConnectionError(endpoint_url="https://s3.example"), True, "the bill: Could not connect to the "),
    ],
)
def test_refused_access_is_said_with_what_it_takes(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path, fault: Exception, listing: bool, said: str
) -> None:
    for month, bodies in parts.items():
        delivering.deliver(month, bodies)
    found = bill(Faulty(delivering.s3, fault, listing=listing), tmp_path)
    assert found.lines == []
    assert len(found.missing) == 1
    assert found.missing[0].startswith(said)


class Short(Delivering):
    """Breaks off every data file."""

    def get_object(self, **request: Any) -> Any:
        answer = super().get_object(**request)
        if "/data/" not in request["Key"]:
            return answer
        answer["Body"].iter_chunks = lambda _size: iter([b"PAR1"])
        return answer


def test_a_fetch_that_breaks_off_leaves_no_half_file_and_goes_on_next_time(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path
) -> None:
    for month, bodies in parts.items():
        delivering.deliver(month, bodies)
    broken = bill(Short(delivering.s3), tmp_path)
    assert broken.lines == []
    assert " ended after 4 of " in broken.missing[0]
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert bill(delivering, tmp_path).missing == []


def test_an_export_that_cannot_be_kept_is_read_and_it_is_said(
    delivering: Delivering, parts: dict[str, list[bytes]], tmp_path: Path
) -> None:
    for month, bodies in parts.items():
        delivering.deliver(month, bodies)
    (tmp_path / "file").write_text("no folder")
    found = bill(delivering, tmp_path / "file")
    assert found.missing == []
    assert found.lines == bill(delivering, tmp_path / "kept").lines
    assert found.unkept[0].startswith(
        f"the export's files couldn't be kept in {tmp_path / 'file' / 'exports' / BUCKET}"
    )


@pytest.mark.parametrize(
    ("text", "root"),
    [
        (f"s3://{BUCKET}/exports/cur", "exports/cur"),
        (f"s3://{BUCKET}/exports/cur/", "exports/cur"),
        (f"s3://{BUCKET}/cur", "cur"),
        (f"s3://{BUCKET}/exports/cur/data/BILLING_PERIOD=2026-11/", "exports/cur"),
        (f"s3://{BUCKET}/exports/cur/metadata", "exports/cur"),
        (f"s3://{BUCKET}/data/exports/cur", "data/exports/cur"),
    ],
)
def test_an_exports_address(text: str, root: str) -> None:
    assert export_place(text) == ExportPlace(bucket=BUCKET, root=root)


@pytest.mark.parametrize("text", ["s3://", "s3://b", f"s3://{BUCKET}", f"s3://{BUCKET}/../cur"])
def test_an_address_of_no_export_is_refused(text: str) -> None:
    with pytest.raises(Problems, match="an export in S3 is s3://<bucket>/<prefix>/<export>"):
        export_place(text)


def test_months_of_days() -> None:
    assert months(date(2026, 10, 20), date(2026, 11, 1)) == ["2026-10"]
    assert months(date(2025, 12, 31), date(2026, 2, 2)) == ["2025-12", "2026-01", "2026-02"]
    assert months(date(2026, 11, 1), date(2026, 11, 2)) == ["2026-11"]
