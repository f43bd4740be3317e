from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import ecr
from tests.unit.local.emulator.ecr.fake_registry import FakeRegistry, manifest_text, serving_registry
from tests.unit.local.emulator.moto_server import client, forget_everything, serving

NAME = "batchyard/local/thumbnails"
Lane = tuple[Any, FakeRegistry]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    folder = tmp_path_factory.mktemp("lane")
    with serving_registry() as registry, serving(folder, [ecr.install], registry=registry.address) as (context, _):
        yield client(context, "ecr"), registry


@pytest.fixture
def lane(server: Lane) -> Iterator[Lane]:
    yield server
    forget_everything()
    registry = server[1]
    registry.manifests.clear()
    registry.tags.clear()
    registry.deletes = True


def make(api: Any, **more: Any) -> Any:
    return api.create_repository(repositoryName=NAME, **more)["repository"]


def test_a_repository_lives_in_the_registry(lane: Lane) -> None:
    api, registry = lane
    scanning = {"scanOnPush": True}
    made = make(api, imageTagMutability="IMMUTABLE", imageScanningConfiguration=scanning)
    assert made["repositoryUri"] == f"{registry.address}/{NAME}"
    (described,) = api.describe_repositories(repositoryNames=[NAME])["repositories"]
    assert described["imageTagMutability"] == "IMMUTABLE"
    assert described["imageScanningConfiguration"] == scanning
    (data,) = api.get_authorization_token()["authorizationData"]
    assert data["proxyEndpoint"] == f"http://{registry.address}"
    assert base64.b64decode(data["authorizationToken"]).startswith(b"AWS:")
    assert data["expiresAt"] > datetime.now(UTC)


def test_what_is_pushed_is_what_is_listed(lane: Lane) -> None:
    api, registry = lane
    make(api)
    assert api.list_images(repositoryName=NAME)["imageIds"] == []
    text = manifest_text(100, 200)
    digest = registry.push(NAME, "a1", text.encode())
    registry.push(NAME, "b2", text.encode())
    other = registry.push(NAME, "c3", manifest_text(5).encode())
    listed = api.list_images(repositoryName=NAME)["imageIds"]
    assert sorted((one["imageTag"], one["imageDigest"]) for one in listed) == [
        ("a1", digest),
        ("b2", digest),
        ("c3", other),
    ]
    (detail,) = api.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "a1"}])["imageDetails"]
    assert detail["imageDigest"] == digest
    assert sorted(detail["imageTags"]) == ["a1", "b2"]
    assert detail["imageSizeInBytes"] == 310
    got = api.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "a1"}, {"imageTag": "zz"}])
    assert [(one["imageId"], one["imageManifest"]) for one in got["images"]] == [
        ({"imageDigest": digest, "imageTag": "a1"}, text)
    ]
    assert got["failures"][0]["failureCode"] == "ImageNotFound"
    with pytest.raises(ClientError, match="ImageNotFoundException"):
        api.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "zz"}])


def test_immutable_tags_are_refused_by_put_image(lane: Lane) -> None:
    api, registry = lane
    make(api, imageTagMutability="IMMUTABLE")
    put = api.put_image(repositoryName=NAME, imageManifest=manifest_text(1), imageTag="a1")["image"]
    assert registry.tags[NAME, "a1"] == put["imageId"]["imageDigest"]
    with pytest.raises(ClientError, match="ImageAlreadyExistsException"):
        api.put_image(repositoryName=NAME, imageManifest=manifest_text(2), imageTag="a1")


def test_deleting_a_tag_keeps_the_others(lane: Lane) -> None:
    api, registry = lane
    make(api)
    text = manifest_text(1).encode()
    digest = registry.push(NAME, "a1", text)
    registry.push(NAME, "b2", text)
    deleted = api.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "a1"}])["imageIds"]
    assert deleted == [{"imageDigest": digest, "imageTag": "a1"}]
    assert registry.tags == {(NAME, "b2"): digest}
    api.batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": digest}])
    assert api.list_images(repositoryName=NAME)["imageIds"] == []


def test_a_repository_with_images_needs_force(lane: Lane) -> None:
    api, registry = lane
    make(api)
    registry.push(NAME, "a1", manifest_text(1).encode())
    with pytest.raises(ClientError, match="RepositoryNotEmptyException"):
        api.delete_repository(repositoryName=NAME)
    registry.deletes = False
    with pytest.raises(ClientError, match=r"set storage\.delete\.enabled"):
        api.delete_repository(repositoryName=NAME, force=True)
    registry.deletes = True
    api.delete_repository(repositoryName=NAME, force=True)
    assert registry.manifests == {}
    make(api)
    assert api.list_images(repositoryName=NAME)["imageIds"] == []


def test_lifecycle_policies_are_kept(lane: Lane) -> None:
    api, _ = lane
    make(api)
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10}
    policy = '{"rules": [{"rulePriority": 1, "selection": %s, "action": {"type": "expire"}}]}'
    text = policy % str(selection).replace("'", '"')
    api.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    assert api.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"] == text


def test_a_registry_that_is_gone_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serving_registry() as registry:
        address = registry.address
    with serving(tmp_path_factory.mktemp("lane"), [ecr.install], registry=address) as (context, _):
        api = client(context, "ecr")
        make(api)
        with pytest.raises(ClientError, match=f"the registry {address} doesn't answer"):
            api.list_images(repositoryName=NAME)
