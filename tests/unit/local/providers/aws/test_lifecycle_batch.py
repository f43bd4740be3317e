"""AWS Batch: every type's life, what replaces and what doesn't, revisions, waiting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from local.providers.aws.batch_compute_environment import is_updatable
from local.providers.aws.batch_job_definition import normal_properties
from local.providers.aws.provider import PROVIDER
from local.providers.aws.waiting import Status, retry_while, wait_for_status
from local.providers.framework import UNKNOWN, Context, ProviderError
from local.providers.framework.configuration import Configuration
from local.providers.framework.operations import Operations, PartialFailure
from tests.unit.local.providers.aws.lifecycle import Life, Object, live
from tests.unit.local.providers.aws.plugin import CheckFailed, Plugin, Refused

ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
QUEUE = "aws:batch/jobQueue:JobQueue"
DEFINITION = "aws:batch/jobDefinition:JobDefinition"
POLICY = "aws:batch/schedulingPolicy:SchedulingPolicy"
PROFILE = "arn:aws:iam::123456789012:instance-profile/ecs"
ROLE = "arn:aws:iam::123456789012:role/batch-own"
SPOT: dict[str, Any] = {
    "type": "SPOT",
    "allocationStrategy": "SPOT_PRICE_CAPACITY_OPTIMIZED",
    "maxVcpus": 16,
    "instanceTypes": ["m5.large", "m5.xlarge"],
    "instanceRole": PROFILE,
    "subnets": ["subnet-1", "subnet-2"],
    "securityGroupIds": ["sg-1"],
    "ec2Configurations": [{"imageType": "ECS_AL2023"}],
    "tags": {"stage": "a"},
}
FARGATE: dict[str, Any] = {"type": "FARGATE", "maxVcpus": 16, "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"]}
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


def environment(resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "MANAGED", "computeResources": resources, **more}


def container(**more: Any) -> str:
    return json.dumps({**CONTAINER, **more})


LIVES = [
    Life(
        token=ENVIRONMENT,
        inputs=environment(SPOT, tags={"stage": "a"}),
        changes={
            "computeResources": {
                **SPOT,
                "maxVcpus": 32,
                "instanceTypes": ["m5.xlarge", "c5.large"],
                "subnets": ["subnet-2"],
            },
            "state": "DISABLED",
            "tags": {"stage": "b"},
        },
    ),
    Life(
        token=ENVIRONMENT,
        inputs=environment(FARGATE),
        changes={"computeResources": {**FARGATE, "maxVcpus": 8, "subnets": ["subnet-2"]}},
        name="fargate",
    ),
    Life(
        token=ENVIRONMENT,
        inputs=environment(SPOT, updatePolicy={"jobExecutionTimeoutMinutes": 5, "terminateJobsOnUpdate": True}),
        changes={"updatePolicy": {"jobExecutionTimeoutMinutes": 10, "terminateJobsOnUpdate": True}},
        name="careful",
    ),
    Life(
        token=POLICY,
        inputs={
            "fairSharePolicy": {
                "shareDecaySeconds": 3600,
                "computeReservation": 10,
                "shareDistributions": [{"shareIdentifier": "a", "weightFactor": 0.5}, {"shareIdentifier": "b"}],
            },
            "tags": {"stage": "a"},
        },
        changes={"tags": {"stage": "b"}},
        imports=False,  # a weight of 1 is read back where none was asked for
    ),
    Life(
        token=DEFINITION,
        inputs=JOB,
        changes={"containerProperties": container(command=["--all"]), "timeout": {"attemptDurationSeconds": 60}},
        import_id="{arn}",
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.short}-{life.name}")
def test_life(plugin: Plugin, life: Life) -> None:
    live(plugin, life)


@pytest.fixture
def environments(plugin: Plugin) -> Iterator[list[Object]]:
    made = [Object.make(plugin, ENVIRONMENT, environment(SPOT), name) for name in ("spot", "on-demand")]
    yield made
    for one in made:
        one.delete()


def orders(*chosen: Object) -> list[dict[str, Any]]:
    return [{"order": order, "computeEnvironment": one.state["arn"]} for order, one in enumerate(chosen, 1)]


def test_a_queue(plugin: Plugin, environments: list[Object], service: Callable[[str], Any]) -> None:
    inputs = {
        "name": "batchyard-test-critical",
        "state": "ENABLED",
        "priority": 10,
        "computeEnvironmentOrders": orders(*environments),
        "tags": {"stage": "a"},
    }
    limit = {
        "action": "CANCEL",
        "maxTimeSeconds": 600,
        "reason": "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
        "state": "RUNNABLE",
    }
    changes = {
        "priority": 20,
        "computeEnvironmentOrders": orders(*reversed(environments)),
        "jobStateTimeLimitActions": [limit],
        "tags": {"stage": "b"},
    }
    live(plugin, Life(token=QUEUE, inputs=inputs, changes=changes))

    queue = Object.make(plugin, QUEUE, inputs)
    assert queue.id == queue.state["arn"]
    renamed = queue.diff({**inputs, "name": "batchyard-test-other"})
    assert renamed.replaces == ["name"]
    assert not renamed.deleteBeforeReplace  # the Plugin Framework creates first, also under an explicit name
    with pytest.raises(Refused, match=r"(?s)deleting Batch Compute Environment .*(JobQueue|job queue)"):
        environments[0].delete()
    service("batch").update_job_queue(jobQueue=queue.id, priority=1)
    assert queue.refresh()
    assert queue.diff(inputs).diffs == ["priority"]
    queue.delete()
    assert not queue.refresh()


@pytest.mark.parametrize(
    ("before", "after", "replaces"),
    [
        # an updatable environment changes its infrastructure in place
        ({}, {"instanceTypes": ["c5.large"]}, False),
        ({}, {"allocationStrategy": "SPOT_CAPACITY_OPTIMIZED"}, False),
        ({}, {"subnets": ["subnet-3"], "securityGroupIds": ["sg-2"]}, False),
        ({}, {"instanceRole": PROFILE + "2", "ec2KeyPair": "k", "bidPercentage": 50}, False),
        ({}, {"tags": {"stage": "b"}}, False),
        ({}, {"ec2Configurations": [{"imageType": "ECS_AL2"}]}, False),
        ({}, {"subnets": ["subnet-2", "subnet-1"]}, None),  # the order means nothing
        # but leaving the updatable strategies, and a few fields, replace it
        ({}, {"allocationStrategy": "BEST_FIT"}, True),
        ({}, {"placementGroup": "near"}, True),
        ({}, {"spotIamFleetRole": ROLE}, True),
        ({}, {"launchTemplate": {"launchTemplateId": "lt-1", "version": "1"}}, True),
        ({}, {"ec2Configurations": [{"imageType": "ECS_AL2023"}, {"imageType": "ECS_AL2023_NVIDIA"}]}, True),
        ({"launchTemplate": {"launchTemplateId": "lt-1", "version": "1"}},
         {"launchTemplate": {"launchTemplateId": "lt-1", "version": "2"}}, False),
        # one with BEST_FIT is replaced for any of it, not for its size
        ({"allocationStrategy": "BEST_FIT"}, {"allocationStrategy": "BEST_FIT", "instanceTypes": ["c5.large"]}, True),
        ({"allocationStrategy": "BEST_FIT"}, {"allocationStrategy": "BEST_FIT", "subnets": ["subnet-3"]}, True),
        ({"allocationStrategy": "BEST_FIT"}, {"allocationStrategy": "BEST_FIT", "maxVcpus": 64}, False),
    ],
)  # fmt: skip
def test_what_replaces_an_environment(
    plugin: Plugin, before: dict[str, Any], after: dict[str, Any], replaces: bool | None
) -> None:
    state = {"id": "a", "name": "a", "state": "ENABLED", **environment({**SPOT, **before})}
    inputs = plugin.check(ENVIRONMENT, "a", {"name": "a", **environment({**SPOT, **after})})
    old = plugin.check(ENVIRONMENT, "a", {"name": "a", **environment({**SPOT, **before})})
    found = plugin.diff(ENVIRONMENT, "a", "a", state, inputs, old)
    assert bool(found.diffs) == (replaces is not None)
    assert list(found.replaces) == (["computeResources"] if replaces else [])


def test_a_role_of_its_own_makes_an_environment_rigid(plugin: Plugin) -> None:
    linked = "arn:aws:iam::123456789012:role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch"
    assert is_updatable(environment(SPOT, serviceRole=linked))
    assert is_updatable(environment(SPOT))
    assert not is_updatable(environment(SPOT, serviceRole=ROLE))
    assert not is_updatable(environment(FARGATE))

    old = plugin.check(ENVIRONMENT, "a", {"name": "a", **environment(SPOT, serviceRole=ROLE)})
    new = {**old, "computeResources": {**SPOT, "instanceTypes": ["c5.large"]}}
    assert plugin.diff(ENVIRONMENT, "a", "a", old, new, old).replaces == ["computeResources"]
    # Fargate's network changes in place all the same
    old = plugin.check(ENVIRONMENT, "a", {"name": "a", **environment(FARGATE)})
    new = {**old, "computeResources": {**FARGATE, "subnets": ["subnet-9"]}}
    assert not plugin.diff(ENVIRONMENT, "a", "a", old, new, old).replaces


def test_the_environments_name(plugin: Plugin) -> None:
    old = plugin.check(ENVIRONMENT, "spot", environment(SPOT))
    assert old["name"].startswith("spot-")
    automatic = plugin.diff(ENVIRONMENT, "spot", "a", {**old, "type": "UNMANAGED"}, old, old)
    assert automatic.replaces == ["type"]
    assert not automatic.deleteBeforeReplace
    explicit = plugin.check(ENVIRONMENT, "spot", {"name": "mine", **environment(SPOT)})
    assert plugin.diff(ENVIRONMENT, "spot", "a", {**explicit, "name": "a"}, explicit, explicit).deleteBeforeReplace


def test_an_unmanaged_environment_has_no_resources(plugin: Plugin) -> None:
    with pytest.raises(Refused, match="no `compute_resources` can be specified"):
        Object.make(plugin, ENVIRONMENT, {"type": "UNMANAGED", "computeResources": SPOT})


def test_vcpus_batch_moved_are_no_difference(plugin: Plugin, service: Callable[[str], Any]) -> None:
    moved = Object.make(plugin, ENVIRONMENT, environment(SPOT), "moved")
    moved.state["computeResources"]["desiredVcpus"] = 12
    assert not moved.diff(environment(SPOT)).diffs
    service("batch").update_compute_environment(computeEnvironment=moved.id, state="DISABLED")
    assert moved.refresh()
    assert moved.diff(environment(SPOT)).diffs == ["state"]
    moved.delete()


# --- job definitions ---


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


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (DEFINITION, {"type": "lambda"}, "expected type to be one of"),
        (DEFINITION, {"type": "container", "nodeProperties": "{}"}, "no `nodeProperties` can be specified"),
        (DEFINITION, {"type": "container", "containerProperties": "{"}, "containerProperties is invalid"),
        (DEFINITION, {"type": "container", "name": "a b"}, "is no name for Batch"),
        (QUEUE, {"priority": 1}, "Missing required property 'state'"),
        (
            QUEUE,
            {"state": "ENABLED", "priority": 1, "computeEnvironments": []},
            "'computeEnvironments' isn't a property",
        ),
        (ENVIRONMENT, {}, "Missing required property 'type'"),
        (ENVIRONMENT, {"type": "OTHER"}, "expected one of"),
    ],
)
def test_mistakes_check_finds(plugin: Plugin, token: str, inputs: dict[str, Any], reason: str) -> None:
    with pytest.raises(CheckFailed, match=reason):
        plugin.check(token, "thing", inputs)


def test_long_names_are_refused_by_check(plugin: Plugin) -> None:
    with pytest.raises(CheckFailed, match="up to 128 letters"):
        plugin.check(POLICY, "x" * 125, {})


# --- waiting ---


def _wait(*seen: Status | None, target: tuple[str, ...] = ("VALID",), timeout_s: float = 60.0) -> None:
    statuses = iter(seen)
    wait_for_status(
        Context(None), "Batch Thing (a) create", lambda: next(statuses), pending=("CREATING",), target=target,
        timeout_s=timeout_s,
    )  # fmt: skip


def test_waiting_ends_at_the_target() -> None:
    _wait(("CREATING", ""), ("CREATING", ""), ("VALID", ""))
    _wait(("CREATING", ""), None, target=())


def test_waiting_fails_at_an_unexpected_status() -> None:
    with pytest.raises(ProviderError, match=r"unexpected state 'INVALID', wanted target 'VALID'. last error: no role"):
        _wait(("CREATING", ""), ("INVALID", "no role"))
    with pytest.raises(ProviderError, match="couldn't find resource"):
        _wait(None)
    with pytest.raises(ProviderError, match="timeout while waiting for Batch Thing"):
        _wait(*[("CREATING", "")] * 1000, timeout_s=0.01)


def test_plans_bear_what_is_not_known_yet(plugin: Plugin) -> None:
    old = plugin.check(ENVIRONMENT, "a", {"name": "a", **environment(SPOT)})
    unknown = {**old, "computeResources": UNKNOWN}
    assert plugin.diff(ENVIRONMENT, "a", "a", old, unknown, old).diffs == ["computeResources"]
    subnets = {**old, "computeResources": {**SPOT, "subnets": [UNKNOWN]}}
    assert not plugin.diff(ENVIRONMENT, "a", "a", old, subnets, old).replaces
    old = plugin.check(DEFINITION, "a", JOB)
    for strategy in (UNKNOWN, {"attempts": 3, "evaluateOnExits": UNKNOWN}):
        assert plugin.diff(DEFINITION, "a", "a", old, {**old, "retryStrategy": strategy}, old).diffs
    checked = plugin.check(DEFINITION, "a", {**JOB, "containerProperties": UNKNOWN})
    _, planned = plugin.create(DEFINITION, "a", checked, preview=True)
    assert planned["arn"] is UNKNOWN
    assert planned["name"] == JOB["name"]


def test_a_nested_property_the_table_lacks_is_refused(plugin: Plugin) -> None:
    with pytest.raises(Refused, match=r"'computeResources.scalingPolicy' isn't a property the local stand-in knows"):
        Object.make(plugin, ENVIRONMENT, environment({**SPOT, "scalingPolicy": {}}))
    rules = {"evaluateOnExits": [{"action": "EXIT", "onReason": "*", "onSunday": "*"}]}
    with pytest.raises(Refused, match=r"'evaluateOnExits.onSunday' isn't a property"):
        Object.make(plugin, DEFINITION, {**JOB, "name": "batchyard-test-nested", "retryStrategy": rules})


class Failing:
    """Batch where everything ends up INVALID; the calls it got, by name."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.configuration = Configuration(region="us-east-1")

    def client(self, service: str, region: str | None = None) -> Failing:
        return self

    def __getattr__(self, name: str) -> Any:
        status = {"status": "INVALID", "statusReason": "CLIENT_ERROR - the role can't be assumed"}

        def call(**request: Any) -> Any:
            self.calls.append(name)
            environment = {"computeEnvironmentName": "a", "computeEnvironmentArn": "arn", "type": "MANAGED"}
            queue = {"jobQueueName": "a", "jobQueueArn": "arn", "priority": 1, "state": "ENABLED"}
            return {
                "computeEnvironments": [{**environment, **status}],
                "jobQueues": [{**queue, **status, "computeEnvironmentOrder": []}],
                "jobQueueArn": "arn",
            }

        return call


