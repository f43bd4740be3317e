"""S3, ECR, SSM and Secrets Manager: every type's life, and what is particular to each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.providers.framework import Asset
from local.providers.framework.values import ASSET
from tests.unit.local.providers.aws.lifecycle import Life, Object, live
from tests.unit.local.providers.aws.plugin import CheckFailed, Plugin, Refused

BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
ACCESS = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
REPOSITORY = "aws:ecr/repository:Repository"
IMAGES_LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
IMAGES_POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
PARAMETER = "aws:ssm/parameter:Parameter"
SECRET = "aws:secretsmanager/secret:Secret"
QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:uploads"

LIVES = [
    Life(token=BUCKET, inputs={"tags": {"stage": "a"}}, changes={"tags": {"stage": "b"}}),
    Life(token=BUCKET, inputs={"bucketPrefix": "batchyard-test-"}, changes={"forceDestroy": True}),
    Life(
        token=REPOSITORY,
        inputs={"name": "batchyard/test/thumbnails", "tags": {"job": "a"}},
        changes={
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "tags": {"job": "b"},
        },
    ),
    Life(token=REPOSITORY, inputs={"name": "batchyard/a"}, changes={"name": "batchyard/b"}, replaces=("name",)),
    Life(
        token=PARAMETER,
        inputs={"name": "/batchyard/test/key", "type": "String", "value": "a", "tags": {"stage": "a"}},
        changes={"value": "b", "description": "a key", "tags": {"stage": "b"}},
    ),
    Life(token=PARAMETER, inputs={"type": "SecureString", "value": "hidden"}, changes={"value": "changed"}),
    Life(
        token=SECRET,
        inputs={"recoveryWindowInDays": 0, "tags": {"stage": "a"}},
        changes={"description": "of the stage", "tags": {"stage": "b"}},
        imports=False,  # a window isn't read back
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.short}-{'-'.join(life.inputs)[:40]}")
def test_life(plugin: Plugin, life: Life) -> None:
    live(plugin, life)


@pytest.fixture
def bucket(plugin: Plugin) -> Iterator[Object]:
    made = Object.make(plugin, BUCKET, {"forceDestroy": True}, "uploads")
    yield made
    made.delete()


def rule(**more: Any) -> dict[str, Any]:
    return {"id": "expire", "status": "Enabled", **more}


def bucket_policy(bucket: Object, action: str) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": [bucket.state["arn"], bucket.state["arn"] + "/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_settings_of_a_bucket(plugin: Plugin, bucket: Object) -> None:
    where = {"bucket": bucket.id}
    sse = {"sseAlgorithm": "AES256"}
    lives = [
        Life(
            token=ENCRYPTION,
            inputs={**where, "rules": [{"applyServerSideEncryptionByDefault": sse}]},
            changes={"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}]},
        ),
        Life(
            token=LIFECYCLE,
            inputs={
                **where,
                "rules": [
                    rule(
                        expiration={"days": 30},
                        noncurrentVersionExpiration={"noncurrentDays": 7},
                        abortIncompleteMultipartUpload={"daysAfterInitiation": 2},
                    ),
                    {"id": "logs", "status": "Enabled", "filter": {"prefix": "logs/"}, "expiration": {"days": 1}},
                ],
            },
            changes={"rules": [rule(expiration={"days": 60}, filter={})]},
        ),
        Life(token=ACCESS, inputs={**where, "blockPublicAcls": True}, changes={"blockPublicPolicy": True}),
        Life(
            token=POLICY,
            inputs={**where, "policy": bucket_policy(bucket, "s3:PutObject")},
            changes={"policy": bucket_policy(bucket, "s3:*")},
        ),
    ]
    for life in lives:
        live(plugin, life)
    assert not bucket.diff({"forceDestroy": True}).diffs


def test_versioning_is_suspended_by_its_deletion(plugin: Plugin, bucket: Object, service: Callable[[str], Any]) -> None:
    enabled = {"bucket": bucket.id, "versioningConfiguration": {"status": "Enabled"}}
    versioning = Object.make(plugin, VERSIONING, enabled)
    assert versioning.diff({**enabled, "versioningConfiguration": {"status": "Suspended"}}).diffs
    with pytest.raises(Refused, match="cannot be updated from 'Enabled' to 'Disabled'"):
        versioning.diff({**enabled, "versioningConfiguration": {"status": "Disabled"}})
    assert plugin.read(VERSIONING, "thing", bucket.id) is not None
    versioning.delete()
    assert service("s3").get_bucket_versioning(Bucket=bucket.id)["Status"] == "Suspended"


def test_a_bucket_has_one_notification_configuration(
    plugin: Plugin, bucket: Object, service: Callable[[str], Any]
) -> None:
    inputs = {"bucket": bucket.id, "eventbridge": True}
    first = Object.make(plugin, NOTIFICATION, inputs, "first")
    assert not first.diff(inputs).diffs
    assert first.refresh()
    service("sqs").create_queue(QueueName="uploads")
    queues = [{"queueArn": QUEUE_ARN, "events": ["s3:ObjectCreated:*"], "filterSuffix": ".png"}]
    first.update({**inputs, "queues": queues})
    made_up = first.state["queues"][0]["id"]
    assert made_up.startswith("tf-s3-queue-")
    first.update({**inputs, "queues": [{**queues[0], "filterPrefix": "photos/"}]})
    assert first.state["queues"][0]["id"] == made_up

    Object.make(plugin, NOTIFICATION, {"bucket": bucket.id}, "second")
    assert first.refresh()
    assert {"eventbridge"} <= set(first.diff({**inputs, "queues": queues}).diffs)
    first.delete()
    found = service("s3").get_bucket_notification_configuration(Bucket=bucket.id)
    assert not {key for key in found if key != "ResponseMetadata"}


def test_a_bucket_with_objects_is_not_deleted(plugin: Plugin, service: Callable[[str], Any]) -> None:
    bucket = Object.make(plugin, BUCKET, {}, "full")
    s3 = service("s3")
    s3.put_bucket_versioning(Bucket=bucket.id, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=bucket.id, Key="a b/ü.txt", Body=b"x")
    s3.delete_object(Bucket=bucket.id, Key="a b/ü.txt")
    with pytest.raises(Refused, match=r"deleting S3 Bucket .*BucketNotEmpty"):
        bucket.delete()
    bucket.update({"forceDestroy": True})
    bucket.delete()
    assert not bucket.refresh()


def test_an_existing_bucket_is_not_adopted(plugin: Plugin) -> None:
    first = Object.make(plugin, BUCKET, {"bucket": "taken-name"}, "first")
    with pytest.raises(Refused, match="BucketAlreadyOwnedByYou"):
        Object.make(plugin, BUCKET, {"bucket": "taken-name"}, "second")
    first.delete()


def test_automatic_bucket_names_are_lower_case(plugin: Plugin) -> None:
    assert plugin.check(BUCKET, "Uploads", {})["bucket"].startswith("uploads-")
    replaced = plugin.diff(BUCKET, "a", "a", {"bucket": "a"}, {"bucket": "b"}, {"bucket": "a"})
    assert replaced.replaces == ["bucket"]
    assert replaced.deleteBeforeReplace  # the name was the program's own


def test_objects(plugin: Plugin, bucket: Object, tmp_path: Path, service: Callable[[str], Any]) -> None:
    live(
        plugin,
        Life(
            token=OBJECT,
            inputs={"bucket": bucket.id, "key": "photos/a.json", "content": "{}", "tags": {"stage": "a"}},
            changes={"content": "[]", "tags": {"stage": "b"}},
            imports=False,
        ),
    )
    file = tmp_path / "a.png"
    file.write_bytes(b"picture")
    source = {"bucket": bucket.id, "source": Asset(signature=ASSET, hash="one", path=str(file))}
    uploaded = Object.make(plugin, OBJECT, source, "a.png")
    assert uploaded.id == f"{bucket.id}/a.png"
    assert uploaded.state["contentType"] == "image/png"
    assert not uploaded.diff(source).diffs
    file.write_bytes(b"another")
    again = {**source, "source": Asset(signature=ASSET, hash="two", path=str(file))}
    assert uploaded.diff(again).diffs == ["source"]
    uploaded.update(again)
    assert service("s3").get_object(Bucket=bucket.id, Key="a.png")["Body"].read() == b"another"
    assert plugin.read(OBJECT, "a.png", f"s3://{bucket.id}/a.png") is not None
    assert plugin.read(OBJECT, "a.png", f"{bucket.id}/none") is None
    uploaded.delete()


def test_policies_of_a_repository(plugin: Plugin) -> None:
    repository = Object.make(plugin, REPOSITORY, {"name": "batchyard/policies"})
    rules = {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
                "action": {"type": "expire"},
            }
        ]
    }
    inputs = {"repository": repository.id, "policy": json.dumps(rules)}
    fewer = json.dumps(rules).replace("10", "5")
    live(plugin, Life(token=IMAGES_LIFECYCLE, inputs=inputs, changes={"policy": fewer}, replaces=("policy",)))
    kept = Object.make(plugin, IMAGES_LIFECYCLE, inputs)
    assert not kept.diff({**inputs, "policy": json.dumps(rules, indent=2)}).diffs
    assert kept.diff({**inputs, "policy": fewer}).deleteBeforeReplace

    statement = {"Sid": "a", "Effect": "Allow", "Principal": {"Service": "batch.amazonaws.com"}}
    policies = [
        json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Action": [action]}]})
        for action in ("ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
    ]
    live(
        plugin,
        Life(
            token=IMAGES_POLICY,
            inputs={"repository": repository.id, "policy": policies[0]},
            changes={"policy": policies[1]},
        ),
    )
    kept.delete()
    repository.delete()


def test_a_repository_with_images_is_not_deleted(plugin: Plugin, service: Callable[[str], Any]) -> None:
    repository = Object.make(plugin, REPOSITORY, {"name": "batchyard/full"})
    media_type = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {"schemaVersion": 2, "mediaType": media_type, "config": {"digest": "sha256:" + "0" * 64}, "layers": []}
    put = service("ecr").put_image(
        repositoryName=repository.id, imageManifest=json.dumps(manifest), imageTag="0123456789abcdef"
    )
    digest = put["image"]["imageId"]["imageDigest"]
    found = plugin.invoke(
        "aws:ecr/getImage:getImage", {"repositoryName": repository.id, "imageTag": "0123456789abcdef"}
    )
    assert found["id"] == found["imageDigest"] == digest
    assert found["imageUri"] == f"{repository.state['repositoryUrl']}@{digest}"
    with pytest.raises(Refused, match="ImageNotFoundException"):
        plugin.invoke("aws:ecr/getImage:getImage", {"repositoryName": repository.id, "imageTag": "none"})
    with pytest.raises(Refused, match="one of `image_digest,image_tag,most_recent` must be specified"):
        plugin.invoke("aws:ecr/getImage:getImage", {"repositoryName": repository.id})

    with pytest.raises(Refused, match="not empty, consider using force_delete"):
        repository.delete()
    repository.update({"name": "batchyard/full", "forceDelete": True})
    repository.delete()
    assert not repository.refresh()


def test_the_token_of_a_registry(plugin: Plugin) -> None:
    token = plugin.invoke("aws:ecr/getAuthorizationToken:getAuthorizationToken", {})
    assert token["userName"] == "AWS"
    assert token["password"]
    assert token["id"] == "us-east-1"


def test_parameters(plugin: Plugin, service: Callable[[str], Any]) -> None:
    inputs = {"name": "/batchyard/test/taken", "type": "String", "value": "a"}
    parameter = Object.make(plugin, PARAMETER, inputs)
    with pytest.raises(Refused, match="ParameterAlreadyExists"):
        Object.make(plugin, PARAMETER, inputs)
    checked = plugin.check(PARAMETER, "thing", {**inputs, "value": "b"}, parameter.inputs)
    planned = plugin.update(PARAMETER, "thing", parameter.id, parameter.state, checked, parameter.inputs, preview=True)
    assert repr(planned["version"]) == "UNKNOWN"
    service("ssm").put_parameter(Name=parameter.id, Value="c", Overwrite=True)
    assert parameter.refresh()
    assert parameter.diff(inputs).diffs == ["value"]
    advanced = {**parameter.state, "tier": "Advanced"}
    assert plugin.diff(
        PARAMETER, "thing", parameter.id, advanced, {**parameter.inputs, "tier": "Standard"}, parameter.inputs
    ).replaces == ["tier"]
    parameter.delete()


def test_a_secret_waits_for_its_deletion(plugin: Plugin, service: Callable[[str], Any]) -> None:
    secret = Object.make(plugin, SECRET, {"name": "batchyard-test"})
    secret.delete()
    assert service("secretsmanager").describe_secret(SecretId=secret.id)["DeletedDate"]
    assert not secret.refresh()


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (BUCKET, {"bucket": "Upper"}, "is no name for a bucket"),
        (BUCKET, {"acl": "private"}, "'acl' isn't a property the local stand-in knows"),
        (LIFECYCLE, {"bucket": "b", "rules": []}, "at least one rule is required"),
        (LIFECYCLE, {"bucket": "b", "rules": [{"status": "Enabled"}]}, r"Missing required property 'rules\[0\].id'"),
        (REPOSITORY, {"name": "Upper"}, "is no name for ECR"),
        (REPOSITORY, {"imageTagMutability": "FIXED"}, "expected image_tag_mutability to be one of"),
        (PARAMETER, {"type": "String"}, "exactly one of value, insecureValue, valueWo must be set, got none"),
        (PARAMETER, {"type": "SecureString", "insecureValue": "a"}, "`insecure_value` can't be set"),
        (SECRET, {"recoveryWindowInDays": 3}, "expected recovery_window_in_days to be 0 or 7 to 30, got 3"),
        (OBJECT, {"bucket": "b", "content": "a", "contentBase64": "YQ=="}, "content, contentBase64 conflict"),
    ],
)
def test_mistakes_check_finds(plugin: Plugin, token: str, inputs: dict[str, Any], reason: str) -> None:
    with pytest.raises(CheckFailed, match=reason):
        plugin.check(token, "thing", inputs)
