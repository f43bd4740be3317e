"""The shipped job on the running stage: submitted by hand, its report in the bucket, word of it in a queue."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest

from reports.model.report import Report
from tests.e2e.running_stage import DEADLINE_S, RunningStage, folder, photograph
from tests.engine.stages import wait_until

pytestmark = pytest.mark.e2e

JOB = "weekly-cost-report"


def _subscribed_queue(stage: RunningStage) -> str:
    """The URL of a new queue that hears what the topic `reports` is told."""
    sqs = stage.client("sqs")
    url = str(sqs.create_queue(QueueName="hears-of-reports")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = stage.exported["topics"]["reports"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    stage.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def _run(stage: RunningStage, week: str) -> dict[str, Any]:
    """Submits the job with the stage's own definition and waits for its end."""
    submitted = stage.client("batch").submit_job(
        jobName=JOB,
        jobQueue=stage.exported["queues"]["serverless"],
        jobDefinition=stage.exported["job_definitions"][JOB],
        parameters={"week": week},
    )
    wait_until(
        f"{JOB} to end",
        lambda: stage.job(submitted["jobId"])["status"] in ("SUCCEEDED", "FAILED"),
        deadline_s=DEADLINE_S,
    )
    return stage.job(submitted["jobId"])


def test_the_shipped_job_publishes_this_week_and_tells_the_topic(stage: RunningStage) -> None:
    queue_url = _subscribed_queue(stage)
    now = datetime.now(UTC).isocalendar()
    week = f"{now.year}-W{now.week:02}"
    key = f"{folder('weekly')}/one.jpg"
    stage.upload(key, photograph())
    stage.ended([key])

    ended = _run(stage, week)
    attempts = stage.attempts(ended["jobId"])
    assert [attempt.exit_code for attempt in attempts] == [0], [stage.log(JOB, attempt) for attempt in attempts]
    assert attempts[0].platform == "fargate"
    log = stage.log(JOB, attempts[0])

    s3, bucket = stage.client("s3"), stage.access.bucket("reports")
    keys = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="weekly/")["Contents"]}
    formats = ("report.html", "report.json", "report.md", "report.xlsx", "tables.zip", "parquet/allocations.parquet")
    assert keys >= {f"weekly/{week}/{name}" for name in formats}
    made = Report.model_validate_json(s3.get_object(Bucket=bucket, Key=f"weekly/{week}/report.json")["Body"].read())
    assert made.stack == stage.access.stage
    assert "thumbnails" in {group.key for group in made.breakdowns["job"]}
    assert made.requests is not None, made.missing
    assert made.requests.pages >= 1

    assert made.published is not None
    assert f"published at {made.published}" in log
    with urllib.request.urlopen(made.published) as answer:
        page = answer.read().decode()
    assert answer.headers.get_content_type() == "text/html"
    assert week in page

    (message,) = stage.client("sqs").receive_message(QueueUrl=queue_url)["Messages"]
    told = json.loads(message["Body"])
    assert told["Subject"] == f"Batchyard {made.stack}: what {week} cost"
    assert told["Message"].startswith(f"{made.sentence}\n\n{made.published}\n")


def test_a_week_that_is_none_fails_with_a_sentence_and_reaches_no_shell(stage: RunningStage) -> None:
    ended = _run(stage, "$(touch /tmp/x); 2026-W47")
    attempts = stage.attempts(ended["jobId"])
    assert ended["status"] == "FAILED"
    assert {attempt.exit_code for attempt in attempts} == {1}
    assert "--week is '$(touch /tmp/x); 2026-W47'" in stage.log(JOB, attempts[0])
