"""Job definitions: revisions, checks, descriptions."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.emulator.batch.arns import NAME, Arns
from local.emulator.batch.errors import client_error, require
from scheduling.catalog import FARGATE
from scheduling.fit import Request

_CONDITIONS = ("onExitCode", "onReason", "onStatusReason")
# letters, digits, dots, colons and white space, and one star at the end (botocore batch EvaluateOnExit)
_CONDITION = re.compile(r"^[A-Za-z0-9.:\s]*\*?$")
_CONTAINER_LISTS = ("command", "environment", "mountPoints", "resourceRequirements", "secrets", "ulimits", "volumes")
MIN_TIMEOUT_S = 60
MAX_NODES = 1000


@dataclass(kw_only=True)
class JobDefinition:
    """One revision; guarded by the backend's lock. Only `status` ever changes."""

    name: str
    revision: int
    arn: str
    status: str = "ACTIVE"
    parameters: dict[str, str] = field(default_factory=dict)
    # containerProperties of the API with its empty lists
    container: dict[str, Any]
    retry_strategy: dict[str, Any] | None = None
    timeout: dict[str, Any] | None = None
    platform_capabilities: list[str] = field(default_factory=list)
    propagate_tags: bool = False
    scheduling_priority: int | None = None
    # nodeProperties of the API: a multi-node definition, whose main node's container is `container`
    nodes: dict[str, Any] | None = None

    @property
    def is_fargate(self) -> bool:
        return "FARGATE" in self.platform_capabilities

    def describe(self, tags: dict[str, str]) -> dict[str, Any]:
        described: dict[str, Any] = {
            "jobDefinitionName": self.name,
            "jobDefinitionArn": self.arn,
            "revision": self.revision,
            "status": self.status,
            "type": "container" if self.nodes is None else "multinode",
            "parameters": dict(self.parameters),
            "tags": tags,
            "propagateTags": self.propagate_tags,
            "containerOrchestrationType": "ECS",
            "platformCapabilities": list(self.platform_capabilities or ["EC2"]),
        }
        if self.nodes is None:
            described["containerProperties"] = copy.deepcopy(self.container)
        else:
            described["nodeProperties"] = copy.deepcopy(self.nodes)
        if self.retry_strategy:
            described["retryStrategy"] = copy.deepcopy(self.retry_strategy)
        if self.timeout:
            described["timeout"] = dict(self.timeout)
        if self.scheduling_priority is not None:
            described["schedulingPriority"] = self.scheduling_priority
        return described


def new_definition(body: dict[str, Any], arns: Arns, existing: Mapping[str, JobDefinition]) -> JobDefinition:
    """The next revision of RegisterJobDefinition's request. Raises ClientException."""
    require(body, "jobDefinitionName", "type")
    name = str(body["jobDefinitionName"])
    if not NAME.match(name):
        raise client_error(
            "Error executing request, Exception : jobDefinitionName can be up to 128 letters (uppercase and "
            f"lowercase), numbers, hyphens, and underscores; it is {name}"
        )
    capabilities = list(body.get("platformCapabilities") or [])
    nodes = _checked_nodes(body, fargate="FARGATE" in capabilities)
    if nodes is None and (body["type"] != "container" or not body.get("containerProperties")):
        raise client_error(
            "Error executing request, Exception : this emulator takes job definitions of type container with "
            f"containerProperties and of type multinode with nodeProperties; type is {body['type']}"
        )
    container = copy.deepcopy(body["containerProperties"] if nodes is None else _main_container(nodes))
    for key in _CONTAINER_LISTS:
        container.setdefault(key, [])
    # Batch drops variables without a value
    container["environment"] = [entry for entry in container["environment"] if entry.get("value")]
    require(container, "image")
    check_resources(container, fargate="FARGATE" in capabilities)
    if container["secrets"] and not container.get("executionRoleArn"):
        raise client_error("Error executing request, Exception : executionRoleArn is required for jobs with secrets.")
    if "FARGATE" in capabilities:
        if not container.get("executionRoleArn"):
            raise client_error("Error executing request, Exception : executionRoleArn is required for Fargate jobs.")
        container.setdefault("fargatePlatformConfiguration", {"platformVersion": "LATEST"})
    revision = 1 + max((one.revision for one in existing.values() if one.name == name), default=0)
    return JobDefinition(
        name=name,
        revision=revision,
        arn=arns.batch("job-definition", f"{name}:{revision}"),
        parameters=dict(body.get("parameters") or {}),
        container=container,
        retry_strategy=checked_retry_strategy(body.get("retryStrategy")),
        timeout=checked_timeout(body.get("timeout")),
        platform_capabilities=capabilities,
        propagate_tags=bool(body.get("propagateTags")),
        scheduling_priority=body.get("schedulingPriority"),
        nodes=nodes,
    )


def _checked_nodes(body: dict[str, Any], *, fargate: bool) -> dict[str, Any] | None:
    """nodeProperties, None for a plain definition. Raises ClientException."""
    nodes = body.get("nodeProperties")
    if body["type"] != "multinode" or not nodes:
        return None
    require(nodes, "numNodes", "mainNode", "nodeRangeProperties")
    count, main = int(nodes["numNodes"]), int(nodes["mainNode"])
    if fargate:
        raise client_error("Error executing request, Exception : multi-node parallel jobs don't run on Fargate.")
    if not 1 <= count <= MAX_NODES or not 0 <= main < count:
        raise client_error(
            f"Error executing request, Exception : numNodes is {count} and mainNode {main}; 1 to {MAX_NODES} nodes, "
            "the main one among them, are allowed."
        )
    covered: list[int] = []
    for part in nodes["nodeRangeProperties"]:
        first, _, last = str(part["targetNodes"]).partition(":")
        covered += range(int(first or 0), (int(last) if last else count - 1) + 1)
    if set(covered) != set(range(count)):
        raise client_error("Error executing request, Exception : nodeRangeProperties don't cover every node.")
    return copy.deepcopy(dict(nodes))


