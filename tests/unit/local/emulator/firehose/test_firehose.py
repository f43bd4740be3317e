from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import firehose
from local.emulator.context import EmulatorContext
from tests.unit.local.emulator.moto_server import (
    ACCOUNT,
    client,
    eventually,
    forget_everything,
    make_writer,
    serving,
    stopped,
)

Lane = tuple[EmulatorContext, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    folder = tmp_path_factory.mktemp("lane")
    with serving(folder, [firehose.install], second_scale=0.001) as (context, (service,)):
        yield context, service


@pytest.fixture
def lane(server: Lane) -> Iterator[Lane]:
    client(server[0], "s3").create_bucket(Bucket="ledger")
    make_writer(server[0], "ledger", "later")
    yield server
    forget_everything()


def make_stream(context: EmulatorContext, name: str = "attempts", **more: Any) -> None:
    client(context, "firehose").create_delivery_stream(
        DeliveryStreamName=name,
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "RoleARN": f"arn:aws:iam::{ACCOUNT}:role/firehose",
            "BucketARN": "arn:aws:s3:::ledger",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
            "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]},
            **more,
        },
    )


def put(context: EmulatorContext, *records: bytes, name: str = "attempts") -> None:
    answer = client(context, "firehose").put_record_batch(
        DeliveryStreamName=name, Records=[{"Data": record} for record in records]
    )
    assert answer["FailedPutCount"] == 0


def objects(context: EmulatorContext, bucket: str = "ledger") -> dict[str, bytes]:
    api = client(context, "s3")
    keys = [one["Key"] for one in api.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: api.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_records_become_one_object(lane: Lane) -> None:
    context, service = lane
    make_stream(
        context, Prefix="attempts/day=!{timestamp:yyyy-MM-dd}/", ErrorOutputPrefix="e/!{firehose:error-output-type}/"
    )
    with stopped(service.buffers._clock):
        client(context, "firehose").put_record(DeliveryStreamName="attempts", Record={"Data": b'{"n": 0}'})
        put(context, b'{"n": 1}', b'{"n": 2}')
    found = eventually("the object", lambda: objects(context))
    assert b"".join(found.values()) == b'{"n": 0}\n{"n": 1}\n{"n": 2}\n'
    (key,) = found
    assert key.startswith("attempts/day=20")
    assert "/attempts-1-" in key


def test_a_full_buffer_does_not_wait_and_gzip_is_gzip(lane: Lane) -> None:
    context, _ = lane
    make_stream(context, CompressionFormat="GZIP", BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    record = b"x" * 600_000
    put(context, record, record)
    found = eventually("the object", lambda: objects(context))
    (key,) = found
    assert key.endswith(".gz")
    assert gzip.decompress(found[key]) == record + b"\n" + record + b"\n"


def test_closing_and_deleting_flush(lane: Lane) -> None:
    context, service = lane
    make_stream(context, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900})
    put(context, b"one")
    service.buffers.flush()
    eventually("the flushed object", lambda: list(objects(context).values()) == [b"one\n"])
    put(context, b"two")
    client(context, "firehose").delete_delivery_stream(DeliveryStreamName="attempts")
    eventually("the last object", lambda: sorted(objects(context).values()) == [b"one\n", b"two\n"])
    with pytest.raises(ClientError, match="not found"):
        put(context, b"three")


def test_records_wait_for_a_bucket_that_is_missing(lane: Lane) -> None:
    context, service = lane
    make_stream(context, BucketARN="arn:aws:s3:::later")
    put(context, b"patient")
    service.buffers.flush()
    client(context, "s3").create_bucket(Bucket="later")
    found = eventually("the object", lambda: objects(context, "later"))
    assert list(found.values()) == [b"patient\n"]


def test_records_wait_for_a_role_that_may_write(lane: Lane) -> None:
    context, service = lane
    iam = client(context, "iam")
    iam.delete_role_policy(RoleName="firehose", PolicyName="allowed")
    make_stream(context)
    put(context, b"patient")
    service.buffers.flush()
    put(context, b"second")
    iam.delete_role(RoleName="firehose")
    assert objects(context) == {}
    make_writer(context, "ledger")
    service.buffers.flush()
    eventually("both records", lambda: sorted(objects(context).values()) == [b"patient\n", b"second\n"])


def test_what_can_not_be_processed_goes_to_the_error_prefix(lane: Lane) -> None:
    context, _ = lane
    processors = [{"Type": "Decompression"}]
    make_stream(
        context,
        Prefix="ok/",
        ErrorOutputPrefix="errors/!{firehose:error-output-type}/!{timestamp:yyyy}/",
        ProcessingConfiguration={"Enabled": True, "Processors": processors},
    )
    put(context, b"bad", gzip.compress(b"good"))
    found = eventually("two objects", lambda: len(objects(context)) == 2 and objects(context))
    by_folder = {key.split("/")[0]: body for key, body in found.items()}
    assert by_folder["ok"] == b"good"
    error = json.loads(by_folder["errors"])
    assert (error["rawData"], error["attemptsMade"]) == ("YmFk", 1)


def test_an_update_takes_effect_and_counts_the_version(lane: Lane) -> None:
    context, _ = lane
    make_stream(context, Prefix="before/")
    api = client(context, "firehose")
    api.update_destination(
        DeliveryStreamName="attempts",
        CurrentDeliveryStreamVersionId="1",
        DestinationId="destinationId-000000000001",
        ExtendedS3DestinationUpdate={"Prefix": "after/"},
    )
    put(context, b"x")
    (key,) = eventually("the object", lambda: objects(context))
    assert key.startswith("after/")
    assert "/attempts-2-" in key
    described = api.describe_delivery_stream(DeliveryStreamName="attempts")["DeliveryStreamDescription"]
    assert described["VersionId"] == "2"
    assert described["Destinations"][0]["ExtendedS3DestinationDescription"]["BucketARN"] == "arn:aws:s3:::ledger"


def test_refused_streams(lane: Lane) -> None:
    context, _ = lane
    with pytest.raises(ClientError, match="ErrorOutputPrefix cannot be null"):
        make_stream(context, Prefix="x/!{timestamp:yyyy}/")
    with pytest.raises(ClientError, match="GZIP and UNCOMPRESSED"):
        make_stream(context, CompressionFormat="Snappy")
