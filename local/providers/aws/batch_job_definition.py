"""AWS Batch: job definitions, which can't be changed, only followed by a new revision."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from local.providers.aws.batch_calls import retag_batch, well_named
from local.providers.aws.batch_shapes import EKS_PROPERTIES, RETRY_STRATEGY, TIMEOUT
from local.providers.aws.calls import as_block
from local.providers.aws.shapes import from_service, only, to_service
from local.providers.framework.context import Context
from local.providers.framework.plan import Plan
from local.providers.framework.resource_type import AutoName, Props, ResourceType

_DOCUMENTS = ("containerProperties", "ecsProperties", "nodeProperties")
_KINDS = {"container": ("containerProperties", "ecsProperties", "eksProperties"), "multinode": ("nodeProperties",)}
_BLOCKS = {"eksProperties": EKS_PROPERTIES, "retryStrategy": RETRY_STRATEGY, "timeout": TIMEOUT}
# lists whose order Batch doesn't keep, and what their entries are told apart by
_UNORDERED = {"environment": "name", "secrets": "name", "resourceRequirements": "type"}


def normal_properties(text: str) -> str:
    """Container, ECS or node properties in the one form that equivalent documents share.

    Keys and environments sorted; unset keys and empty lists left out, and so are variables with an empty value (Batch
    drops those) and the platform version every Fargate definition gets. Text that isn't JSON stays as it is.
    """
    try:
        document = json.loads(text)
    except ValueError:
        return text
    return json.dumps(_normal(document), sort_keys=True, separators=(",", ":"))


def _normal(value: Any) -> Any:
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if not isinstance(value, dict):
        return value
    out: dict[str, Any] = {}
    for key, found in value.items():
        item = _normal(found)
        if key == "environment" and isinstance(item, list):
            item = [variable for variable in item if variable.get("value")]
        if key in _UNORDERED and isinstance(item, list):
            item = sorted(item, key=lambda entry: str(entry.get(_UNORDERED[key], "")))
        if key == "fargatePlatformConfiguration" and item == {"platformVersion": "LATEST"}:
            continue
        if item is None or item in ("", [], {}):
            continue
        out[key] = item
    return out


def _equivalent(old: Any, new: Any) -> bool:
    if not isinstance(old, str) or not isinstance(new, str):
        return bool(old == new)
    return normal_properties(old) == normal_properties(new)


def _same_word(old: Any, new: Any) -> bool:
    # Batch answers the actions of evaluateOnExit in lower case
    return str(old).lower() == str(new).lower()


def _register(context: Context, inputs: Props) -> str:
    request: dict[str, Any] = {
        "jobDefinitionName": inputs["name"],
        "type": inputs["type"],
        "propagateTags": bool(inputs.get("propagateTags")),
        **only(inputs, "parameters", "platformCapabilities", "schedulingPriority"),
        "tags": inputs.get("tagsAll") or {},
    }
    request |= {key: json.loads(normal_properties(inputs[key])) for key in _DOCUMENTS if inputs.get(key)}
    request |= {key: to_service(table, inputs[key], block=key) for key, table in _BLOCKS.items() if inputs.get(key)}
    return str(context.client("batch").register_job_definition(**request)["jobDefinitionArn"])


def _read(context: Context, job_definition_id: str, known: Props) -> Props | None:
    answer = context.client("batch").describe_job_definitions(jobDefinitions=[job_definition_id])["jobDefinitions"]
    if not answer or answer[0].get("status") == "INACTIVE":
        return None
    [definition] = answer
    read: Props = {
        "name": definition["jobDefinitionName"],
        "arn": definition["jobDefinitionArn"],
        "arnPrefix": definition["jobDefinitionArn"].rpartition(":")[0],
        "revision": definition["revision"],
        "type": definition["type"],
        "parameters": definition.get("parameters") or {},
        "platformCapabilities": definition.get("platformCapabilities") or [],
        "propagateTags": definition.get("propagateTags", False),
        "schedulingPriority": definition.get("schedulingPriority"),
        "tagsAll": definition.get("tags") or {},
    }
    for key in _DOCUMENTS:
        read[key] = normal_properties(json.dumps(definition[key])) if definition.get(key) else None
    for key, table in _BLOCKS.items():
        read[key] = from_service(table, definition[key]) if definition.get(key) else None
    return read


def _update(context: Context, job_definition_id: str, old: Props, new: Props) -> None:
    if not context.changed - {"tags", "tagsAll"}:
        retag_batch(context, old, new)
        return
    # the engine keeps the first revision's id for ever; the state's own id and arn move on
    context.created(_register(context, new))
    if new.get("deregisterOnNewRevision") is not False:
        context.client("batch").deregister_job_definition(jobDefinition=old["arn"])


def _delete(context: Context, job_definition_id: str, state: Props) -> None:
    client = context.client("batch")
    name = state.get("name") or job_definition_id.rpartition("/")[2].partition(":")[0]
    pages = client.get_paginator("describe_job_definitions").paginate(jobDefinitionName=name, status="ACTIVE")
    # every revision, not only the one in the state: earlier ones may have been left active
    for arn in [definition["jobDefinitionArn"] for page in pages for definition in page["jobDefinitions"]]:
        client.deregister_job_definition(jobDefinition=arn)


def _problems(inputs: Props) -> Iterable[str]:
    kind = inputs["type"]
    if kind not in _KINDS:
        yield f"expected type to be one of {sorted(_KINDS)}, got {kind}"
        return
    for other, keys in _KINDS.items():
        if other != kind:
            yield from (f'no `{key}` can be specified when `type` is "{kind}"' for key in keys if inputs.get(key))
    for key in _DOCUMENTS:
        try:
            json.loads(inputs.get(key) or "{}")
        except ValueError as error:
            yield f"AWS Batch Job {key} is invalid: {error}"


def _plan(plan: Plan) -> None:
    if plan.creating:
        return
    rules = [as_block(side.get("retryStrategy")).get("evaluateOnExits") or [] for side in (plan.old, plan.new)]
    if all(isinstance(some, list) for some in rules) and len(rules[0]) != len(rules[1]):
        plan.replace_on("retryStrategy")
    if plan.changed - {"tags", "tagsAll"}:
        plan.recompute("arn", "revision")


JOB_DEFINITION = ResourceType(
    token="aws:batch/jobDefinition:JobDefinition",
    label="Batch Job Definition",
    inputs=frozenset(
        {
            *_DOCUMENTS,
            *_BLOCKS,
            "deregisterOnNewRevision",
            "name",
            "parameters",
            "platformCapabilities",
            "propagateTags",
            "schedulingPriority",
            "type",
        }
    ),
    required=frozenset({"type"}),
    outputs=frozenset({"arn", "arnPrefix", "revision"}),
    defaults={"deregisterOnNewRevision": True, "propagateTags": False},
    auto_name=AutoName(),
    checks={"name": well_named},
    replace=frozenset({"name"}),
    sets=frozenset({"platformCapabilities"}),
    json=frozenset(_DOCUMENTS),
    equal={**dict.fromkeys(_DOCUMENTS, _equivalent), "retryStrategy.evaluateOnExits.action": _same_word},
    maps=frozenset({"parameters"}),
    not_read=frozenset({"deregisterOnNewRevision"}),
    problems=_problems,
    plan=_plan,
    tags=True,
    create=_register,
    read=_read,
    update=_update,
    delete=_delete,
)
