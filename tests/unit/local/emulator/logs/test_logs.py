from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import firehose, logs
from local.emulator.context import EmulatorContext
from local.emulator.logs.subscription import Lines, Route, _batches, data_message
from tests.unit.local.emulator.moto_server import (
    ACCOUNT,
    REGION,
    client,
    eventually,
    forget_everything,
    make_role,
    make_writer,
    serving,
)

SAMPLE = json.loads((Path(__file__).parent / "cloudwatch-logs-subscription-decoded.json").read_text())
GROUP = "/batchyard/local/flights"
ROUTE = Route(destination_arn="d", role_arn="r", owner="1", group=GROUP, stream="s", filter_name="usage")


def test_a_data_message_has_the_documented_shape() -> None:
    message = json.loads(gzip.decompress(data_message(ROUTE, [{"id": "1", "timestamp": 2, "message": "m"}])))
    assert message.keys() == SAMPLE.keys()
    assert message["logEvents"][0].keys() == SAMPLE["logEvents"][0].keys()
    assert message["messageType"] == SAMPLE["messageType"]


def test_lines_of_one_route_share_records_of_bounded_size() -> None:
    lines = [Lines(route=ROUTE, events=[{"message": "x" * 200_000, "n": number}]) for number in range(5)]
    batches = _batches(lines)
    assert [[event["n"] for event in events] for _, events in batches] == [[0, 1], [2, 3], [4]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorContext]:
    folder = tmp_path_factory.mktemp("lane")
    with serving(folder, [logs.install, firehose.install], second_scale=0.001) as (context, _):
        yield context


@pytest.fixture
def lane(server: EmulatorContext) -> Iterator[EmulatorContext]:
    yield server
    forget_everything()


def make_stream(context: EmulatorContext) -> str:
    client(context, "s3").create_bucket(Bucket="ledger")
    make_writer(context, "ledger")
    processors = [
        {"Type": "Decompression", "Parameters": [{"ParameterName": "CompressionFormat", "ParameterValue": "GZIP"}]},
        {
            "Type": "CloudWatchLogProcessing",
            "Parameters": [{"ParameterName": "DataMessageExtraction", "ParameterValue": "true"}],
        },
    ]
    answer = client(context, "firehose").create_delivery_stream(
        DeliveryStreamName="usage",
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/firehose",
            "BucketARN": "arn:aws:s3:::ledger",
            "Prefix": "usage/day=!{timestamp:yyyy-MM-dd}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
            "ProcessingConfiguration": {"Enabled": True, "Processors": processors},
        },
    )
    return str(answer["DeliveryStreamARN"])


def subscribe(context: EmulatorContext, stream: str, **more: Any) -> None:
    role = make_role(
        context,
        "logs",
        service=f"logs.{REGION}.amazonaws.com",
        actions=["firehose:PutRecord", "firehose:PutRecordBatch"],
        resources=[stream],
    )
    client(context, "logs").put_subscription_filter(
        logGroupName=GROUP,
        filterName="usage",
        filterPattern='{ $.type = "usage" }',
        destinationArn=stream,
        roleArn=role,
        **more,
    )


def stored(context: EmulatorContext) -> list[str]:
    api = client(context, "s3")
    keys = [one["Key"] for one in api.list_objects_v2(Bucket="ledger").get("Contents", [])]
    return [
        line for key in keys for line in api.get_object(Bucket="ledger", Key=key)["Body"].read().decode().split("\n")
    ]


def test_usage_lines_reach_the_bucket_and_no_others(lane: EmulatorContext) -> None:
    api = client(lane, "logs")
    api.create_log_group(logGroupName=GROUP)
    api.create_log_stream(logGroupName=GROUP, logStreamName="one")
    stream = make_stream(lane)
    subscribe(lane, stream)
    now_ms = int(time.time() * 1000)
    usage = [json.dumps({"type": "usage", "n": number, "note": "é"}, ensure_ascii=False) for number in range(3)]
    for line in ["hello", *usage, '{"type": "other"}']:
        event = {"timestamp": now_ms, "message": line}
        api.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=[event])
    eventually("three lines", lambda: sum(bool(line) for line in stored(lane)) >= 3)
    # in one object or, on a slow machine, in several, whose names tell no order within a second
    assert sorted(line for line in stored(lane) if line) == usage
    (found,) = client(lane, "s3").list_objects_v2(Bucket="ledger", MaxKeys=1)["Contents"]
    assert found["Key"].startswith("usage/day=")


def test_distribution_is_kept_and_filters_can_be_changed(lane: EmulatorContext) -> None:
    api = client(lane, "logs")
    api.create_log_group(logGroupName=GROUP)
    stream = make_stream(lane)
    subscribe(lane, stream, distribution="Random")
    (known,) = api.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
    assert (known["distribution"], known["filterPattern"]) == ("Random", '{ $.type = "usage" }')
    role = known["roleArn"]

    def put(name: str, pattern: str) -> None:
        api.put_subscription_filter(
            logGroupName=GROUP, filterName=name, filterPattern=pattern, destinationArn=stream, roleArn=role
        )

    put("second", "")
    put("usage", "{ $.a = 1 }")
    described = api.describe_subscription_filters(logGroupName=GROUP)["subscriptionFilters"]
    assert [(one["filterName"], one["filterPattern"], one["distribution"]) for one in described] == [
        ("usage", "{ $.a = 1 }", "ByLogStream"),
        ("second", "", "ByLogStream"),
    ]
    with pytest.raises(ClientError, match="LimitExceeded"):
        put("third", "")
    with pytest.raises(ClientError, match="Invalid filter pattern"):
        put("usage", "{ nope")


def test_retention_is_kept(lane: EmulatorContext) -> None:
    api = client(lane, "logs")
    api.create_log_group(logGroupName=GROUP)
    api.put_retention_policy(logGroupName=GROUP, retentionInDays=30)
    (group,) = api.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
    assert group["retentionInDays"] == 30
