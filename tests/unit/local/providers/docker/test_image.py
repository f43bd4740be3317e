"""The docker stand-in without an engine: names, digests, mistakes, plans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.providers.docker.context_digest import context_digest
from local.providers.docker.engine import check_reachable
from local.providers.docker.image import Name, parse_name
from local.providers.docker.provider import PROVIDER
from local.providers.docker.registry import is_local
from local.providers.framework import ProviderError
from local.providers.framework.check import check
from local.providers.framework.plan import Plan

IMAGE = PROVIDER.types["docker:index/image:Image"]


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY main.py /\n")
    (tmp_path / "main.py").write_text("print(1)\n")
    return tmp_path


def checked(context: Path, **inputs: Any) -> Any:
    given = {"imageName": "localhost:5000/jobs:1", "build": {"context": str(context)}, **inputs}
    return check(IMAGE, name="image", old={}, new=given, seed=b"")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("localhost:5000/a/b:1", Name("localhost:5000", "a/b", "1")),
        ("registry.example.com/a:1", Name("registry.example.com", "a", "1")),
        ("library/a:1", Name("", "library/a", "1")),
        ("a:1", Name("", "a", "1")),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, parts: Name) -> None:
    assert parse_name(text) == parts


def test_registries_of_this_machine_are_known() -> None:
    assert is_local("localhost:5000")
    assert is_local("127.0.0.1:5000")
    assert not is_local("registry.example.com")


def test_the_digest_follows_content_names_and_the_executable_bit(context: Path) -> None:
    def digest() -> str:
        return context_digest(context, context / "Dockerfile")

    first = digest()
    assert digest() == first
    (context / "main.py").chmod(0o755)
    executable = digest()
    (context / "main.py").write_text("print(2)\n")
    changed = digest()
    (context / "main.py").rename(context / "other.py")
    assert len({first, executable, changed, digest()}) == 4


def test_ignored_files_are_not_in_the_digest(context: Path) -> None:
    (context / ".dockerignore").write_text("# what no image needs\n**/*.log\n")
    first = context_digest(context, context / "Dockerfile")
    (context / "folder").mkdir()
    (context / "folder" / "x.log").write_text("noise")
    assert context_digest(context, context / "Dockerfile") == first
    (context / "folder" / "x.py").write_text("code")
    assert context_digest(context, context / "Dockerfile") != first


def test_check_fills_in_the_build(context: Path) -> None:
    result = checked(context)
    assert result.failures == []
    build = result.inputs["build"]
    assert build["dockerfile"] == str(context / "Dockerfile")
    assert build["platform"].startswith("linux/")
    assert len(build["contextDigest"]) == 64
    assert result.inputs["skipPush"] is False


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"build": {"context": "/nowhere"}}, "build.context '/nowhere' is no folder"),
        ({"imageName": "jobs:1"}, "imageName 'jobs:1' names no registry to push to"),
        ({"colour": "red"}, "'colour' isn't a property"),
    ],
)
def test_mistakes_name_what_is_allowed(context: Path, change: dict[str, Any], said: str) -> None:
    [failure] = checked(context, **change).failures
    assert said in failure


def test_a_missing_dockerfile_is_told_before_anything_is_built(context: Path) -> None:
    (context / "Dockerfile").unlink()
    [failure] = checked(context).failures
    assert "doesn't exist; put one there" in failure


def test_every_change_is_an_update_and_the_digest_becomes_unknown(context: Path) -> None:
    old = checked(context, registry={"server": "localhost:5000", "username": "AWS", "password": "one"}).inputs
    state = {key: value for key, value in old.items() if key != "registry"} | {"repoDigest": "r@sha256:1"}
    again = checked(context, registry={"server": "localhost:5000", "username": "AWS", "password": "two"}).inputs
    assert Plan(IMAGE, old=state, new=again, old_inputs=old).changes == []
    (context / "main.py").write_text("print(2)\n")
    plan = Plan(IMAGE, old=state, new=checked(context).inputs, old_inputs=old)
    assert [change.pattern for change in plan.changes] == ["build.contextDigest"]
    assert not plan.replaces
    assert plan.recomputed == {"repoDigest"}


def test_without_an_engine_the_plugin_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(
        ProviderError, match=r"no Docker engine answers at unix://.*; start Docker, or run `make setup`"
    ):
        check_reachable()