def _main_container(nodes: dict[str, Any]) -> dict[str, Any]:
    for part in nodes["nodeRangeProperties"]:
        first, _, last = str(part["targetNodes"]).partition(":")
        if int(first or 0) <= int(nodes["mainNode"]) <= (int(last) if last else int(nodes["numNodes"])):
            return dict(part["container"])
    raise AssertionError("the ranges cover every node")


def request_of(container: Mapping[str, Any]) -> Request:
    """What the container asks for: `resourceRequirements` before the older `vcpus` and `memory`."""
    given = {entry["type"]: entry["value"] for entry in container.get("resourceRequirements") or []}
    try:
        return Request(
            vcpus=float(given.get("VCPU", container.get("vcpus") or 0)),
            memory_mib=int(given.get("MEMORY", container.get("memory") or 0)),
            gpus=int(given.get("GPU", 0)),
        )
    except ValueError as error:
        raise client_error(f"Error executing request, Exception : resourceRequirements: {error}") from error


def check_resources(container: Mapping[str, Any], *, fargate: bool) -> None:
    """Raises ClientException for a request no platform takes."""
    request = request_of(container)
    if request.vcpus <= 0:
        raise client_error("Error executing request, Exception : Container vcpus should be greater than 0.")
    if request.memory_mib < 4:
        raise client_error("Error executing request, Exception : Container memory should be at least 4 MiB.")
    if fargate and request.memory_mib not in FARGATE.get(request.vcpus, ()):
        raise client_error(
            "Error executing request, Exception : Fargate resource requirements "
            f"({request.vcpus:g} vCPU, {request.memory_mib} MiB) not valid."
        )
    if not fargate and request.vcpus != int(request.vcpus):
        raise client_error(
            f"Error executing request, Exception : VCPU is {request.vcpus:g}; on EC2 it is a whole number."
        )


def checked_retry_strategy(strategy: dict[str, Any] | None) -> dict[str, Any] | None:
    """The strategy as AWS keeps it (actions in lower case). Raises ClientException."""
    if not strategy:
        return None
    attempts = strategy.get("attempts")
    if attempts is not None and not 1 <= int(attempts) <= 10:
        raise client_error(f"Error executing request, Exception : attempts is {attempts}; it must be between 1 and 10.")
    rules = strategy.get("evaluateOnExit") or []
    if rules and attempts is None:
        raise client_error("Error executing request, Exception : evaluateOnExit needs attempts.")
    if len(rules) > 5:
        raise client_error(f"Error executing request, Exception : evaluateOnExit has {len(rules)} rules; up to 5.")
    for rule in rules:
        if str(rule.get("action", "")).upper() not in ("RETRY", "EXIT"):
            raise client_error(f"evaluateOnExit.action is {rule.get('action')}; it must be RETRY or EXIT")
        for key in _CONDITIONS:
            if rule.get(key) and not _CONDITION.match(str(rule[key])):
                raise client_error("Evaluate on exit condition contains restricted characters")
    return {
        "attempts": int(attempts) if attempts is not None else 1,
        "evaluateOnExit": [{**rule, "action": str(rule["action"]).lower()} for rule in rules],
    }


def checked_timeout(timeout: dict[str, Any] | None) -> dict[str, Any] | None:
    """Raises ClientException below AWS's minimum."""
    if not timeout or timeout.get("attemptDurationSeconds") is None:
        return None
    seconds = int(timeout["attemptDurationSeconds"])
    if seconds < MIN_TIMEOUT_S:
        raise client_error(
            f"Error executing request, Exception : attemptDurationSeconds is {seconds}; the least is {MIN_TIMEOUT_S}."
        )
    return {"attemptDurationSeconds": seconds}


def find_definition(definitions: Mapping[str, JobDefinition], identifier: str) -> JobDefinition | None:
    """By ARN, `name:revision`, or the name (or ARN without revision) of which the latest ACTIVE revision counts."""
    found = definitions.get(identifier)
    if found is not None:
        return found
    name, _, revision = identifier.rpartition("/")[2].partition(":")
    same = [one for one in definitions.values() if one.name == name]
    if revision:
        return next((one for one in same if str(one.revision) == revision), None)
    active = [one for one in same if one.status == "ACTIVE"]
    return max(active, key=lambda one: one.revision, default=None)


def select_definitions(
    definitions: Mapping[str, JobDefinition],
    *,
    identifiers: Sequence[str] | None,
    name: str | None,
    status: str | None,
) -> list[JobDefinition]:
    """DescribeJobDefinitions: every revision that is asked for, the latest first."""
    chosen = list(definitions.values())
    if identifiers:
        wanted = set(identifiers)
        chosen = [one for one in chosen if {one.arn, one.name, f"{one.name}:{one.revision}"} & wanted]
    elif name:
        chosen = [one for one in chosen if one.name == name.rpartition("/")[2]]
    if status:
        chosen = [one for one in chosen if one.status == status]
    return sorted(chosen, key=lambda one: (one.name, -one.revision))
