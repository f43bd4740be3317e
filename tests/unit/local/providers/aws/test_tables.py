"""The tables use the SDK's own property names, and are whole."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pulumi_aws
import pytest

from local.providers.aws.provider import PROVIDER
from local.providers.framework import ResourceType
from local.providers.framework.check import check

_IDENTIFIER = re.compile(r"[a-z][A-Za-z0-9]*")


def _sdk_class(token: str) -> type:
    """The SDK's class of `aws:batch/jobQueue:JobQueue`."""
    module = token.split(":")[1].partition("/")[0]
    name = token.rpartition(":")[2]
    found: type = getattr(importlib.import_module(f"{pulumi_aws.__name__}.{module}"), name)
    return found


def _sdk_names(token: str) -> set[str]:
    return {
        getattr(value.fget, "_pulumi_name", key)
        for key, value in inspect.getmembers(_sdk_class(token), lambda member: isinstance(member, property))
    }


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
        module = invoke.token.split(":")[1].partition("/")[0]
        owner = pulumi_aws if module == "index" else importlib.import_module(f"{pulumi_aws.__name__}.{module}")
        snake = re.sub(r"(?<!^)(?=[A-Z])", "_", invoke.token.rpartition(":")[2]).lower()
        assert hasattr(owner, snake)


def test_the_package_is_small_where_it_is_loaded() -> None:
    """A plugin starts with every command: its tables import no service model and no SDK."""
    folder = Path(inspect.getfile(check)).parents[1] / "aws"
    for file in folder.glob("*.py"):
        assert "import boto3" not in file.read_text(encoding="utf-8"), file.name


def test_the_schema_lists_every_type() -> None:
    described: Mapping[str, object] = {resource.token: sorted(resource.inputs) for resource in PROVIDER.resources}
    assert json.loads(json.dumps(described)).keys() == PROVIDER.types.keys()
