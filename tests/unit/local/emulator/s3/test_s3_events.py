from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator import events, s3
from local.emulator.context import EmulatorContext
from tests.unit.local.emulator.moto_server import ACCOUNT, client, forget_everything, serving

FOLDER = Path(__file__).parent
CREATED = json.loads((FOLDER / "s3-object-created-unversioned.recorded.json").read_text())
DELETED = json.loads((FOLDER / "s3-object-deleted-unversioned.recorded.json").read_text())
DOCUMENTED = json.loads((FOLDER / "s3-object-created.json").read_text())

Lane = tuple[EmulatorContext, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorContext]:
    with serving(tmp_path_factory.mktemp("lane"), [s3.install]) as (context, _):
        yield context


@pytest.fixture
def lane(server: EmulatorContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lane]:
    published: list[dict[str, Any]] = []
    monkeypatch.setattr(events, "publish", published.append)
    yield server, published
    forget_everything()


def make_bucket(context: EmulatorContext, *, versioned: bool = False) -> Any:
    api = client(context, "s3")
    api.create_bucket(Bucket="uploads")
    if versioned:
        api.put_bucket_versioning(Bucket="uploads", VersioningConfiguration={"Status": "Enabled"})
    api.put_bucket_notification_configuration(
        Bucket="uploads", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    return api


def shape(value: Any) -> Any:
    return {key: shape(one) for key, one in sorted(value.items())} if isinstance(value, dict) else type(value).__name__


def test_events_have_the_recorded_shape(lane: Lane) -> None:
    context, published = lane
    api = make_bucket(context)
    api.put_object(Bucket="uploads", Key="a.jpg", Body=b"data")
    api.delete_object(Bucket="uploads", Key="a.jpg")
    created, deleted = published
    assert shape(created) == shape(CREATED)
    assert shape(deleted) == shape(DELETED)
    assert created["detail"]["object"]["etag"] == CREATED["detail"]["object"]["etag"]
    for event, recorded in ((created, CREATED), (deleted, DELETED)):
        assert event["detail"]["reason"] == recorded["detail"]["reason"]
        assert event["detail-type"] == recorded["detail-type"]
        assert event["resources"] == ["arn:aws:s3:::uploads"]
        assert event["account"] == event["detail"]["requester"] == ACCOUNT
    assert deleted["detail"]["deletion-type"] == DELETED["detail"]["deletion-type"]
    assert deleted["detail"]["object"]["sequencer"] > created["detail"]["object"]["sequencer"]


def test_versioned_buckets_name_the_version(lane: Lane) -> None:
    context, published = lane
    api = make_bucket(context, versioned=True)
    version = api.put_object(Bucket="uploads", Key="a.jpg", Body=b"data")["VersionId"]
    marker = api.delete_object(Bucket="uploads", Key="a.jpg")["VersionId"]
    api.delete_object(Bucket="uploads", Key="a.jpg", VersionId=version)
    created, marked, deleted = published
    assert shape(created) == shape(DOCUMENTED)
    assert created["detail"]["object"]["version-id"] == version
    assert (marked["detail"]["deletion-type"], marked["detail"]["object"]["version-id"]) == (
        "Delete Marker Created",
        marker,
    )
    assert (deleted["detail"]["deletion-type"], deleted["detail"]["object"]["version-id"]) == (
        "Permanently Deleted",
        version,
    )


@pytest.mark.parametrize("key", ["with space.jpg", "Zürich/ø é+plus&%41.jpg", "日本/写真.png", 'a"quote.jpg', "a/b//c"])
def test_keys_are_raw(lane: Lane, key: str) -> None:
    context, published = lane
    api = make_bucket(context)
    api.put_object(Bucket="uploads", Key=key, Body=b"data")
    assert [event["detail"]["object"]["key"] for event in published] == [key]


def test_reasons(lane: Lane) -> None:
    context, published = lane
    api = make_bucket(context)
    api.put_object(Bucket="uploads", Key="a", Body=b"data", Tagging="colour=red")
    api.copy_object(Bucket="uploads", Key="b", CopySource={"Bucket": "uploads", "Key": "a"})
    upload = api.create_multipart_upload(Bucket="uploads", Key="c")["UploadId"]
    part = api.upload_part(Bucket="uploads", Key="c", UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    api.complete_multipart_upload(Bucket="uploads", Key="c", UploadId=upload, MultipartUpload=parts)
    created = [event["detail"] for event in published if event["detail-type"] == "Object Created"]
    assert [(detail["object"]["key"], detail["reason"]) for detail in created] == [
        ("a", "PutObject"),
        ("b", "CopyObject"),
        ("c", "CompleteMultipartUpload"),
    ]
    assert {event["detail-type"] for event in published} <= {"Object Created", "Object Tags Added"}


def test_deleting_many_and_what_is_not_there(lane: Lane) -> None:
    context, published = lane
    api = make_bucket(context)
    for key in ("a", "b"):
        api.put_object(Bucket="uploads", Key=key, Body=b"data")
    published.clear()
    api.delete_objects(Bucket="uploads", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    api.delete_object(Bucket="uploads", Key="never-was")
    assert [(event["detail-type"], event["detail"]["object"]["key"]) for event in published] == [
        ("Object Deleted", "a"),
        ("Object Deleted", "b"),
    ]


def test_the_configuration_is_read_back_and_can_be_taken_away(lane: Lane) -> None:
    context, published = lane
    api = make_bucket(context)
    assert api.get_bucket_notification_configuration(Bucket="uploads")["EventBridgeConfiguration"] == {}
    api.put_bucket_notification_configuration(Bucket="uploads", NotificationConfiguration={})
    assert "EventBridgeConfiguration" not in api.get_bucket_notification_configuration(Bucket="uploads")
    api.put_object(Bucket="uploads", Key="a", Body=b"data")
    assert published == []


def test_a_bucket_for_tls_only_answers(lane: Lane) -> None:
    context, _ = lane
    api = make_bucket(context)
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::uploads", "arn:aws:s3:::uploads/*"],
    }
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    api.put_object(Bucket="uploads", Key="a.jpg", Body=b"data")
    for condition, answers in ((insecure, True), ({}, False)):
        policy = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
        api.put_bucket_policy(Bucket="uploads", Policy=json.dumps(policy))
        if answers:
            assert api.get_object(Bucket="uploads", Key="a.jpg")["Body"].read() == b"data"
        else:
            with pytest.raises(api.exceptions.ClientError, match="403"):
                api.head_object(Bucket="uploads", Key="a.jpg")
