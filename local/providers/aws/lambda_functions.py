"""Lambda: functions of container images, what becomes of their events, and who may start them. Functions of zip
archives, layers, versions and aliases aren't here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from local.providers.aws.calls import found_or_none, retag
from local.providers.aws.shapes import Shape, block, from_service, pascal, to_service
from local.providers.aws.waiting import Status, retry_while, wait_for_status
from local.providers.framework import AutoName, Context, Invoke, Props, ProviderError, ResourceType
from local.providers.framework.plan import Plan

_ABSENT = ("ResourceNotFoundException",)
# a new role is not to be seen everywhere at once
_NOT_YET = ("cannot be assumed by Lambda", "does not have permissions to call")
_CONFIGURATION: Shape = pascal(
    "description",
    "memorySize",
    "role",
    "timeout",
    deadLetterConfig=block("DeadLetterConfig", pascal("targetArn")),
    environment=block("Environment", pascal("variables")),
    ephemeralStorage=block("EphemeralStorage", pascal("size")),
    imageConfig=block("ImageConfig", pascal("workingDirectory", commands="Command", entryPoints="EntryPoint")),
    loggingConfig=block("LoggingConfig", pascal("applicationLogLevel", "logFormat", "logGroup", "systemLogLevel")),
)
_CODE = frozenset({"imageUri", "architectures"})


# --- functions ---


def _create(context: Context, inputs: Props) -> str:
    client = context.client("lambda")
    name = context.physical_name(inputs)
    retry_while(
        context,
        f"Lambda Function ({name}) create",
        lambda: client.create_function(
            FunctionName=name,
            PackageType=inputs["packageType"],
            Code={"ImageUri": inputs["imageUri"]},
            Architectures=inputs.get("architectures") or ["x86_64"],
            Tags=inputs.get("tagsAll") or {},
            **to_service(_CONFIGURATION, inputs),
        ),
        _NOT_YET,
        timeout_s=300,
    )
    context.created(name)
    _wait(context, name, "create", "State", pending=("Pending",), target=("Active",))
    return name


def _wait(
    context: Context, name: str, what: str, key: str, *, pending: tuple[str, ...], target: tuple[str, ...]
) -> None:
    def look() -> Status | None:
        client = context.client("lambda")
        answer = found_or_none(lambda: client.get_function_configuration(FunctionName=name), *_ABSENT)
        return None if answer is None else (answer[key], answer.get(f"{key}Reason") or "")

    wait_for_status(context, f"Lambda Function ({name}) {what}", look, pending=pending, target=target)


def _read(context: Context, name: str, known: Props) -> Props | None:
    answer = found_or_none(lambda: context.client("lambda").get_function(FunctionName=name), *_ABSENT)
    if answer is None:
        return None
    configuration = dict(answer["Configuration"])
    image = (configuration.pop("ImageConfigResponse", None) or {}).get("ImageConfig") or {}
    configuration["ImageConfig"] = {key: value for key, value in image.items() if value} or None
    arn = configuration["FunctionArn"]
    version = configuration["Version"]
    service = f"arn:{context.partition}:apigateway:{context.region}:lambda:path/2015-03-31/functions"
    return {
        **dict.fromkeys(_CONFIGURATION),
        "description": "",
        **from_service(_CONFIGURATION, configuration),
        "name": configuration["FunctionName"],
        "packageType": configuration["PackageType"],
        "imageUri": answer["Code"].get("ImageUri"),
        "architectures": configuration["Architectures"],
        "codeSha256": configuration["CodeSha256"],
        "arn": arn,
        "invokeArn": f"{service}/{arn}/invocations",
        "qualifiedArn": f"{arn}:{version}",
        "qualifiedInvokeArn": f"{service}/{arn}:{version}/invocations",
        "responseStreamingInvokeArn": (
            f"arn:{context.partition}:apigateway:{context.region}:lambda:path/2021-11-15/functions/{arn}"
            "/response-streaming-invocations"
        ),
        "version": version,
        "lastModified": configuration["LastModified"],
        "sourceCodeSize": configuration["CodeSize"],
        "signingJobArn": "",
        "signingProfileVersionArn": "",
        "tagsAll": answer.get("Tags") or {},
    }


def _update(context: Context, name: str, old: Props, new: Props) -> None:
    client = context.client("lambda")
    changed = context.changed
    if changed & frozenset(_CONFIGURATION):
        # what is no longer asked for goes by being empty
        empty: dict[str, Any] = {
            "Description": "",
            "DeadLetterConfig": {"TargetArn": ""},
            "Environment": {"Variables": {}},
            "ImageConfig": {},
        }
        request = {**empty, **to_service(_CONFIGURATION, new)}
        retry_while(
            context,
            f"Lambda Function ({name}) update",
            lambda: client.update_function_configuration(FunctionName=name, **request),
            _NOT_YET,
            timeout_s=300,
        )
        _wait_updated(context, name)
    if changed & _CODE:
        client.update_function_code(
            FunctionName=name, ImageUri=new["imageUri"], Architectures=new.get("architectures") or ["x86_64"]
        )
        _wait_updated(context, name)
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(Resource=old["arn"], Tags=tags),
        remove=lambda keys: client.untag_resource(Resource=old["arn"], TagKeys=keys),
    )


def _wait_updated(context: Context, name: str) -> None:
    _wait(context, name, "update", "LastUpdateStatus", pending=("InProgress",), target=("Successful",))


def _delete(context: Context, name: str, state: Props) -> None:
    if not state.get("skipDestroy"):
        context.client("lambda").delete_function(FunctionName=name)


def _problems(inputs: Props) -> Iterable[str]:
    if inputs.get("packageType") != "Image":
        yield (
            f"packageType is {inputs.get('packageType')}; the local stand-in knows functions of container images; "
            'remedy: packageType "Image" and imageUri, or a stage with the official plugin'
        )
    elif not inputs.get("imageUri"):
        yield "image_uri must be set when package_type is Image"


def _plan(plan: Plan) -> None:
    if plan.changed & _CODE:
        plan.recompute("lastModified", "codeSha256", "sourceCodeSize")
    elif plan.changed & frozenset(_CONFIGURATION):
        plan.recompute("lastModified")


# --- what becomes of events ---

_EVENTS: Shape = pascal(
    maximumEventAgeInSeconds="MaximumEventAgeInSeconds",
    maximumRetryAttempts="MaximumRetryAttempts",
    destinationConfig=block(
        "DestinationConfig",
        pascal(
            onFailure=block("OnFailure", pascal("destination")), onSuccess=block("OnSuccess", pascal("destination"))
        ),
    ),
)


def _put_events(context: Context, inputs: Props) -> None:
    qualifier = {"Qualifier": inputs["qualifier"]} if inputs.get("qualifier") else {}
    context.client("lambda").put_function_event_invoke_config(
        FunctionName=inputs["functionName"], **qualifier, **to_service(_EVENTS, inputs)
    )


def _create_events(context: Context, inputs: Props) -> str:
    _put_events(context, inputs)
    name, qualifier = str(inputs["functionName"]), inputs.get("qualifier")
    return f"{name}:{qualifier}" if qualifier else name


def _read_events(context: Context, id_: str, known: Props) -> Props | None:
    name, _, qualifier = id_.partition(":")
    more = {"Qualifier": qualifier} if qualifier else {}
    client = context.client("lambda")
    answer = found_or_none(lambda: client.get_function_event_invoke_config(FunctionName=name, **more), *_ABSENT)
    if answer is None:
        return None
    told = {end: one for end, one in (answer.get("DestinationConfig") or {}).items() if one.get("Destination")}
    read = from_service(_EVENTS, {**answer, "DestinationConfig": told or None})
    return {**dict.fromkeys(_EVENTS), **read, "functionName": name, "qualifier": qualifier or None}


def _update_events(context: Context, id_: str, old: Props, new: Props) -> None:
    # it replaces the whole: what is left out is gone
    _put_events(context, new)


def _delete_events(context: Context, id_: str, state: Props) -> None:
    name, _, qualifier = id_.partition(":")
    more = {"Qualifier": qualifier} if qualifier else {}
    context.client("lambda").delete_function_event_invoke_config(FunctionName=name, **more)


# --- who may start it ---

_PERMISSION: Shape = pascal(
    "action",
    "eventSourceToken",
    "functionUrlAuthType",
    "principal",
    "qualifier",
    "sourceAccount",
    "sourceArn",
    "statementId",
    invokedViaFunctionUrl="InvokedViaFunctionUrl",
    principalOrgId="PrincipalOrgID",
)


def _create_permission(context: Context, inputs: Props) -> str:
    statement_id = context.physical_name(inputs, "statementId")
    request = {**to_service(_PERMISSION, inputs), "StatementId": statement_id}
    context.client("lambda").add_permission(FunctionName=inputs["function"], **request)
    return str(statement_id)


def _read_permission(context: Context, statement_id: str, known: Props) -> Props | None:
    function = known.get("function")
    more = {"Qualifier": known["qualifier"]} if known.get("qualifier") else {}
    client = context.client("lambda")
    answer = found_or_none(lambda: client.get_policy(FunctionName=function, **more), *_ABSENT)
    statements = json.loads(answer["Policy"])["Statement"] if answer is not None else []
    found = next((one for one in statements if one.get("Sid") == statement_id), None)
    if found is None:
        return None
    conditions: dict[str, Any] = {}
    for tests in (found.get("Condition") or {}).values():
        conditions |= {key.lower(): value for key, value in tests.items()}
    principal = found["Principal"]
    if isinstance(principal, dict):
        principal = principal.get("Service") or principal.get("AWS")
    return {
        "action": found["Action"],
        "principal": principal,
        "sourceArn": conditions.get("aws:sourcearn"),
        "sourceAccount": conditions.get("aws:sourceaccount"),
        "principalOrgId": conditions.get("aws:principalorgid"),
        "eventSourceToken": conditions.get("lambda:eventsourcetoken"),
        "functionUrlAuthType": conditions.get("lambda:functionurlauthtype"),
        "statementId": statement_id,
        "function": function,
        "qualifier": known.get("qualifier"),
    }


def _delete_permission(context: Context, statement_id: str, state: Props) -> None:
    more = {"Qualifier": state["qualifier"]} if state.get("qualifier") else {}
    context.client("lambda").remove_permission(FunctionName=state["function"], StatementId=statement_id, **more)


def _import_permission(context: Context, text: str) -> tuple[str, Props]:
    function, slash, statement_id = text.rpartition("/")
    if not slash:
        raise ProviderError(f"unexpected format of ID ({text}), expected function/statementId")
    name, _, qualifier = function.partition(":")
    return statement_id, {"function": name, "qualifier": qualifier or None}


_PERMISSION_INPUTS = frozenset({"function", "statementIdPrefix", *_PERMISSION})

RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:lambda/function:Function",
        label="Lambda Function",
        inputs=frozenset(
            {
                "name",
                "packageType",
                "imageUri",
                "architectures",
                "codeSha256",
                "skipDestroy",
                "publish",
                "reservedConcurrentExecutions",
                *_CONFIGURATION,
            }
        ),
        required=frozenset({"role"}),
        outputs=frozenset(
            {
                "arn",
                "invokeArn",
                "lastModified",
                "qualifiedArn",
                "qualifiedInvokeArn",
                "responseStreamingInvokeArn",
                "signingJobArn",
                "signingProfileVersionArn",
                "sourceCodeSize",
                "version",
            }
        ),
        computed=frozenset({"name", "architectures", "codeSha256", "ephemeralStorage", "loggingConfig"}),
        defaults={
            "memorySize": 128,
            "packageType": "Zip",
            "publish": False,
            "reservedConcurrentExecutions": -1,
            "skipDestroy": False,
            "timeout": 3,
        },
        auto_name=AutoName(max_length=64),
        replace=frozenset({"name", "packageType"}),
        maps=frozenset({"environment.variables"}),
        not_read=frozenset({"publish", "reservedConcurrentExecutions", "skipDestroy"}),
        problems=_problems,
        plan=_plan,
        tags=True,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    ),
    ResourceType(
        token="aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        label="Lambda Function Event Invoke Config",
        inputs=frozenset({"functionName", "qualifier", *_EVENTS}),
        required=frozenset({"functionName"}),
        defaults={"maximumRetryAttempts": 2},
        replace=frozenset({"functionName", "qualifier"}),
        create=_create_events,
        read=_read_events,
        update=_update_events,
        delete=_delete_events,
    ),
    ResourceType(
        token="aws:lambda/permission:Permission",
        label="Lambda Permission",
        inputs=_PERMISSION_INPUTS,
        required=frozenset({"action", "function", "principal"}),
        computed=frozenset({"statementId", "statementIdPrefix"}),
        auto_name=AutoName(property="statementId", max_length=100, unless=("statementIdPrefix",)),
        replace=_PERMISSION_INPUTS,
        at_most_one_of=(("statementId", "statementIdPrefix"),),
        create=_create_permission,
        read=_read_permission,
        delete=_delete_permission,
        import_id=_import_permission,
    ),
]
INVOKES: list[Invoke] = []