def test_an_environment_that_ends_invalid_is_kept_for_the_next_update() -> None:
    operations = Operations(PROVIDER, cast(Any, Failing()))
    inputs = {"name": "a", "region": "us-east-1", **environment(SPOT)}
    with pytest.raises(PartialFailure, match=r"unexpected state 'INVALID', wanted target 'VALID'. last error: CLIENT"):
        operations.create(PROVIDER.types[ENVIRONMENT], "a", inputs)


def test_a_queue_that_ends_invalid_is_lost_as_with_the_official_plugin() -> None:
    operations = Operations(PROVIDER, cast(Any, Failing()))
    inputs = {"name": "a", "priority": 1, "state": "ENABLED", "region": "us-east-1"}
    with pytest.raises(ProviderError, match=r"creating Batch Job Queue .*unexpected state 'INVALID'"):
        operations.create(PROVIDER.types[QUEUE], "a", inputs)


def test_what_is_not_there_yet_is_asked_for_again() -> None:
    answers: Iterator[ValueError | str] = iter([ValueError("not yet"), ValueError("not yet"), "there"])

    def call() -> str:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    assert retry_while(Context(None), "a thing", call, ("not yet",), timeout_s=60) == "there"


def test_the_services_own_error_is_the_last_word() -> None:
    def call() -> None:
        raise ValueError("not yet: the role has no permission")

    with pytest.raises(ValueError, match="the role has no permission"):
        retry_while(Context(None), "a thing", call, ("not yet",), timeout_s=0.01)
    with pytest.raises(ValueError, match="not yet"):
        retry_while(Context(None), "a thing", call, ("something else",), timeout_s=60)
