"""AWS Batch's environments, queues and policies: their lives, what replaces and what doesn't."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from local.providers.aws.batch_compute_environment import is_updatable
from local.providers.aws.provider import PROVIDER
from local.providers.framework import UNKNOWN, ProviderError
from local.providers.framework.configuration import Configuration
from local.providers.framework.operations import Operations, PartialFailure
from tests.unit.local.providers.aws.lifecycle import Life, Object, live
from tests.unit.local.providers.aws.plugin import CheckFailed, Plugin, Refused

ENVIRONMENT = "aws:batch/computeEnvironment:ComputeEnvironment"
QUEUE = "aws:batch/jobQueue:JobQueue"
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


def environment(resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "MANAGED", "computeResources": resources, **more}


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


def test_an_environment_tells_its_cluster(environments: list[Object], service: Callable[[str], Any]) -> None:
    told = [one.state["ecsClusterArn"] for one in environments]
    assert [one["status"] for one in service("ecs").describe_clusters(clusters=told)["clusters"]] == ["ACTIVE"] * 2


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


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
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


def test_plans_bear_what_is_not_known_yet(plugin: Plugin) -> None:
    old = plugin.check(ENVIRONMENT, "a", {"name": "a", **environment(SPOT)})
    unknown = {**old, "computeResources": UNKNOWN}
    assert plugin.diff(ENVIRONMENT, "a", "a", old, unknown, old).diffs == ["computeResources"]
    subnets = {**old, "computeResources": {**SPOT, "subnets": [UNKNOWN]}}
    assert not plugin.diff(ENVIRONMENT, "a", "a", old, subnets, old).replaces


def test_a_nested_property_the_table_lacks_is_refused(plugin: Plugin) -> None:
    with pytest.raises(Refused, match=r"'computeResources.scalingPolicy' isn't a property the local stand-in knows"):
        Object.make(plugin, ENVIRONMENT, environment({**SPOT, "scalingPolicy": {}}))


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
