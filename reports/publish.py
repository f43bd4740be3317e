"""A report in every format into the stage's reports bucket, and word of it to the stage's topic."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from reports.model.report import Period, Report
from reports.render import files
from reports.render.html import html
from reports.render.parquet import ALLOCATIONS, parquet_tables, write_parquet
from reports.render.text import markdown

PAGE: Final = "report.html"
"""What the link leads to."""
_DATA: Final = "report.json"
_ABSENT: Final = ("NoSuchKey", "404")
_TEXT: Final = "; charset=utf-8"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PARQUET: Final = "application/vnd.apache.parquet"
_FAULTS: Final = (BotoCoreError, ClientError, HTTPClientError, OSError)
_SUBJECT_MAX: Final = 100
"""Characters SNS takes, in ASCII."""
_SIGNED_FOR_S: Final = 7 * 86_400
_TOLD: Final = 20
"""Sentences on what is missing that a message holds."""
_ZIP_DATE: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest there is: the same tables make the same file."""


class PublishError(Exception):
    """The report isn't where its readers look; one sentence."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where reports of a stage go."""

    bucket: str
    region: str
    endpoint_url: str | None = None
    """Where S3 is for readers, when it isn't AWS."""

    def link(self, key: str, *, s3: Any) -> str:
        """An object's address: the S3 console's page of it, for readers who may sign in to the account. An emulator has
        no console; there it is the object itself, signed with the credentials everybody knows."""
        if self.endpoint_url is None:
            asked = urlencode({"region": self.region, "prefix": key}, safe="/")
            return f"https://console.aws.amazon.com/s3/object/{self.bucket}?{asked}"
        signed = s3.generate_presigned_url(
            "get_object", Params={"Bucket": self.bucket, "Key": key}, ExpiresIn=_SIGNED_FOR_S
        )
        return f"{self.endpoint_url.rstrip('/')}/{self.bucket}/{quote(key)}?{urlsplit(signed).query}"


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One format: its name below the report's prefix, and what S3 says it is."""

    name: str
    content_type: str
    body: bytes


def prefix_of(period: Period) -> str:
    """`weekly/2026-W47/`, `monthly/2026-11/`, `days/2026-11-01 to 2026-11-09/`: one place for a period, whenever the
    report is made."""
    label = period.label
    kind = "weekly" if "-W" in label else "monthly" if len(label) == len("2026-11") else "days"
    return f"{kind}/{label.replace(' ', '-')}/"


def artifacts(report: Report, allocations: Path | None = None) -> Iterator[Artifact]:
    """Every format, and where each nano-dollar went (a Parquet file); the page comes last, so whoever sees it finds the
    others."""
    yield Artifact(name=_DATA, content_type="application/json", body=files.json(report).encode())
    yield Artifact(name="report.md", content_type=f"text/markdown{_TEXT}", body=markdown(report).encode())
    yield Artifact(name="tables.zip", content_type="application/zip", body=_tables(report))
    with tempfile.TemporaryDirectory(prefix="batchyard-publish-") as folder:
        workbook = Path(folder, "report.xlsx")
        files.xlsx(report, workbook)
        yield Artifact(name=workbook.name, content_type=_XLSX, body=workbook.read_bytes())
        for name, table in parquet_tables(report).items():
            file = Path(folder, name)
            write_parquet(table, file)
            yield Artifact(name=f"parquet/{name}", content_type=_PARQUET, body=file.read_bytes())
    if allocations is not None:
        yield Artifact(name=f"parquet/{ALLOCATIONS}", content_type=_PARQUET, body=allocations.read_bytes())
    yield Artifact(name=PAGE, content_type=f"text/html{_TEXT}", body=html(report).encode())


def publish(report: Report, place: Place, *, s3: Any, allocations: Path | None = None) -> Report:
    """Puts every format into the bucket, over what an earlier run left there; gives the report with its address.

    A report without a bill replaces none that has one. `allocations` is the report's file of where each nano-dollar
    went. Raises PublishError.
    """
    prefix = prefix_of(report.period)
    if report.total_nano is None and _has_bill(place, f"{prefix}{_DATA}", s3=s3):
        raise PublishError(
            f"s3://{place.bucket}/{prefix} holds a report of {report.period.label} with its bill, and this one has "
            "none: it stays; report again when the bill can be had, or remove it first"
        )
    published = report.model_copy(update={"published": place.link(f"{prefix}{PAGE}", s3=s3)})
    for one in artifacts(published, allocations):
        key = f"{prefix}{one.name}"
        try:
            s3.put_object(Bucket=place.bucket, Key=key, Body=one.body, ContentType=one.content_type)
        except _FAULTS as fault:
            raise PublishError(f"s3://{place.bucket}/{key} couldn't be written: {fault}") from fault
    return published


def _has_bill(place: Place, key: str, *, s3: Any) -> bool:
    """Whether an earlier run's report is there and tells what the period cost. Raises PublishError."""
    try:
        told = json.loads(s3.get_object(Bucket=place.bucket, Key=key)["Body"].read())
    except ValueError:
        return False
    except _FAULTS as fault:
        if isinstance(fault, ClientError) and fault.response.get("Error", {}).get("Code") in _ABSENT:
            return False
        raise PublishError(
            f"s3://{place.bucket}/{key} couldn't be looked at, and this report without a bill may replace one with it: "
            f"{fault}"
        ) from fault
    return isinstance(told, dict) and told.get("total_nano") is not None


def tell(report: Report, *, sns: Any, topic_arn: str) -> None:
    """Sends the sentence and the address of a published report to the topic. Raises PublishError."""
    subject = f"Batchyard {report.stack}: what {report.period.label} cost"
    try:
        sns.publish(
            TopicArn=topic_arn,
            Subject=subject.encode("ascii", "replace").decode()[:_SUBJECT_MAX],
            Message=message(report),
        )
    except _FAULTS as fault:
        raise PublishError(f"the report is at {report.published}, but {topic_arn} couldn't be told: {fault}") from fault


def message(report: Report) -> str:
    """What subscribers read."""
    told = [f"- {sentence}" for sentence in report.missing[:_TOLD]]
    if len(report.missing) > _TOLD:
        told.append(f"- and {len(report.missing) - _TOLD} more")
    missing = ["", "Missing in it:", *told] if told else []
    return "\n".join([report.sentence, "", report.published or "", *missing, ""])


def _tables(report: Report) -> bytes:
    """The CSV files in one: a table that has no rows any more leaves nothing behind."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.csv_files(report).items()):
            entry = zipfile.ZipInfo(name, _ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    return packed.getvalue()
