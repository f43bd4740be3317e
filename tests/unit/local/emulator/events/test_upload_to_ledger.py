"""S3, EventBridge, Logs and Firehose together on the emulator's own server: locks, threads and sockets as in a lane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.emulator.context import EmulatorContext
from local.emulator.server import EmulatorServer
from tests.unit.local.emulator.moto_server import (
    ACCOUNT,
    REGION,
    client,
    eventually,
    forget_everything,
    make_queue,
    make_role,
    make_writer,
    messages,
)

UPLOADS = 60
STREAM = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/uploads"


@pytest.fixture
def lane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorContext]:
    forget_everything()
    server = EmulatorServer(
        tmp_path_factory.mktemp("lane"),
        registry="",
        second_scale=0.01,
        services=("gaps", "s3", "events", "scheduler", "firehose", "logs"),
    )
    server.start()
    try:
        yield server.context
    finally:
        server.close()
        forget_everything()


def stored(context: EmulatorContext, bucket: str) -> list[Any]:
    api = client(context, "s3")
    keys = [one["Key"] for one in api.list_objects_v2(Bucket=bucket).get("Contents", [])]
    bodies = [api.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_every_upload_of_a_burst_is_delivered_to_every_target(lane: EmulatorContext) -> None:
    s3 = client(lane, "s3")
    s3.create_bucket(Bucket="uploads")
    s3.create_bucket(Bucket="ledger")
    make_writer(lane, "ledger")
    s3.put_bucket_notification_configuration(
        Bucket="uploads", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    client(lane, "firehose").create_delivery_stream(
        DeliveryStreamName="uploads",
        ExtendedS3DestinationConfiguration={
            "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/firehose",
            "BucketARN": "arn:aws:s3:::ledger",
            "Prefix": "uploads/day=!{timestamp:yyyy-MM-dd}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
            "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]},
        },
    )
    role = make_role(lane, "rows", service="events.amazonaws.com", actions=["firehose:PutRecord"], resources=[STREAM])
    url, queue = make_queue(lane, "seen")
    eventbridge = client(lane, "events")
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": ["uploads"]}}}
    eventbridge.put_rule(Name="uploads", EventPattern=json.dumps(pattern))
    row = {"InputPathsMap": {"key": "$.detail.object.key"}, "InputTemplate": '{"key": <key>}'}
    eventbridge.put_targets(
        Rule="uploads",
        Targets=[
            {"Id": "ledger", "Arn": STREAM, "RoleArn": role, "InputTransformer": row},
            {"Id": "queue", "Arn": queue, "InputPath": "$.detail.object.key"},
        ],
    )
    keys = sorted(f"photos/nº {number} a+b.jpg" for number in range(UPLOADS))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket="uploads", Key=key, Body=b"data"), keys))
    eventually("all rows", lambda: len(stored(lane, "ledger")) >= UPLOADS)
    assert sorted(one["key"] for one in stored(lane, "ledger")) == keys
    seen: list[str] = []

    def look() -> bool:
        seen.extend(json.loads(message["Body"]) for message in messages(lane, url))
        return len(seen) >= UPLOADS

    eventually("all messages", look)
    assert sorted(seen) == keys
