"""`batchyard report --publish`: into the stage's reports bucket, and word of it to its topic."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cli import report
from reports.model.report import Report
from tests.unit.cli.test_report import WEEK, Stood, invoke
from tests.unit.cli.test_report import built as built  # fixtures, as the next two
from tests.unit.cli.test_report import cache as cache
from tests.unit.cli.test_report import stood as stood


@dataclass
class Topic:
    """Stands in for boto3's `sns`."""

    heard: list[dict[str, str]]

    def publish(self, **request: str) -> None:
        self.heard.append(request)


def test_publish_puts_the_report_where_the_scheduled_job_does(
    stood: Stood, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stood.clients["s3"].create_bucket(Bucket="reports-1")
    stood.clients["sns"] = topic = Topic(heard=[])
    access = replace(
        stood.access, buckets={**stood.access.buckets, "reports": "reports-1"}, topics={"reports": "arn:t"}
    )
    monkeypatch.setattr(report, "open_stage", lambda *_arguments: access)
    done = invoke(*WEEK, "--by", "owner", "--publish", "--json", "--cache", str(cache))
    assert done.exit_code == 0, done.stderr
    shown = Report.model_validate_json(done.stdout)
    assert shown.published is not None
    assert shown.published.endswith("/reports-1?region=us-east-1&prefix=weekly/2025-W46/report.html")
    assert f"published at {shown.published}" in done.stderr.replace("\n", "")
    read = stood.clients["s3"].get_object(Bucket="reports-1", Key="weekly/2025-W46/report.json")["Body"].read()
    whole = Report.model_validate_json(read)
    assert set(shown.breakdowns) == {"owner"} < set(whole.breakdowns), "what is published is whole"
    assert [one["TopicArn"] for one in topic.heard] == ["arn:t"]
    assert whole.sentence in topic.heard[0]["Message"]


def test_a_stage_without_a_reports_bucket_publishes_nothing_and_says_so(stood: Stood, cache: Path) -> None:
    done = invoke(*WEEK, "--publish", "--cache", str(cache))
    assert done.exit_code == 1
    assert "stage prod: has no bucket reports; write `reports: {}` below batchyard:buckets" in done.stderr
    assert stood.clients["ce"].pages == 0, "nothing was paid for"


def test_a_report_that_cannot_be_published_is_shown_all_the_same(
    stood: Stood, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = replace(stood.access, buckets={**stood.access.buckets, "reports": "gone"})
    monkeypatch.setattr(report, "open_stage", lambda *_arguments: access)
    done = invoke(*WEEK, "--publish", "--json", "--cache", str(cache))
    assert done.exit_code == 1
    assert "s3://gone/weekly/2025-W46/report.json couldn't be written" in " ".join(done.stderr.split())
    shown = Report.model_validate_json(done.stdout)
    assert (shown.published, shown.total_nano is None) == (None, False)
