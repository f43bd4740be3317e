"""Compute environments: what AWS checks, keeps and describes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.emulator.batch.arns import NAME, Arns, last_part
from local.emulator.batch.errors import client_error, require
from local.emulator.capacity import Home, Purchase
from scheduling.catalog import UnknownInstanceType, resolve
from scheduling.model import Environment, Kind

STATES = ("ENABLED", "DISABLED")
KINDS: Mapping[str, Kind] = {
    "EC2": "ec2-on-demand",
    "SPOT": "ec2-spot",
    "FARGATE": "fargate",
    "FARGATE_SPOT": "fargate-spot",
}
# Batch updates these in place only with its service-linked role and one of the strategies below (reference, section 8)
INFRASTRUCTURE_KEYS = frozenset(
    {
        "allocationStrategy",
        "instanceTypes",
        "bidPercentage",
        "type",
        "imageId",
        "ec2Configuration",
        "launchTemplate",
        "ec2KeyPair",
        "placementGroup",
        "instanceRole",
        "tags",
    }
)
UPDATABLE_STRATEGIES = frozenset(
    {
        "BEST_FIT_PROGRESSIVE",
        "BEST_FIT_PROGRESSIVE_ORDERED",
        "SPOT_CAPACITY_OPTIMIZED",
        "SPOT_CAPACITY_OPTIMIZED_PRIORITIZED",
        "SPOT_PRICE_CAPACITY_OPTIMIZED",
    }
)
_EC2_ONLY = (
    "allocationStrategy",
    "bidPercentage",
    "desiredvCpus",
    "ec2Configuration",
    "ec2KeyPair",
    "imageId",
    "instanceRole",
    "instanceTypes",
    "launchTemplate",
    "minvCpus",
    "placementGroup",
    "spotIamFleetRole",
    "tags",
)


@dataclass(kw_only=True)
class ComputeEnvironment:
    """A compute environment as stored; guarded by the backend's lock."""

    name: str
    arn: str
    type: str
    state: str
    service_role: str
    # of an unmanaged one, for the compute reservation of fair-share queues; None where it wasn't said
    unmanaged_vcpus: int | None = None
    # computeResources of the API, with what AWS fills in
    resources: dict[str, Any] = field(default_factory=dict)
    cluster_name: str
    cluster_arn: str
    update_policy: dict[str, Any] | None = None
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def is_fargate(self) -> bool:
        return str(self.resources.get("type", "")).startswith("FARGATE")

    @property
    def is_unmanaged(self) -> bool:
        return self.type == "UNMANAGED"

    def _purchase(self) -> Purchase:
        if self.is_unmanaged:
            return "unmanaged"
        return "spot" if str(self.resources.get("type", "")).endswith("SPOT") else "on-demand"

    def home(self, arns: Arns) -> Home:
        """What its instances and tasks are told with."""
        return Home(
            account=arns.account,
            region=arns.region,
            cluster_name=self.cluster_name,
            cluster_arn=self.cluster_arn,
            purchase=self._purchase(),
        )

    def describe(self, tags: dict[str, str]) -> dict[str, Any]:
        described: dict[str, Any] = {
            "computeEnvironmentName": self.name,
            "computeEnvironmentArn": self.arn,
            "ecsClusterArn": self.cluster_arn,
            "tags": tags,
            "type": self.type,
            "state": self.state,
            "status": "VALID",
            "statusReason": "ComputeEnvironment Healthy",
            "serviceRole": self.service_role,
            "containerOrchestrationType": "ECS",
            "uuid": self.uuid,
        }
        if self.unmanaged_vcpus is not None:
            described["unmanagedvCpus"] = self.unmanaged_vcpus
        if self.type == "MANAGED":
            described["computeResources"] = dict(self.resources)
            if not self.is_fargate:
                described["updatePolicy"] = self.update_policy or {
                    "terminateJobsOnUpdate": False,
                    "jobExecutionTimeoutMinutes": 30,
                }
        return described

    def for_scheduling(self) -> Environment:
        """The scheduler's view."""
        if self.is_unmanaged:
            return Environment(
                name=self.arn,
                kind="ec2-unmanaged",
                max_vcpus=self.unmanaged_vcpus or 0,
                enabled=self.state == "ENABLED",
            )
        return Environment(
            name=self.arn,
            kind=KINDS[self.resources["type"]],
            instance_types=tuple(self.resources.get("instanceTypes") or ()),
            max_vcpus=int(self.resources["maxvCpus"]),
            enabled=self.state == "ENABLED",
        )


def new_environment(body: dict[str, Any], arns: Arns) -> ComputeEnvironment:
    """A checked environment of CreateComputeEnvironment's request. Raises ClientException."""
    require(body, "computeEnvironmentName", "type")
    name = str(body["computeEnvironmentName"])
    if not NAME.match(name):
        raise client_error(
            "Error executing request, Exception : computeEnvironmentName can be up to 128 letters (uppercase and "
            f"lowercase), numbers, hyphens, and underscores; it is {name}"
        )
    if body["type"] not in ("MANAGED", "UNMANAGED"):
        raise client_error(f"type is {body['type']}; it must be one of MANAGED, UNMANAGED")
    resources = dict(body.get("computeResources") or {})
    if body["type"] == "MANAGED":
        if not resources:
            raise client_error("Error executing request, Exception : computeResources is required.")
        _complete(resources)
    cluster_name = f"AWSBatch-{name}-{uuid.uuid4()}"
    return ComputeEnvironment(
        name=name,
        arn=arns.batch("compute-environment", name),
        type=body["type"],
        state=_state(body.get("state") or "ENABLED"),
        service_role=body.get("serviceRole") or arns.service_linked_role(),
        unmanaged_vcpus=_unmanaged_vcpus(body, None),
        resources=resources,
        cluster_name=cluster_name,
        cluster_arn=f"arn:aws:ecs:{arns.region}:{arns.account}:cluster/{cluster_name}",
    )


