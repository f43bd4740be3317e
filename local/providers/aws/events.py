"""EventBridge: buses, rules and their targets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from local.providers.aws.calls import found_or_none, json_text, retag, sorted_json, tag_list, tag_map
from local.providers.aws.events_shapes import EVENT_TARGET
from local.providers.aws.shapes import Field, block, from_service, pascal, to_service
from local.providers.framework import AutoName, Context, Invoke, Props, ProviderError, ResourceType, name_prefix

_ABSENT = ("ResourceNotFoundException",)
_DEFAULT_BUS = "default"
_STATES = ("ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")

_BUS = pascal(
    "description",
    "kmsKeyIdentifier",
    deadLetterConfig=block("DeadLetterConfig", pascal("arn")),
    logConfig=block("LogConfig", pascal("includeDetail", "level")),
)
_RULE = pascal(
    "description",
    "eventBusName",
    "roleArn",
    "scheduleExpression",
    "state",
    # the service keeps the text; the plugin sends and stores it with its keys sorted
    eventPattern=Field(name="EventPattern", encode=lambda pattern: sorted_json(json_text(pattern)), decode=sorted_json),
)


# --- buses ---


def _create_bus(context: Context, inputs: Props) -> str:
    more = {"EventSourceName": inputs["eventSourceName"]} if inputs.get("eventSourceName") else {}
    context.client("events").create_event_bus(
        **to_service(_BUS, inputs), **more, Name=inputs["name"], Tags=tag_list(inputs.get("tagsAll"))
    )
    return str(inputs["name"])


def _read_bus(context: Context, name: str, known: Props) -> Props | None:
    client = context.client("events")
    answer = found_or_none(lambda: client.describe_event_bus(Name=name), *_ABSENT)
    if answer is None:
        return None
    tags = client.list_tags_for_resource(ResourceARN=answer["Arn"]).get("Tags")
    read = {"description": "", "kmsKeyIdentifier": "", "deadLetterConfig": None, **from_service(_BUS, answer)}
    return {**read, "name": answer["Name"], "arn": answer["Arn"], "tagsAll": tag_map(tags)}


def _update_bus(context: Context, name: str, old: Props, new: Props) -> None:
    client = context.client("events")
    if context.changed & set(_BUS):
        client.update_event_bus(Name=name, **to_service(_BUS, new))
    _retag(client, old, new)


def _delete_bus(context: Context, name: str, state: Props) -> None:
    context.client("events").delete_event_bus(Name=name)


# --- rules ---


def _create_rule(context: Context, inputs: Props) -> str:
    name = context.physical_name(inputs)
    _put_rule(context, name, inputs, Tags=tag_list(inputs.get("tagsAll")))
    bus = inputs.get("eventBusName") or _DEFAULT_BUS
    return name if bus == _DEFAULT_BUS else f"{bus}/{name}"


def _put_rule(context: Context, name: str, inputs: Props, **more: Any) -> None:
    request = to_service(_RULE, inputs)
    if inputs.get("state") is None and inputs.get("isEnabled") is not None:
        request["State"] = "ENABLED" if inputs["isEnabled"] else "DISABLED"
    context.client("events").put_rule(Name=name, **request, **more)


def _split_rule_id(rule_id: str) -> tuple[str, str]:
    bus, slash, name = rule_id.rpartition("/")
    return (bus, name) if slash else (_DEFAULT_BUS, name)


def _read_rule(context: Context, rule_id: str, known: Props) -> Props | None:
    client = context.client("events")
    bus, name = _split_rule_id(rule_id)
    answer = found_or_none(lambda: client.describe_rule(Name=name, EventBusName=bus), *_ABSENT)
    if answer is None:
        return None
    tags = client.list_tags_for_resource(ResourceARN=answer["Arn"]).get("Tags")
    return {
        "description": "",
        "roleArn": "",
        "scheduleExpression": "",
        "eventPattern": None,
        **from_service(_RULE, answer),
        "name": answer["Name"],
        "namePrefix": name_prefix(answer["Name"]),
        "eventBusName": bus,  # as it was given: a name or an ARN
        "isEnabled": answer.get("State", "ENABLED") != "DISABLED",
        "arn": answer["Arn"],
        "tagsAll": tag_map(tags),
    }


def _update_rule(context: Context, rule_id: str, old: Props, new: Props) -> None:
    if context.changed & {*_RULE, "isEnabled"}:
        _put_rule(context, _split_rule_id(rule_id)[1], new)
    client = context.client("events")
    _retag(client, old, new)


def _delete_rule(context: Context, rule_id: str, state: Props) -> None:
    bus, name = _split_rule_id(rule_id)
    context.client("events").delete_rule(Name=name, EventBusName=bus, Force=bool(state.get("forceDestroy")))


# --- targets ---


def _create_target(context: Context, inputs: Props) -> str:
    _put_target(context, inputs)
    return _target_id(inputs)


def _put_target(context: Context, inputs: Props) -> None:
    answer = context.client("events").put_targets(
        Rule=inputs["rule"],
        EventBusName=inputs.get("eventBusName") or _DEFAULT_BUS,
        Targets=[to_service(EVENT_TARGET, inputs)],
    )
    failures = [
        f"{entry['TargetId']}: {entry.get('ErrorCode')}: {entry.get('ErrorMessage')}"
        for entry in answer["FailedEntries"]
    ]
    if failures:
        raise ProviderError(
            f"putting EventBridge Target ({inputs['rule']}-{inputs['targetId']}): {'; '.join(failures)}"
        )


def _target_key(target_id: str, known: Props) -> tuple[str, str, str]:
    """(bus, rule, target id); from the id only on import, where it has slashes: its usual hyphens are ambiguous."""
    if known.get("rule") and known.get("targetId"):
        return known.get("eventBusName") or _DEFAULT_BUS, known["rule"], known["targetId"]
    parts = target_id.split("/")
    if len(parts) < 2:
        raise ProviderError(
            f"unexpected format of ID ({target_id}), expected event-bus-name/rule-name/target-id or rule-name/target-id"
        )
    return "/".join(parts[:-2]) or _DEFAULT_BUS, parts[-2], parts[-1]


def _import_target(context: Context, text: str) -> tuple[str, Props]:
    bus, rule, wanted = _target_key(text, {})
    known = {"eventBusName": bus, "rule": rule, "targetId": wanted}
    return _target_id(known), known


def _target_id(inputs: Props) -> str:
    bus = inputs.get("eventBusName") or _DEFAULT_BUS
    target = f"{inputs['rule']}-{inputs['targetId']}"
    return target if bus == _DEFAULT_BUS else f"{bus}-{target}"


def _read_target(context: Context, target_id: str, known: Props) -> Props | None:
    client = context.client("events")
    bus, rule, wanted = _target_key(target_id, known)
    more: dict[str, str] = {}
    while True:
        request = {"Rule": rule, "EventBusName": bus, **more}
        answer = found_or_none(partial(client.list_targets_by_rule, **request), *_ABSENT)
        if answer is None:
            return None
        for target in answer["Targets"]:
            if target["Id"] == wanted:
                # a property the target doesn't have is dropped from the state
                unset = dict.fromkeys(EVENT_TARGET)
                return {**unset, **from_service(EVENT_TARGET, target), "rule": rule, "eventBusName": bus}
        if not answer.get("NextToken"):
            return None
        more = {"NextToken": answer["NextToken"]}


def _update_target(context: Context, target_id: str, old: Props, new: Props) -> None:
    _put_target(context, new)


def _delete_target(context: Context, target_id: str, state: Props) -> None:
    bus, rule, wanted = _target_key(target_id, state)
    context.client("events").remove_targets(
        Rule=rule, EventBusName=bus, Ids=[wanted], Force=bool(state.get("forceDestroy"))
    )


def _retag(client: Any, old: Props, new: Props) -> None:
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(ResourceARN=old["arn"], Tags=tag_list(tags)),
        remove=lambda keys: client.untag_resource(ResourceARN=old["arn"], TagKeys=keys),
    )


def _rule_problems(inputs: Props) -> Iterable[str]:
    if not inputs.get("eventPattern") and not inputs.get("scheduleExpression"):
        yield "one of `event_pattern,schedule_expression` must be specified"
    if inputs.get("state") is not None and inputs["state"] not in _STATES:
        yield f"expected state to be one of {list(_STATES)}, got {inputs['state']}"


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:cloudwatch/eventBus:EventBus",
        label="EventBridge Event Bus",
        inputs=frozenset({"name", "eventSourceName", *_BUS}),
        outputs=frozenset({"arn"}),
        auto_name=AutoName(),
        replace=frozenset({"name", "eventSourceName"}),
        checks={"name": lambda name: "cannot be 'default'" if name == _DEFAULT_BUS else None},
        tags=True,
        create=_create_bus,
        read=_read_bus,
        update=_update_bus,
        delete=_delete_bus,
    ),
    ResourceType(
        token="aws:cloudwatch/eventRule:EventRule",
        label="EventBridge Rule",
        inputs=frozenset({"name", "namePrefix", "forceDestroy", "isEnabled", *_RULE}),
        outputs=frozenset({"arn"}),
        computed=frozenset({"name", "namePrefix", "isEnabled", "state"}),
        defaults={"eventBusName": _DEFAULT_BUS, "forceDestroy": False},
        auto_name=AutoName(max_length=64),
        replace=frozenset({"name", "namePrefix", "eventBusName"}),
        json=frozenset({"eventPattern"}),
        not_read=frozenset({"forceDestroy"}),
        at_most_one_of=(("name", "namePrefix"), ("state", "isEnabled")),
        problems=_rule_problems,
        # a rule whose targets are about to go can't be deleted yet
        busy_codes=frozenset({"ValidationException"}),
        tags=True,
        create=_create_rule,
        read=_read_rule,
        update=_update_rule,
        delete=_delete_rule,
    ),
    ResourceType(
        token="aws:cloudwatch/eventTarget:EventTarget",
        label="EventBridge Target",
        inputs=frozenset({"rule", "eventBusName", "forceDestroy", *EVENT_TARGET}),
        required=frozenset({"rule", "arn"}),
        defaults={"eventBusName": _DEFAULT_BUS, "forceDestroy": False},
        auto_name=AutoName(property="targetId", unless=()),
        replace=frozenset({"rule", "targetId", "eventBusName"}),
        maps=frozenset(
            {"inputTransformer.inputPaths", "httpTarget.headerParameters", "httpTarget.queryStringParameters"}
        ),
        at_most_one_of=(("input", "inputPath", "inputTransformer"),),
        not_read=frozenset({"forceDestroy"}),
        import_id=_import_target,
        create=_create_target,
        read=_read_target,
        update=_update_target,
        delete=_delete_target,
    ),
]
INVOKES: list[Invoke] = []
