"""CloudWatch and its Logs, and Data Firehose: every type's life, and what is particular to each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.local.providers.aws.lifecycle import Life, Object, live
from tests.unit.local.providers.aws.plugin import CheckFailed, Plugin, Refused

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
FILTER = "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
STREAM = "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"
BUCKET = "aws:s3/bucket:Bucket"
ROLE = "arn:aws:iam::123456789012:role/writer"
TOPIC = "arn:aws:sns:us-east-1:123456789012:failures"
BODY = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "a"}}]})
ALARM_INPUTS = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 1,
    "metricName": "ApproximateNumberOfMessagesVisible",
    "namespace": "AWS/SQS",
    "dimensions": {"QueueName": "dead"},
    "statistic": "Maximum",
    "period": 60,
    "threshold": 0,
    "alarmActions": [TOPIC],
}

LIVES = [
    Life(
        token=LOG_GROUP,
        inputs={"name": "/batchyard/test/thumbnails", "retentionInDays": 7, "tags": {"job": "a"}},
        changes={"retentionInDays": 30, "tags": {"job": "b"}},
    ),
    Life(token=LOG_GROUP, inputs={"retentionInDays": 7}, changes={"retentionInDays": None}),
    Life(token=LOG_GROUP, inputs={"namePrefix": "/a/"}, changes={"namePrefix": "/b/"}, replaces=("namePrefix",)),
    Life(token=ALARM, inputs=ALARM_INPUTS, changes={"threshold": 5, "treatMissingData": "notBreaching"}),
    Life(
        token=ALARM,
        inputs={
            "comparisonOperator": "GreaterThanThreshold",
            "evaluationPeriods": 1,
            "threshold": 1,
            "metricQueries": [
                {"id": "e", "expression": "m * 2", "label": "twice", "returnData": True},
                {"id": "m", "metric": {"metricName": "M", "namespace": "N", "period": 60, "stat": "Sum"}},
            ],
            "tags": {"stage": "a"},
        },
        changes={"tags": {"stage": "b"}},
    ),
    Life(
        token=DASHBOARD,
        inputs={"dashboardName": "stage", "dashboardBody": BODY},
        changes={"dashboardBody": json.dumps({"widgets": []})},
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.short}-{'-'.join(life.inputs)[:40]}")
def test_life(plugin: Plugin, life: Life) -> None:
    live(plugin, life)


@pytest.fixture
def bucket(plugin: Plugin) -> Iterator[Object]:
    made = Object.make(plugin, BUCKET, {"forceDestroy": True}, "ledger")
    yield made
    made.delete()


def destination(bucket: Object, **more: Any) -> dict[str, Any]:
    return {"bucketArn": bucket.state["arn"], "roleArn": ROLE, **more}


@pytest.fixture
def stream(plugin: Plugin, bucket: Object) -> Iterator[Object]:
    inputs = {"destination": "extended_s3", "extendedS3Configuration": destination(bucket)}
    made = Object.make(plugin, STREAM, inputs, "usage")
    yield made
    made.delete()


def test_a_stream_into_s3(plugin: Plugin, bucket: Object) -> None:
    partitioned = destination(
        bucket,
        prefix="attempts/day=!{timestamp:yyyy-MM-dd}/",
        errorOutputPrefix="errors/!{firehose:error-output-type}/",
        bufferingInterval=60,
        bufferingSize=5,
        compressionFormat="GZIP",
        processingConfiguration={"enabled": True, "processors": [{"type": "AppendDelimiterToRecord"}]},
        cloudwatchLoggingOptions={"enabled": True, "logGroupName": "g", "logStreamName": "s"},
    )
    live(
        plugin,
        Life(
            token=STREAM,
            inputs={"destination": "extended_s3", "extendedS3Configuration": partitioned, "tags": {"stage": "a"}},
            changes={
                "extendedS3Configuration": destination(bucket, prefix="other/", bufferingInterval=120),
                "tags": {"stage": "b"},
            },
        ),
    )


def test_an_update_of_the_destination_counts_the_version(plugin: Plugin, bucket: Object, stream: Object) -> None:
    assert stream.state["versionId"] == "1"
    assert stream.id == stream.state["arn"]
    assert stream.state["extendedS3Configuration"]["bufferingInterval"] == 300
    stream.update({"destination": "extended_s3", "extendedS3Configuration": destination(bucket, prefix="a/")})
    assert stream.state["versionId"] == "2"


def test_a_subscription_filter(plugin: Plugin, bucket: Object, stream: Object) -> None:
    group = Object.make(plugin, LOG_GROUP, {"name": "/batchyard/test/flights"}, "flights")
    inputs = {
        "name": "usage",
        "logGroup": group.id,
        "destinationArn": stream.id,
        "roleArn": ROLE,
        "filterPattern": '{ $.type = "usage" }',
    }
    live(
        plugin,
        Life(token=FILTER, inputs=inputs, changes={"filterPattern": ""}, import_id="{logGroup}|{name}"),
    )
    first = Object.make(plugin, FILTER, inputs, "first")
    second = Object.make(plugin, FILTER, {**inputs, "name": "more"}, "second")
    assert first.id == second.id  # it hashes the group alone
    moved = first.diff({**inputs, "destinationArn": stream.id + "x"})
    assert moved.replaces == ["destinationArn"]
    assert moved.deleteBeforeReplace
    group.delete()
    assert not first.refresh()
    first.delete()
    second.delete()


def test_a_filter_needs_a_stream_that_is_there(plugin: Plugin) -> None:
    group = Object.make(plugin, LOG_GROUP, {"name": "/batchyard/test/nowhere"}, "nowhere")
    stream = "arn:aws:firehose:us-east-1:123456789012:deliverystream/none"
    inputs = {"logGroup": group.id, "destinationArn": stream, "roleArn": ROLE, "filterPattern": ""}
    with pytest.raises(Refused, match=r"creating CloudWatch Logs Subscription Filter .*Could not deliver test message"):
        plugin.create(FILTER, "thing", plugin.check(FILTER, "thing", inputs), timeout_s=0.2)
    group.delete()


def test_the_arn_of_a_log_group_has_no_star(plugin: Plugin) -> None:
    group = Object.make(plugin, LOG_GROUP, {"name": "/batchyard/test/arn"}, "arn")
    assert group.state["arn"] == "arn:aws:logs:us-east-1:123456789012:log-group:/batchyard/test/arn"
    with pytest.raises(Refused, match="ResourceAlreadyExistsException"):
        Object.make(plugin, LOG_GROUP, {"name": "/batchyard/test/arn"}, "again")
    group.delete()


def test_retention_changed_by_hand_is_a_difference(plugin: Plugin, service: Callable[[str], Any]) -> None:
    group = Object.make(plugin, LOG_GROUP, {"retentionInDays": 7}, "kept")
    service("logs").put_retention_policy(logGroupName=group.id, retentionInDays=1)
    assert group.refresh()
    assert group.diff({"retentionInDays": 7}).diffs == ["retentionInDays"]
    group.delete()


def test_skip_destroy_leaves_the_group(plugin: Plugin, service: Callable[[str], Any]) -> None:
    group = Object.make(plugin, LOG_GROUP, {"skipDestroy": True}, "left")
    group.delete()
    assert service("logs").describe_log_groups(logGroupNamePrefix=group.id)["logGroups"]


def test_an_alarm_needs_one_statistic(plugin: Plugin) -> None:
    without = {key: value for key, value in ALARM_INPUTS.items() if key != "statistic"}
    with pytest.raises(Refused, match="One of `statistic` or `extended_statistic` must be set"):
        Object.make(plugin, ALARM, without)
    checked = plugin.check(ALARM, "thing", without)
    with pytest.raises(Refused, match=r"diffing urn:pulumi:.*extended_statistic"):
        plugin.diff(ALARM, "thing", "thing", ALARM_INPUTS, checked, checked)


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (LOG_GROUP, {"retentionInDays": 8}, "expected retention_in_days to be one of"),
        (ALARM, {**ALARM_INPUTS, "period": 45}, "expected period to be 10, 20, 30 or a multiple of 60, got 45"),
        (DASHBOARD, {"dashboardName": "a"}, "Missing required property 'dashboardBody'"),
        (STREAM, {"destination": "redshift"}, "the local stand-in knows extended_s3"),
        (STREAM, {"destination": "extended_s3"}, "extendedS3Configuration is missing"),
    ],
)
def test_mistakes_check_finds(plugin: Plugin, token: str, inputs: dict[str, Any], reason: str) -> None:
    with pytest.raises(CheckFailed, match=reason):
        plugin.check(token, "thing", inputs)


def test_bodies_of_dashboards_are_compared_by_content(plugin: Plugin) -> None:
    dashboard = Object.make(plugin, DASHBOARD, {"dashboardName": "same", "dashboardBody": BODY}, "same")
    same = {"dashboardName": "same", "dashboardBody": json.dumps(json.loads(BODY), indent=4)}
    assert not dashboard.diff(same).diffs
    dashboard.delete()
