"""Job queues: what AWS checks, keeps and describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.emulator.batch.arns import NAME, Arns, last_part
from local.emulator.batch.environments import STATES, ComputeEnvironment, named
from local.emulator.batch.errors import client_error, require
from scheduling.catalog import resolve
from scheduling.fit import JOB_RESOURCE, MAX_RESOURCE
from scheduling.model import FairShare, Queue

MAX_ENVIRONMENTS = 3
CAPACITY = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
LIMIT_REASONS = (CAPACITY, MAX_RESOURCE, JOB_RESOURCE, "MISCONFIGURATION:EC2_INSTANCE_CONFIGURATION_UNSUPPORTED")


@dataclass(kw_only=True)
class JobQueue:
    """A job queue as stored; guarded by the backend's lock."""

    name: str
    arn: str
    state: str
    priority: int
    # computeEnvironmentOrder of the API, sorted, with ARNs
    order: list[dict[str, Any]] = field(default_factory=list)
    scheduling_policy_arn: str | None = None
    # jobStateTimeLimitActions of the API
    limits: list[dict[str, Any]] = field(default_factory=list)

    @property
    def environment_arns(self) -> list[str]:
        return [entry["computeEnvironment"] for entry in self.order]

    def describe(self, tags: dict[str, str]) -> dict[str, Any]:
        described: dict[str, Any] = {
            "jobQueueName": self.name,
            "jobQueueArn": self.arn,
            "state": self.state,
            "status": "VALID",
            "statusReason": "JobQueue Healthy",
            "priority": self.priority,
            "computeEnvironmentOrder": [dict(entry) for entry in self.order],
            "serviceEnvironmentOrder": [],
            "jobQueueType": "ECS",
            "tags": tags,
            "jobStateTimeLimitActions": [dict(limit) for limit in self.limits],
        }
        if self.scheduling_policy_arn:
            described["schedulingPolicyArn"] = self.scheduling_policy_arn
        return described

    def for_scheduling(self, fair_share: FairShare | None) -> Queue:
        return Queue(
            name=self.arn,
            priority=self.priority,
            environments=tuple(self.environment_arns),
            enabled=self.state == "ENABLED",
            fair_share=fair_share,
        )


def new_queue(body: dict[str, Any], arns: Arns, environments: Mapping[str, ComputeEnvironment]) -> JobQueue:
    """A checked queue of CreateJobQueue's request. Raises ClientException."""
    require(body, "jobQueueName", "priority", "computeEnvironmentOrder")
    name = str(body["jobQueueName"])
    if not NAME.match(name):
        raise client_error(
            "Error executing request, Exception : jobQueueName can be up to 128 letters (uppercase and lowercase), "
            f"numbers, hyphens, and underscores; it is {name}"
        )
    return JobQueue(
        name=name,
        arn=arns.batch("job-queue", name),
        state=_state(body.get("state") or "ENABLED"),
        priority=_priority(body["priority"]),
        order=_order(body["computeEnvironmentOrder"], environments),
        scheduling_policy_arn=body.get("schedulingPolicyArn"),
        limits=_limits(body.get("jobStateTimeLimitActions") or []),
    )


def update_queue(queue: JobQueue, body: dict[str, Any], environments: Mapping[str, ComputeEnvironment]) -> None:
    """Applies UpdateJobQueue's request; all of it or, with ClientException, nothing."""
    state = _state(body.get("state") or queue.state)
    priority = queue.priority if body.get("priority") is None else _priority(body["priority"])
    order = queue.order
    if body.get("computeEnvironmentOrder") is not None:
        order = _order(body["computeEnvironmentOrder"], environments)
    limits = queue.limits
    if body.get("jobStateTimeLimitActions") is not None:
        limits = _limits(body["jobStateTimeLimitActions"])
    policy = body.get("schedulingPolicyArn") or queue.scheduling_policy_arn
    if policy and not queue.scheduling_policy_arn:
        raise client_error("Error executing request, Exception : a FIFO job queue can't be given a scheduling policy")
    queue.state, queue.priority, queue.order, queue.limits = state, priority, order, limits
    queue.scheduling_policy_arn = policy


def _state(state: str) -> str:
    if state not in STATES:
        raise client_error(f"state is {state}; it must be one of ENABLED, DISABLED")
    return state


def _priority(priority: Any) -> int:
    if not 0 <= int(priority) <= 10_000:
        raise client_error(f"priority is {priority}; it must be between 0 and 10000")
    return int(priority)


def _order(entries: list[dict[str, Any]], environments: Mapping[str, ComputeEnvironment]) -> list[dict[str, Any]]:
    if not 1 <= len(entries) <= MAX_ENVIRONMENTS:
        raise client_error(
            f"Error executing request, Exception : computeEnvironmentOrder has {len(entries)} entries; "
            f"1 to {MAX_ENVIRONMENTS} are allowed"
        )
    if len({entry["order"] for entry in entries}) != len(entries):
        raise client_error("Error executing request, Exception : computeEnvironmentOrder repeats an order")
    found: list[ComputeEnvironment] = []
    ordered: list[dict[str, Any]] = []
    for entry in sorted(entries, key=lambda one: int(one["order"])):
        environment = named(environments, entry["computeEnvironment"])
        if environment is None:
            raise client_error(
                f"Error executing request, Exception : Compute environment {entry['computeEnvironment']} does not exist"
            )
        found.append(environment)
        ordered.append({"order": int(entry["order"]), "computeEnvironment": environment.arn})
    if len({environment.is_fargate for environment in found}) > 1:
        raise client_error(
            "Error executing request, Exception : EC2 and Fargate compute environments can't be mixed in one job queue"
        )
    architectures = {
        kind.architecture
        for environment in found
        for name in environment.resources.get("instanceTypes") or ()
        for kind in resolve(name)
    }
    if len(architectures) > 1:
        raise client_error(
            "Error executing request, Exception : the compute environments of a job queue share one architecture; "
            f"these have {', '.join(sorted(architectures))}"
        )
    return ordered


def _limits(limits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for limit in limits:
        if limit.get("reason") not in LIMIT_REASONS:
            raise client_error(
                f"jobStateTimeLimitActions.reason is {limit.get('reason')}; "
                f"it must be one of {', '.join(LIMIT_REASONS)}"
            )
        if limit.get("state") != "RUNNABLE" or limit.get("action") != "CANCEL":
            raise client_error("jobStateTimeLimitActions: state must be RUNNABLE and action CANCEL")
        if not 600 <= int(limit.get("maxTimeSeconds", 0)) <= 86_400:
            raise client_error(
                f"jobStateTimeLimitActions.maxTimeSeconds is {limit.get('maxTimeSeconds')}; it must be 600–86400"
            )
    return [dict(limit) for limit in limits]


def queue_named(queues: Mapping[str, JobQueue], identifier: str) -> JobQueue | None:
    """By name or ARN."""
    found = queues.get(identifier)
    if found is None:
        name = last_part(identifier)
        found = next((one for one in queues.values() if one.name == name), None)
    return found
