"""EventBridge Pipes: a pipe's life."""

from __future__ import annotations

from tests.unit.local.providers.aws.lifecycle import Life, live
from tests.unit.local.providers.aws.plugin import Plugin

PIPE = "aws:pipes/pipe:Pipe"
BATCH = "arn:aws:batch:us-east-1:123456789012:job-queue/standard"
SOURCE = "arn:aws:sqs:us-east-1:123456789012:orders"
TARGET = {"jobDefinition": "load:1", "jobName": "load", "parameters": {"order-id": "$.body.order"}}
INPUTS = {
    "source": SOURCE,
    "target": BATCH,
    "roleArn": "arn:aws:iam::123456789012:role/pipe",
    "sourceParameters": {"sqsQueueParameters": {"batchSize": 1}},
    "targetParameters": {"batchJobParameters": TARGET},
    "tags": {"stage": "a"},
}


def test_a_pipe_is_made_changed_and_stopped(plugin: Plugin) -> None:
    group = "arn:aws:logs:us-east-1:123456789012:log-group:/pipes/x"
    changes = {
        "description": "orders",
        "desiredState": "STOPPED",
        "targetParameters": {
            "batchJobParameters": {**TARGET, "jobDefinition": "load:2", "arrayProperties": {"size": 2}}
        },
        "logConfiguration": {
            "level": "ERROR",
            "includeExecutionDatas": ["ALL"],
            "cloudwatchLogsLogDestination": {"logGroupArn": group},
        },
        "tags": {"stage": "b"},
    }
    live(plugin, Life(token=PIPE, inputs=INPUTS, changes=changes))


def test_another_source_is_another_pipe(plugin: Plugin) -> None:
    live(plugin, Life(token=PIPE, inputs=INPUTS, changes={"source": f"{SOURCE}-2"}, replaces=("source",), name="other"))
