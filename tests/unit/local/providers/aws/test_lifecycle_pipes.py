"""EventBridge Pipes: a pipe's life."""

from __future__ import annotations

import pytest

from tests.unit.local.providers.aws.lifecycle import Life, live
from tests.unit.local.providers.aws.plugin import Plugin, Refused

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


STREAM = "arn:aws:dynamodb:us-east-1:123456789012:table/orders/stream/2026-01-01T00:00:00.000"
READING = {
    "startingPosition": "LATEST",
    "batchSize": 1,
    "maximumRetryAttempts": 3,
    "onPartialBatchItemFailure": "AUTOMATIC_BISECT",
    "deadLetterConfig": {"arn": f"{SOURCE}-dead"},
}
OF_A_TABLE = {
    **INPUTS,
    "source": STREAM,
    "sourceParameters": {"dynamodbStreamParameters": READING},
    # there is no such table: a pipe that runs would fail
    "desiredState": "STOPPED",
}


def test_a_tables_pipe_is_made_and_changed_without_its_position(plugin: Plugin) -> None:
    changed = {
        "dynamodbStreamParameters": {**READING, "maximumRetryAttempts": 5},
        "filterCriteria": {"filters": [{"pattern": '{"eventName":["INSERT"]}'}]},
    }
    life = Life(token=PIPE, inputs=OF_A_TABLE, changes={"sourceParameters": changed, "description": "x"})
    live(plugin, life)


def test_another_position_is_another_pipe(plugin: Plugin) -> None:
    changed = {"dynamodbStreamParameters": {**READING, "startingPosition": "TRIM_HORIZON"}}
    changes = {"sourceParameters": changed}
    live(plugin, Life(token=PIPE, inputs=OF_A_TABLE, changes=changes, replaces=("sourceParameters",)))


def test_a_pipe_that_cannot_read_its_stream_fails_with_the_reason(plugin: Plugin) -> None:
    with pytest.raises(Refused, match=r"CREATE_FAILED.*role/pipe does not exist"):
        live(plugin, Life(token=PIPE, inputs={**OF_A_TABLE, "desiredState": "RUNNING"}, name="failing"))