def _unmanaged_vcpus(body: dict[str, Any], known: int | None) -> int | None:
    given = body.get("unmanagedvCpus")
    return known if given is None else int(given)


def _state(state: str) -> str:
    if state not in STATES:
        raise client_error(f"state is {state}; it must be one of ENABLED, DISABLED")
    return state


def _complete(resources: dict[str, Any]) -> None:
    """Checks computeResources and fills in AWS's defaults."""
    kind = str(resources.get("type"))
    if kind not in KINDS:
        raise client_error(f"computeResources.type is {kind}; it must be one of {', '.join(KINDS)}")
    for name in ("maxvCpus", "subnets"):
        if resources.get(name) in (None, []):
            raise client_error(f"Error executing request, Exception : Resource {name} is required.")
    if kind.startswith("FARGATE"):
        given = [name for name in _EC2_ONLY if resources.get(name) not in (None, [], {}, 0)]
        if given:
            raise client_error(
                f"Error executing request, Exception : {', '.join(given)} can't be specified for Fargate resources"
            )
        if not resources.get("securityGroupIds"):
            raise client_error("Error executing request, Exception : Resource securityGroupIds is required.")
        return
    for name in ("instanceRole", "instanceTypes"):
        if not resources.get(name):
            raise client_error(f"Error executing request, Exception : Resource {name} is required.")
    if not resources.get("securityGroupIds") and not resources.get("launchTemplate"):
        raise client_error("Error executing request, Exception : Resource securityGroupIds is required.")
    resources.setdefault("minvCpus", 0)
    resources.setdefault("desiredvCpus", resources["minvCpus"])
    resources.setdefault("allocationStrategy", "BEST_FIT")
    _check_ec2(resources)


def _check_ec2(resources: dict[str, Any]) -> None:
    low, high = int(resources["minvCpus"]), int(resources["maxvCpus"])
    if low < 0 or high < low:
        raise client_error(f"Error executing request, Exception : minvCpus {low} must be between 0 and maxvCpus {high}")
    if not low <= int(resources["desiredvCpus"]) <= high:
        raise client_error(
            f"Error executing request, Exception : desiredvCpus {resources['desiredvCpus']} must be between "
            f"minvCpus {low} and maxvCpus {high}"
        )
    if resources["allocationStrategy"].startswith("SPOT_") and resources["type"] != "SPOT":
        raise client_error(
            f"Error executing request, Exception : allocationStrategy {resources['allocationStrategy']} "
            f"is for SPOT only; type is {resources['type']}"
        )
    architectures = set()
    for name in resources["instanceTypes"]:
        try:
            architectures |= {kind.architecture for kind in resolve(name)}
        except UnknownInstanceType as error:
            raise client_error(f"Error executing request, Exception : Invalid instance type {name}: {error}") from error
    if len(architectures) > 1:
        raise client_error(
            "Error executing request, Exception : instanceTypes mix the architectures "
            f"{', '.join(sorted(architectures))}; a compute environment has one"
        )


def update_environment(environment: ComputeEnvironment, body: dict[str, Any], arns: Arns) -> None:
    """Applies UpdateComputeEnvironment's request; all of it or, with ClientException, nothing."""
    state = _state(body.get("state") or environment.state)
    service_role = body.get("serviceRole") or environment.service_role
    resources = {**environment.resources}
    changes = {
        key: value
        for key, value in (body.get("computeResources") or {}).items()
        if value is not None and key != "updateToLatestImageVersion" and value != resources.get(key)
    }
    if changes and not environment.is_fargate:
        infrastructure = sorted(set(changes) & INFRASTRUCTURE_KEYS)
        strategies = {resources.get("allocationStrategy"), changes.get("allocationStrategy")} - {None}
        updatable = strategies <= UPDATABLE_STRATEGIES and service_role == arns.service_linked_role()
        if infrastructure and not updatable:
            raise client_error(
                f"Error executing request, Exception : {', '.join(infrastructure)} can be updated only with the "
                "service-linked role AWSServiceRoleForBatch and an allocation strategy of "
                f"{', '.join(sorted(UPDATABLE_STRATEGIES))}; create a new compute environment instead"
            )
    resources.update(changes)
    if "minvCpus" in resources and "desiredvCpus" not in changes:
        low, high = int(resources["minvCpus"]), int(resources["maxvCpus"])
        resources["desiredvCpus"] = max(low, min(int(resources.get("desiredvCpus", low)), high))
    if environment.type == "MANAGED":
        _complete(resources)
    environment.state = state
    environment.service_role = service_role
    environment.unmanaged_vcpus = _unmanaged_vcpus(body, environment.unmanaged_vcpus)
    environment.resources = resources
    if body.get("updatePolicy"):
        environment.update_policy = body["updatePolicy"]


def named(environments: Mapping[str, ComputeEnvironment], identifier: str) -> ComputeEnvironment | None:
    """By name or ARN."""
    found = environments.get(identifier)
    if found is None:
        name = last_part(identifier)
        found = next((one for one in environments.values() if one.name == name), None)
    return found
