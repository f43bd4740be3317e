"""The tables use the SDK's own property names, and are whole."""

from __future__ import annotations

import importlib.util
import inspect
import keyword
import re
from pathlib import Path

import pytest

from local.providers.aws.provider import PROVIDER
from local.providers.framework import ResourceType
from local.providers.framework.check import check

_IDENTIFIER = re.compile(r"[a-z][A-Za-z0-9]*")
_GETTER = re.compile(r'@pulumi\.getter(?:\(name="(?P<name>\w+)"\))?\n.*?def (?P<python>\w+)', re.DOTALL)


def _sdk_file(token: str) -> Path:
    """The SDK's file of `aws:batch/jobQueue:JobQueue`; read as text, since importing the SDK takes seconds."""
    found = importlib.util.find_spec("pulumi_aws")
    assert found is not None
    assert found.origin is not None
    module, _, name = token.split(":")[1].partition("/")
    module += "_" if keyword.iskeyword(module) else ""
    return Path(found.origin).parent / ("" if module == "index" else module) / f"{_snake(name)}.py"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _sdk_names(token: str) -> set[str]:
    text = _sdk_file(token).read_text(encoding="utf-8")
    assert f"'{token}'" in text
    return {match["name"] or match["python"] for match in _GETTER.finditer(text)}


@pytest.mark.parametrize("resource", PROVIDER.resources, ids=lambda resource: resource.token)
def test_a_table_has_only_names_of_the_sdk(resource: ResourceType) -> None:
    known = _sdk_names(resource.token)
    described = resource.inputs | resource.outputs | set(resource.defaults) | resource.required
    assert described - known == set()
    assert resource.inputs & resource.outputs == set()
    for paths in (resource.replace, resource.computed, resource.sets, resource.json, resource.policies, resource.maps):
        assert {path.partition(".")[0] for path in paths} <= resource.inputs
    assert resource.required <= resource.inputs
    assert resource.not_read <= resource.inputs
    assert all(_IDENTIFIER.fullmatch(name) for name in described)


@pytest.mark.parametrize("resource", PROVIDER.resources, ids=lambda resource: resource.token)
def test_every_missing_property_is_named_at_once(resource: ResourceType) -> None:
    failures = check(resource, name="thing", old={}, new={}, seed=b"s").failures
    for key in resource.required:
        assert any(f"Missing required property '{key}'" in text for text in failures), failures


def test_tokens_are_unique_and_of_the_sdk() -> None:
    tokens = [resource.token for resource in PROVIDER.resources]
    assert len(tokens) == len(set(tokens))
    for invoke in PROVIDER.invokes:
        assert f"'{invoke.token}'" in _sdk_file(invoke.token).read_text(encoding="utf-8")


def test_the_package_is_small_where_it_is_loaded() -> None:
    """A plugin starts with every command: its tables load botocore only once a service is asked."""
    folder = Path(inspect.getfile(check)).parents[1] / "aws"
    for file in folder.glob("*.py"):
        assert not re.search(r"^(import|from) (boto|pulumi_aws)", file.read_text(encoding="utf-8"), re.MULTILINE), (
            file.name
        )
