"""EventBridge Pipes: queues and streams that submit jobs. Blocks of other sources than SQS and DynamoDB, and of other
targets than Batch, aren't here."""

from __future__ import annotations

from typing import Any

from local.providers.aws.calls import found_or_none, retag
from local.providers.aws.shapes import block, blocks, from_service, pascal, to_service
from local.providers.aws.waiting import Status, wait_for_status
from local.providers.framework import AutoName, Context, Invoke, Props, ResourceType, name_prefix

_ABSENT = ("NotFoundException",)
_PENDING = ("CREATING", "UPDATING", "STARTING", "STOPPING")
_SETTLED = ("RUNNING", "STOPPED")
_PIPE = pascal(
    "description",
    "desiredState",
    "kmsKeyIdentifier",
    "roleArn",
    "source",
    "target",
    logConfiguration=block(
        "LogConfiguration",
        pascal(
            "level",
            includeExecutionDatas="IncludeExecutionData",
            cloudwatchLogsLogDestination=block("CloudwatchLogsLogDestination", pascal("logGroupArn")),
        ),
    ),
    sourceParameters=block(
        "SourceParameters",
        pascal(
            sqsQueueParameters=block("SqsQueueParameters", pascal("batchSize", "maximumBatchingWindowInSeconds")),
            dynamodbStreamParameters=block(
                "DynamoDBStreamParameters",
                pascal(
                    "batchSize",
                    "maximumBatchingWindowInSeconds",
                    "maximumRecordAgeInSeconds",
                    "maximumRetryAttempts",
                    "onPartialBatchItemFailure",
                    "parallelizationFactor",
                    "startingPosition",
                    deadLetterConfig=block("DeadLetterConfig", pascal("arn")),
                ),
            ),
            filterCriteria=block("FilterCriteria", pascal(filters=blocks("Filters", pascal("pattern")))),
        ),
    ),
    targetParameters=block(
        "TargetParameters",
        pascal(
            "inputTemplate",
            lambdaFunctionParameters=block("LambdaFunctionParameters", pascal("invocationType")),
            batchJobParameters=block(
                "BatchJobParameters",
                pascal(
                    "jobDefinition",
                    "jobName",
                    "parameters",
                    arrayProperties=block("ArrayProperties", pascal("size")),
                    retryStrategy=block("RetryStrategy", pascal("attempts")),
                ),
            ),
            redshiftDataParameters=block(
                "RedshiftDataParameters",
                pascal("database", "dbUser", "secretManagerArn", "sqls", "statementName", "withEvent"),
            ),
        ),
    ),
)
_UPDATED = frozenset(_PIPE) - {"source"}


def _create(context: Context, inputs: Props) -> str:
    name = context.physical_name(inputs)
    context.client("pipes").create_pipe(Name=name, Tags=inputs.get("tagsAll") or {}, **to_service(_PIPE, inputs))
    context.created(name)
    _wait(context, name, "create")
    return name


def _look(context: Context, name: str) -> Status | None:
    answer = found_or_none(lambda: context.client("pipes").describe_pipe(Name=name), *_ABSENT)
    return None if answer is None else (answer["CurrentState"], answer.get("StateReason") or "")


def _wait(context: Context, name: str, what: str) -> None:
    wait_for_status(
        context,
        f"EventBridge Pipes Pipe ({name}) {what}",
        lambda: _look(context, name),
        pending=_PENDING,
        target=_SETTLED,
    )


def _read(context: Context, name: str, known: Props) -> Props | None:
    answer = found_or_none(lambda: context.client("pipes").describe_pipe(Name=name), *_ABSENT)
    if answer is None or answer["CurrentState"] == "DELETING":
        return None
    unset: dict[str, Any] = {**dict.fromkeys(_PIPE), "description": "", "kmsKeyIdentifier": ""}
    return {
        **unset,
        **from_service(_PIPE, answer),
        "name": answer["Name"],
        "namePrefix": name_prefix(answer["Name"]),
        "arn": answer["Arn"],
        "tagsAll": answer.get("Tags") or {},
    }


def _update(context: Context, name: str, old: Props, new: Props) -> None:
    client = context.client("pipes")
    if context.changed & _UPDATED:
        request = {key: value for key, value in to_service(_PIPE, new).items() if key != "Source"}
        # what the service keeps of a source is given with it, but for where it began to read
        request["SourceParameters"] = request.get("SourceParameters", {})
        request["SourceParameters"].get("DynamoDBStreamParameters", {}).pop("StartingPosition", None)
        client.update_pipe(Name=name, **request)
        _wait(context, name, "update")
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(resourceArn=old["arn"], tags=tags),
        remove=lambda keys: client.untag_resource(resourceArn=old["arn"], tagKeys=keys),
    )


def _delete(context: Context, name: str, state: Props) -> None:
    context.client("pipes").delete_pipe(Name=name)
    wait_for_status(
        context,
        f"EventBridge Pipes Pipe ({name}) delete",
        lambda: _look(context, name),
        pending=("DELETING", *_SETTLED),
        target=(),
    )


def _name_problem(name: str) -> str | None:
    return None if 1 <= len(name) <= 64 else f"expected length of name to be in the range (1 - 64), got {name}"


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:pipes/pipe:Pipe",
        label="EventBridge Pipes Pipe",
        inputs=frozenset({"name", "namePrefix", *_PIPE}),
        required=frozenset({"roleArn", "source", "target"}),
        outputs=frozenset({"arn"}),
        computed=frozenset({"name", "namePrefix", "sourceParameters"}),
        defaults={"description": "Managed by Pulumi", "desiredState": "RUNNING"},
        auto_name=AutoName(),
        replace=frozenset(
            {"name", "namePrefix", "source", "sourceParameters.dynamodbStreamParameters.startingPosition"}
        ),
        maps=frozenset({"targetParameters.batchJobParameters.parameters"}),
        sets=frozenset({"logConfiguration.includeExecutionDatas"}),
        at_most_one_of=(("name", "namePrefix"),),
        checks={"name": _name_problem},
        tags=True,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    ),
]
INVOKES: list[Invoke] = []
