"""AWS Batch: job queues and scheduling policies; the table of all its types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from local.providers.aws.batch_calls import one_of, retag_batch, status_of, well_named
from local.providers.aws.batch_compute_environment import COMPUTE_ENVIRONMENT
from local.providers.aws.batch_job_definition import JOB_DEFINITION
from local.providers.aws.batch_shapes import ENVIRONMENT_ORDERS, FAIR_SHARE_POLICY, TIME_LIMIT_ACTIONS
from local.providers.aws.shapes import from_service, only, to_service
from local.providers.aws.waiting import wait_for_status
from local.providers.framework.context import Context
from local.providers.framework.errors import is_gone
from local.providers.framework.plan import Plan
from local.providers.framework.resource_type import AutoName, Invoke, Props, ResourceType

# --- job queues ---


def _queue(context: Context, arn: str) -> dict[str, Any] | None:
    for queue in context.client("batch").describe_job_queues(jobQueues=[arn])["jobQueues"]:
        if queue.get("status") != "DELETED":
            return dict(queue)
    return None


def _wait_for_queue(context: Context, arn: str, doing: str, target: Iterable[str] = ("VALID",)) -> None:
    wait_for_status(
        context,
        f"Batch Job Queue ({arn}) {doing}",
        lambda: status_of(_queue(context, arn)),
        pending=("CREATING", "UPDATING", "DELETING"),
        target=tuple(target),
    )


def _queue_request(inputs: Props) -> dict[str, Any]:
    actions = [to_service(TIME_LIMIT_ACTIONS, action) for action in inputs.get("jobStateTimeLimitActions") or ()]
    return {
        **only(inputs, "priority", "state", "schedulingPolicyArn"),
        "computeEnvironmentOrder": [
            to_service(ENVIRONMENT_ORDERS, entry) for entry in inputs.get("computeEnvironmentOrders") or ()
        ],
        "jobStateTimeLimitActions": actions,
    }


def _create_queue(context: Context, inputs: Props) -> str:
    request = {**_queue_request(inputs), "jobQueueName": inputs["name"], "tags": inputs.get("tagsAll") or {}}
    arn = str(context.client("batch").create_job_queue(**request)["jobQueueArn"])
    context.created(arn)
    _wait_for_queue(context, arn, "create")
    return arn


def _read_queue(context: Context, arn: str, known: Props) -> Props | None:
    queue = _queue(context, arn)
    if queue is None:
        return None
    read: Props = {
        "name": queue["jobQueueName"],
        "arn": queue["jobQueueArn"],
        "priority": queue["priority"],
        "state": queue["state"],
        "computeEnvironmentOrders": [
            from_service(ENVIRONMENT_ORDERS, entry) for entry in queue["computeEnvironmentOrder"]
        ],
        "jobStateTimeLimitActions": [
            from_service(TIME_LIMIT_ACTIONS, entry) for entry in queue.get("jobStateTimeLimitActions") or ()
        ],
        "tagsAll": queue.get("tags") or {},
    }
    if queue.get("schedulingPolicyArn"):
        read["schedulingPolicyArn"] = queue["schedulingPolicyArn"]
    return read


def _update_queue(context: Context, arn: str, old: Props, new: Props) -> None:
    if context.changed - {"tags", "tagsAll", "timeouts"}:
        context.client("batch").update_job_queue(jobQueue=arn, **_queue_request(new))
        _wait_for_queue(context, arn, "update")
    retag_batch(context, old, new)


def _delete_queue(context: Context, arn: str, state: Props) -> None:
    client = context.client("batch")
    if _queue(context, arn) is None:
        return
    client.update_job_queue(jobQueue=arn, state="DISABLED")
    _wait_for_queue(context, arn, "disable", target=("VALID", "INVALID"))
    client.delete_job_queue(jobQueue=arn)
    _wait_for_queue(context, arn, "delete", target=())


def _plan_queue(plan: Plan) -> None:
    if plan.old.get("schedulingPolicyArn") and not plan.new.get("schedulingPolicyArn"):
        plan.fail("scheduling_policy_arn can be exchanged for another policy's, not removed, once a job queue has it")


# --- scheduling policies ---


def _create_policy(context: Context, inputs: Props) -> str:
    request: dict[str, Any] = {"name": inputs["name"], "tags": inputs.get("tagsAll") or {}}
    if inputs.get("fairSharePolicy"):
        request["fairsharePolicy"] = to_service(FAIR_SHARE_POLICY, inputs["fairSharePolicy"])
    return str(context.client("batch").create_scheduling_policy(**request)["arn"])


def _read_policy(context: Context, arn: str, known: Props) -> Props | None:
    try:
        answer = context.client("batch").describe_scheduling_policies(arns=[arn])["schedulingPolicies"]
    except Exception as error:
        if is_gone(error):
            return None
        raise
    if not answer:
        return None
    [policy] = answer
    return {
        "name": policy["name"],
        "arn": policy["arn"],
        "fairSharePolicy": from_service(FAIR_SHARE_POLICY, policy.get("fairsharePolicy") or {}),
        "tagsAll": policy.get("tags") or {},
    }


def _update_policy(context: Context, arn: str, old: Props, new: Props) -> None:
    if "fairSharePolicy" in context.changed:
        policy = to_service(FAIR_SHARE_POLICY, new.get("fairSharePolicy") or {})
        context.client("batch").update_scheduling_policy(arn=arn, fairsharePolicy=policy)
    retag_batch(context, old, new)


def _delete_policy(context: Context, arn: str, state: Props) -> None:
    context.client("batch").delete_scheduling_policy(arn=arn)


RESOURCES: list[ResourceType] = [
    COMPUTE_ENVIRONMENT,
    JOB_DEFINITION,
    ResourceType(
        token="aws:batch/jobQueue:JobQueue",
        label="Batch Job Queue",
        inputs=frozenset(
            {
                "computeEnvironmentOrders",
                "jobStateTimeLimitActions",
                "name",
                "priority",
                "schedulingPolicyArn",
                "state",
                "timeouts",
            }
        ),
        required=frozenset({"priority", "state"}),
        outputs=frozenset({"arn"}),
        auto_name=AutoName(),
        explicit_name_deletes_first=False,
        keeps_object_on_failure=False,
        checks={"name": well_named, "state": one_of("ENABLED", "DISABLED")},
        replace=frozenset({"name"}),
        not_read=frozenset({"timeouts"}),
        plan=_plan_queue,
        tags=True,
        create=_create_queue,
        read=_read_queue,
        update=_update_queue,
        delete=_delete_queue,
    ),
    ResourceType(
        token="aws:batch/schedulingPolicy:SchedulingPolicy",
        label="Batch Scheduling Policy",
        inputs=frozenset({"name", "fairSharePolicy"}),
        outputs=frozenset({"arn"}),
        auto_name=AutoName(),
        checks={"name": well_named},
        replace=frozenset({"name"}),
        sets=frozenset({"fairSharePolicy.shareDistributions"}),
        tags=True,
        create=_create_policy,
        read=_read_policy,
        update=_update_policy,
        delete=_delete_policy,
    ),
]
INVOKES: list[Invoke] = []
