"""AWS Batch: compute environments, and which of their fields change in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from local.providers.aws.batch_calls import one_of, retag_batch, status_of, well_named
from local.providers.aws.batch_shapes import COMPUTE_RESOURCES, EKS_CONFIGURATION, UPDATE_POLICY
from local.providers.aws.calls import as_block, changed
from local.providers.aws.shapes import from_service, only, to_service
from local.providers.aws.waiting import wait_for_status
from local.providers.framework.context import Context, name_prefix
from local.providers.framework.plan import Plan
from local.providers.framework.resource_type import AutoName, Props, ResourceType

_UPDATABLE_STRATEGIES = frozenset({"BEST_FIT_PROGRESSIVE", "SPOT_CAPACITY_OPTIMIZED", "SPOT_PRICE_CAPACITY_OPTIMIZED"})
_SERVICE_LINKED_ROLE = "role/aws-service-role/batch.amazonaws.com/"
# in place where the environment is updatable, a replacement where it isn't
_INFRASTRUCTURE = (
    "allocationStrategy",
    "bidPercentage",
    "ec2Configurations",
    "ec2KeyPair",
    "imageId",
    "instanceRole",
    "instanceTypes",
    "launchTemplate",
    "tags",
    "type",
)
_NETWORK = ("subnets", "securityGroupIds")


def _environment(context: Context, name: str) -> dict[str, Any] | None:
    answer = context.client("batch").describe_compute_environments(computeEnvironments=[name])
    for environment in answer["computeEnvironments"]:
        if environment.get("status") != "DELETED":
            return {"status": "VALID", **environment}
    return None


def _wait_for_environment(context: Context, name: str, doing: str, target: Iterable[str] = ("VALID",)) -> None:
    wait_for_status(
        context,
        f"Batch Compute Environment ({name}) {doing}",
        lambda: status_of(_environment(context, name)),
        pending={"create": ("CREATING",), "update": ("UPDATING",), "delete": ("DELETING",)}.get(doing, ("UPDATING",)),
        target=tuple(target),
        timeout_s=1200,
    )


def _create_environment(context: Context, inputs: Props) -> str:
    client = context.client("batch")
    name = context.physical_name(inputs)
    request: dict[str, Any] = {
        "computeEnvironmentName": name,
        "type": inputs["type"],
        **only(inputs, "serviceRole", "state"),
        "tags": inputs.get("tagsAll") or {},
    }
    if inputs.get("computeResources"):
        resources = to_service(COMPUTE_RESOURCES, inputs["computeResources"], block="computeResources")
        if resources["type"] in ("EC2", "SPOT"):
            resources.setdefault("minvCpus", 0)
        request["computeResources"] = resources
    if inputs.get("eksConfiguration"):
        request["eksConfiguration"] = to_service(EKS_CONFIGURATION, inputs["eksConfiguration"])
    client.create_compute_environment(**request)
    context.created(name)
    _wait_for_environment(context, name, "create")
    if inputs.get("updatePolicy"):
        # CreateComputeEnvironment takes no update policy: it is a second call
        policy = to_service(UPDATE_POLICY, inputs["updatePolicy"])
        client.update_compute_environment(computeEnvironment=name, updatePolicy=policy)
        _wait_for_environment(context, name, "update")
    return name


def _read_environment(context: Context, name: str, known: Props) -> Props | None:
    environment = _environment(context, name)
    if environment is None:
        return None
    read: Props = {
        "name": environment["computeEnvironmentName"],
        "namePrefix": name_prefix(environment["computeEnvironmentName"]),
        "arn": environment["computeEnvironmentArn"],
        "ecsClusterArn": environment.get("ecsClusterArn", ""),
        "serviceRole": environment.get("serviceRole", ""),
        "state": environment.get("state", "ENABLED"),
        "status": environment["status"],
        "statusReason": environment.get("statusReason", ""),
        "type": environment["type"],
        "tagsAll": environment.get("tags") or {},
    }
    if environment.get("computeResources"):
        read["computeResources"] = from_service(COMPUTE_RESOURCES, environment["computeResources"])
    if environment.get("updatePolicy"):
        read["updatePolicy"] = from_service(UPDATE_POLICY, environment["updatePolicy"])
    if environment.get("eksConfiguration"):
        read["eksConfiguration"] = from_service(EKS_CONFIGURATION, environment["eksConfiguration"])
    return read


def _update_environment(context: Context, name: str, old: Props, new: Props) -> None:
    # a role taken out of the program stays as it is: Batch has no way to go back to the service-linked one
    if context.changed - {"tags", "tagsAll"}:
        request: dict[str, Any] = {"computeEnvironment": name}
        request |= {key: new[key] for key in ("serviceRole", "state") if new.get(key) and changed(old, new, key)}
        before = to_service(COMPUTE_RESOURCES, old.get("computeResources") or {})
        after = to_service(COMPUTE_RESOURCES, new.get("computeResources") or {}, block="computeResources")
        if after and new["type"] == "MANAGED":
            resources = {key: value for key, value in after.items() if before.get(key) != value}
            # Batch wants the limit in every update of a managed environment
            request["computeResources"] = {**resources, "maxvCpus": after["maxvCpus"]}
        if new.get("updatePolicy") and changed(old, new, "updatePolicy"):
            request["updatePolicy"] = to_service(UPDATE_POLICY, new["updatePolicy"])
        context.client("batch").update_compute_environment(**request)
        _wait_for_environment(context, name, "update")
    retag_batch(context, old, new)


def _delete_environment(context: Context, name: str, state: Props) -> None:
    client = context.client("batch")
    if _environment(context, name) is None:
        return
    client.update_compute_environment(computeEnvironment=name, state="DISABLED")
    _wait_for_environment(context, name, "disable", target=("VALID", "INVALID"))
    client.delete_compute_environment(computeEnvironment=name)
    _wait_for_environment(context, name, "delete", target=())


def is_updatable(properties: Mapping[str, Any]) -> bool:
    """Whether Batch changes the infrastructure in place: with its service-linked role and three of the strategies."""
    role = properties.get("serviceRole") or ""
    strategy = as_block(properties.get("computeResources")).get("allocationStrategy")
    return (role == "" or _SERVICE_LINKED_ROLE in str(role)) and strategy in _UPDATABLE_STRATEGIES


def _plan_environment(plan: Plan) -> None:
    new_resources = as_block(plan.new.get("computeResources"))
    if plan.new.get("type") == "UNMANAGED" and new_resources:
        plan.fail('no `compute_resources` can be specified when `type` is "UNMANAGED"')
    if plan.creating:
        return
    old_resources = as_block(plan.old.get("computeResources"))
    if bool(old_resources.get("launchTemplate")) != bool(new_resources.get("launchTemplate")):
        plan.replace_on("computeResources.launchTemplate")
    # an unset role in the program means the one the environment has
    after = plan.new if plan.new.get("serviceRole") else {**plan.new, "serviceRole": plan.old.get("serviceRole")}
    if is_updatable(plan.old) and is_updatable(after):
        return
    fixed: tuple[str, ...] = _INFRASTRUCTURE
    if not str(new_resources.get("type", "")).startswith("FARGATE"):
        fixed += _NETWORK
    plan.replace_on(*(f"computeResources.{key}" for key in fixed))


COMPUTE_ENVIRONMENT = ResourceType(
    token="aws:batch/computeEnvironment:ComputeEnvironment",
    label="Batch Compute Environment",
    inputs=frozenset(
        {
            "computeResources",
            "eksConfiguration",
            "name",
            "namePrefix",
            "serviceRole",
            "state",
            "type",
            "updatePolicy",
        }
    ),
    required=frozenset({"type"}),
    outputs=frozenset({"arn", "ecsClusterArn", "status", "statusReason"}),
    computed=frozenset(
        {
            "name",
            "namePrefix",
            "serviceRole",
            "updatePolicy",
            "computeResources.desiredVcpus",
            "computeResources.ec2Configurations",
        }
    ),
    defaults={"state": "ENABLED"},
    auto_name=AutoName(),
    checks={
        "name": well_named,
        "state": one_of("ENABLED", "DISABLED"),
        "type": one_of("MANAGED", "UNMANAGED"),
    },
    replace=frozenset(
        {
            "name",
            "namePrefix",
            "type",
            "eksConfiguration",
            "computeResources.placementGroup",
            "computeResources.spotIamFleetRole",
        }
    ),
    replace_on_count=frozenset({"computeResources.ec2Configurations"}),
    sets=frozenset({"computeResources.instanceTypes", "computeResources.securityGroupIds", "computeResources.subnets"}),
    maps=frozenset({"computeResources.tags"}),
    at_most_one_of=(("name", "namePrefix"),),
    plan=_plan_environment,
    tags=True,
    create=_create_environment,
    read=_read_environment,
    update=_update_environment,
    delete=_delete_environment,
)
