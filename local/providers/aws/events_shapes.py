"""EventBridge's and EventBridge Scheduler's blocks: Pulumi's names on the left, the services' on the right."""

from __future__ import annotations

from local.providers.aws.shapes import Field, block, blocks, pascal, same

_RETRY_POLICY = pascal("maximumEventAgeInSeconds", "maximumRetryAttempts")
_DEAD_LETTER_CONFIG = pascal("arn")


def _on_off(value: object) -> str:
    return "ENABLED" if value else "DISABLED"


_NETWORK = Field(
    name="NetworkConfiguration",
    encode=lambda value: {
        "awsvpcConfiguration": {
            "Subnets": list(value["subnets"]),
            "SecurityGroups": list(value.get("securityGroups") or []),
            "AssignPublicIp": _on_off(value.get("assignPublicIp")),
        }
    },
    decode=lambda answer: {
        "subnets": answer["awsvpcConfiguration"].get("Subnets", []),
        "securityGroups": answer["awsvpcConfiguration"].get("SecurityGroups", []),
        "assignPublicIp": answer["awsvpcConfiguration"].get("AssignPublicIp") == "ENABLED",
    },
)
_TAG_LIST = Field(
    name="Tags",
    encode=lambda tags: [{"Key": key, "Value": value} for key, value in tags.items()],
    decode=lambda tags: {tag["Key"]: tag["Value"] for tag in tags},
)
_ECS_COMMON = pascal(
    "enableExecuteCommand",
    "group",
    "launchType",
    "platformVersion",
    "propagateTags",
    "taskCount",
    "taskDefinitionArn",
    enableEcsManagedTags="EnableECSManagedTags",
    capacityProviderStrategies=blocks("CapacityProviderStrategy", same("base", "capacityProvider", "weight")),
    networkConfiguration=_NETWORK,
)

BATCH_TARGET = {
    **pascal("jobDefinition", "jobName"),
    # two single-field blocks of EventBridge that Pulumi writes as plain numbers
    "arraySize": Field(
        name="ArrayProperties", encode=lambda size: {"Size": int(size)}, decode=lambda answer: answer.get("Size")
    ),
    "jobAttempts": Field(
        name="RetryStrategy",
        encode=lambda count: {"Attempts": int(count)},
        decode=lambda answer: answer.get("Attempts"),
    ),
}
EVENT_TARGET = pascal(
    "arn",
    "input",
    "inputPath",
    "roleArn",
    targetId="Id",
    appsyncTarget=block("AppSyncParameters", same(graphqlOperation="GraphQLOperation")),
    batchTarget=block("BatchParameters", BATCH_TARGET),
    deadLetterConfig=block("DeadLetterConfig", _DEAD_LETTER_CONFIG),
    ecsTarget=block(
        "EcsParameters",
        {
            **_ECS_COMMON,
            "orderedPlacementStrategies": blocks("PlacementStrategy", same("field", "type")),
            "placementConstraints": blocks("PlacementConstraints", same("expression", "type")),
            "tags": _TAG_LIST,
        },
    ),
    httpTarget=block("HttpParameters", pascal("headerParameters", "pathParameterValues", "queryStringParameters")),
    inputTransformer=block("InputTransformer", pascal("inputTemplate", inputPaths="InputPathsMap")),
    kinesisTarget=block("KinesisParameters", pascal("partitionKeyPath")),
    redshiftTarget=block(
        "RedshiftDataParameters",
        pascal("database", "dbUser", "sql", "statementName", "withEvent", secretsManagerArn="SecretManagerArn"),
    ),
    retryPolicy=block("RetryPolicy", _RETRY_POLICY),
    runCommandTargets=Field(
        name="RunCommandParameters",
        encode=lambda targets: {
            "RunCommandTargets": [{"Key": item["key"], "Values": list(item["values"])} for item in targets]
        },
        decode=lambda answer: [{"key": item["Key"], "values": item["Values"]} for item in answer["RunCommandTargets"]],
    ),
    sagemakerPipelineTarget=block(
        "SageMakerPipelineParameters",
        pascal(pipelineParameterLists=blocks("PipelineParameterList", pascal("name", "value"))),
    ),
    sqsTarget=block("SqsParameters", pascal("messageGroupId")),
)

SCHEDULE_TARGET = pascal(
    "arn",
    "input",
    "roleArn",
    deadLetterConfig=block("DeadLetterConfig", _DEAD_LETTER_CONFIG),
    ecsParameters=block(
        "EcsParameters",
        {
            **_ECS_COMMON,
            **pascal("referenceId"),
            "placementStrategies": blocks("PlacementStrategy", same("field", "type")),
            "placementConstraints": blocks("PlacementConstraints", same("expression", "type")),
            "tags": _TAG_LIST,
        },
    ),
    eventbridgeParameters=block("EventBridgeParameters", pascal("detailType", "source")),
    kinesisParameters=block("KinesisParameters", pascal("partitionKey")),
    retryPolicy=block("RetryPolicy", _RETRY_POLICY),
    sagemakerPipelineParameters=block(
        "SageMakerPipelineParameters",
        pascal(pipelineParameters=blocks("PipelineParameterList", pascal("name", "value"))),
    ),
    sqsParameters=block("SqsParameters", pascal("messageGroupId")),
)
FLEXIBLE_TIME_WINDOW = pascal("maximumWindowInMinutes", "mode")
