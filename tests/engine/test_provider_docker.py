"""The docker stand-in against a running engine and a registry."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.home import Home
from local.providers.docker.provider import PROVIDER
from local.providers.framework.check import DEFAULTS, check
from local.providers.framework.errors import ProviderError
from local.providers.framework.operations import Operations, Resource
from local.registry import Registry

pytestmark = pytest.mark.docker
IMAGE = PROVIDER.types["docker:index/image:Image"]


@pytest.fixture
def registry(tmp_path: Path, home: Home) -> Iterator[str]:
    registry = Registry(home=home, lane=f"test-docker-{secrets.token_hex(4)}", folder=tmp_path)
    yield registry.start()
    registry.stop()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nARG GREETING\nLABEL greeting=$GREETING\nCOPY main.txt /\n")
    (folder / "main.txt").write_text(secrets.token_hex(8))
    return folder


@pytest.fixture
def built(docker_engine: Any) -> Iterator[list[str]]:
    """Names of images the test makes; they are removed again."""
    names: list[str] = []
    yield names
    for name in names:
        docker_engine.images.remove(name, force=True)


def create(name: str, context: Path, **inputs: Any) -> Resource:
    given = {"imageName": name, "build": {"context": str(context), "args": {"GREETING": "hello"}}, **inputs}
    checked = check(IMAGE, name="image", old={}, new=given, seed=b"")
    assert checked.failures == []
    wanted = {key: value for key, value in checked.inputs.items() if key != DEFAULTS}
    return Operations(PROVIDER, None).create(IMAGE, "image", wanted)


def test_an_image_is_pushed_once_and_known_by_its_digest(
    registry: str, context: Path, docker_engine: Any, built: list[str]
) -> None:
    name = f"{registry}/batchyard/test:{secrets.token_hex(8)}"
    built.append(name)
    login = {"server": registry, "username": "AWS", "password": "secret"}
    first = create(name, context, registry=login)
    assert first.id == name
    assert first.state["repoDigest"].startswith(f"{registry}/batchyard/test@sha256:")
    assert "registry" not in first.state
    image = docker_engine.images.get(name)
    assert image.labels["greeting"] == "hello"

    # the registry holds the content already: no second build, which the engine would show as the image's return
    docker_engine.images.remove(name, force=True)
    again = create(name, context, registry=login)
    assert again.state["repoDigest"] == first.state["repoDigest"]
    assert not [image for image in docker_engine.images.list() if name in image.tags]

    (context / "main.txt").write_text("other")
    changed = create(name, context)
    assert changed.state["repoDigest"] != first.state["repoDigest"]


def test_an_image_that_is_not_pushed_has_its_own_id(context: Path, docker_engine: Any, built: list[str]) -> None:
    name = f"batchyard-test-{secrets.token_hex(4)}:1"
    built.append(name)
    made = create(name, context, skipPush=True)
    assert made.state["repoDigest"] == docker_engine.images.get(name).id


def test_a_failing_dockerfile_shows_its_last_lines(registry: str, context: Path, docker_engine: Any) -> None:
    (context / "Dockerfile").write_text("FROM scratch\nCOPY main.txt /\nCOPY missing.txt /\n")
    with pytest.raises(ProviderError) as caught:
        create(f"{registry}/batchyard/test:1", context)
    text = str(caught.value)
    assert text.startswith("creating Docker Image (image): ")
    assert "the build's last lines" in text
    assert "COPY missing.txt /" in text
