"""AWS Batch's job definitions: their life, revisions, equivalent properties."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.providers.aws.batch_job_definition import normal_properties
from local.providers.framework import UNKNOWN
from tests.unit.local.providers.aws.lifecycle import Life, Object, live
from tests.unit.local.providers.aws.plugin import CheckFailed, Plugin, Refused

DEFINITION = "aws:batch/jobDefinition:JobDefinition"
CONTAINER: dict[str, Any] = {
    "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/a@sha256:" + "0" * 64,
    "command": ["--key", "Ref::key"],
    "resourceRequirements": [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}],
    "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
}
JOB: dict[str, Any] = {
    "name": "batchyard-test-thumbnails",
    "type": "container",
    "containerProperties": json.dumps(CONTAINER),
    "parameters": {"key": "none"},
    "platformCapabilities": ["EC2"],
    "timeout": {"attemptDurationSeconds": 600},
    "retryStrategy": {
        "attempts": 3,
        "evaluateOnExits": [
            {"action": "RETRY", "onStatusReason": "Host EC2*"},
            {"action": "EXIT", "onReason": "*"},
        ],
    },
    "tags": {"job": "a"},
}


def container(**more: Any) -> str:
    return json.dumps({**CONTAINER, **more})


def test_life(plugin: Plugin) -> None:
    live(
        plugin,
        Life(
            token=DEFINITION,
            inputs=JOB,
            changes={"containerProperties": container(command=["--all"]), "timeout": {"attemptDurationSeconds": 60}},
            import_id="{arn}",
        ),
    )


def revisions(service: Callable[[str], Any], name: str) -> dict[int, str]:
    found = service("batch").describe_job_definitions(jobDefinitionName=name)["jobDefinitions"]
    return {definition["revision"]: definition["status"] for definition in found}


def test_an_update_registers_a_revision_and_deregisters_the_old(plugin: Plugin, service: Callable[[str], Any]) -> None:
    inputs = {**JOB, "name": "batchyard-test-revisions"}
    job = Object.make(plugin, DEFINITION, inputs)
    first = job.id
    assert first.endswith(f"/{inputs['name']}:1")
    assert job.state["arnPrefix"] == first.rpartition(":")[0]

    more = {**inputs, "containerProperties": container(command=["b"])}
    checked = plugin.check(DEFINITION, job.name, more, job.inputs)
    planned = plugin.update(DEFINITION, job.name, job.id, job.state, checked, job.inputs, preview=True)
    assert repr(planned["arn"]) == repr(planned["revision"]) == "UNKNOWN"
    job.update(more)
    assert job.state["revision"] == 2
    assert job.state["arn"].endswith(":2")
    assert job.id == first  # the engine's id stays
    assert revisions(service, inputs["name"]) == {1: "INACTIVE", 2: "ACTIVE"}

    kept = {**more, "containerProperties": container(command=["c"]), "deregisterOnNewRevision": False}
    job.update(kept)
    assert revisions(service, inputs["name"]) == {1: "INACTIVE", 2: "ACTIVE", 3: "ACTIVE"}
    assert job.refresh()

    tagged = {**kept, "tags": {"job": "b"}}
    assert set(job.diff(tagged).diffs) == {"tags", "tagsAll"}
    job.update(tagged)
    assert job.state["revision"] == 3  # tags alone make no revision

    job.delete()
    assert set(revisions(service, inputs["name"]).values()) == {"INACTIVE"}
    assert not job.refresh()


def test_changing_how_revisions_go_registers_one_too(plugin: Plugin) -> None:
    inputs = {**JOB, "name": "batchyard-test-flag"}
    job = Object.make(plugin, DEFINITION, inputs)
    job.update({**inputs, "deregisterOnNewRevision": False})
    assert job.state["revision"] == 2
    job.delete()


def test_what_replaces_a_job_definition(plugin: Plugin) -> None:
    inputs = {**JOB, "name": "batchyard-test-rules"}
    job = Object.make(plugin, DEFINITION, inputs)
    rules = JOB["retryStrategy"]["evaluateOnExits"]
    assert job.diff({**inputs, "retryStrategy": {"attempts": 2, "evaluateOnExits": rules}}).replaces == []
    fewer = {"attempts": 3, "evaluateOnExits": rules[:1]}
    assert job.diff({**inputs, "retryStrategy": fewer}).replaces == ["retryStrategy"]
    assert job.diff({**inputs, "name": "batchyard-test-renamed"}).replaces == ["name"]
    job.delete()


def test_equivalent_container_properties_are_the_same(plugin: Plugin) -> None:
    inputs = {**JOB, "name": "batchyard-test-same"}
    job = Object.make(plugin, DEFINITION, inputs)
    environment_lists = [*reversed(CONTAINER["environment"]), {"name": "C", "value": ""}]
    for same in (
        container(environment=environment_lists),
        container(mountPoints=[], volumes=[], ulimits=[], secrets=[]),
        json.dumps(dict(reversed(CONTAINER.items())), indent=2),
    ):
        assert not job.diff({**inputs, "containerProperties": same}).diffs
    assert job.diff({**inputs, "containerProperties": container(user="nobody")}).diffs == ["containerProperties"]
    job.delete()


def test_normal_properties() -> None:
    assert normal_properties('{"b": [], "a": {"x": null}, "c": false, "d": 0}') == '{"c":false,"d":0}'
    assert normal_properties("no json") == "no json"
    once = normal_properties(json.dumps(CONTAINER))
    assert normal_properties(once) == once


def test_a_definition_someone_deregistered_is_gone(plugin: Plugin, service: Callable[[str], Any]) -> None:
    job = Object.make(plugin, DEFINITION, {**JOB, "name": "batchyard-test-gone"})
    service("batch").deregister_job_definition(jobDefinition=job.state["arn"])
    assert not job.refresh()


def test_plans_bear_what_is_not_known_yet(plugin: Plugin) -> None:
    old = plugin.check(DEFINITION, "a", JOB)
    for strategy in (UNKNOWN, {"attempts": 3, "evaluateOnExits": UNKNOWN}):
        assert plugin.diff(DEFINITION, "a", "a", old, {**old, "retryStrategy": strategy}, old).diffs
    checked = plugin.check(DEFINITION, "a", {**JOB, "containerProperties": UNKNOWN})
    _, planned = plugin.create(DEFINITION, "a", checked, preview=True)
    assert planned["arn"] is UNKNOWN
    assert planned["name"] == JOB["name"]


def test_a_nested_property_the_table_lacks_is_refused(plugin: Plugin) -> None:
    rules = {"evaluateOnExits": [{"action": "EXIT", "onReason": "*", "onSunday": "*"}]}
    with pytest.raises(Refused, match=r"'evaluateOnExits.onSunday' isn't a property"):
        Object.make(plugin, DEFINITION, {**JOB, "name": "batchyard-test-nested", "retryStrategy": rules})


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"type": "lambda"}, "expected type to be one of"),
        ({"type": "container", "nodeProperties": "{}"}, "no `nodeProperties` can be specified"),
        ({"type": "container", "containerProperties": "{"}, "containerProperties is invalid"),
        ({"type": "container", "name": "a b"}, "is no name for Batch"),
    ],
)
def test_mistakes_check_finds(plugin: Plugin, inputs: dict[str, Any], reason: str) -> None:
    with pytest.raises(CheckFailed, match=reason):
        plugin.check(DEFINITION, "thing", inputs)
