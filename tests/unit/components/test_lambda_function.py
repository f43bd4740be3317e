"""A job on Lambda (`quick` of fixture `kinds`): its function, role, triggers and record."""

from __future__ import annotations

import json

import pytest

from jobs import conventions
from tests.unit.components.mocked_engine import ACCOUNT, DIGEST, REGION, Recording, arn

NAME = "batchyard-dev-quick"
FUNCTION = arn("lambda", f"function:{NAME}")
LETTERS = arn("sqs", f"{NAME}-runs-1234567")


def test_the_function_is_the_jobs_image_with_what_its_specification_says(kinds: Recording) -> None:
    made = kinds.one("Function", NAME).inputs
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/batchyard/dev/quick@{DIGEST}"
    assert (made["packageType"], made["imageUri"], made["architectures"]) == ("Image", image, ["x86_64"])
    assert (made["memorySize"], made["timeout"], made["ephemeralStorage"]) == (256, 900, {"size": 2048})
    assert made["imageConfig"] == {"commands": ["--key", "Ref::key", "--size", "Ref::size"]}
    assert made["loggingConfig"] == {"logFormat": "Text", "logGroup": "/batchyard/dev/quick"}
    assert made["deadLetterConfig"] == {"targetArn": LETTERS}
    variables = made["environment"]["variables"]
    assert variables["BATCHYARD_PARAMETERS"] == '{"size":"small"}'
    assert (variables["BATCHYARD_TIMEOUT_S"], variables["BATCHYARD_IMAGE"]) == ("895", image)
    assert variables["BATCHYARD_BUCKET_UPLOADS"] == kinds.outputs["buckets"]["uploads"]
    # Lambda sets these itself, and refuses functions that do
    assert not {"AWS_REGION", "AWS_DEFAULT_REGION"} & set(variables)
    assert made["tags"]["batchyard:job"] == "quick"


def test_lambda_tries_as_often_as_the_job_says(kinds: Recording) -> None:
    told = kinds.one("FunctionEventInvokeConfig", NAME).inputs
    assert (told["maximumRetryAttempts"], told["maximumEventAgeInSeconds"]) == (1, 21_600)
    # another job comes after its success, and none after its failure
    assert told["destinationConfig"] == {"onSuccess": {"destination": arn("events", "event-bus/default")}}


def test_its_role_is_lambdas_and_does_nothing_else(kinds: Recording) -> None:
    role = kinds.one("Role", f"{NAME}-job").inputs
    (trust,) = json.loads(role["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
    allowed = {
        action: one["Resource"]
        for one in json.loads(kinds.one("RolePolicy", f"{NAME}-job").inputs["policy"])["Statement"]
        for action in one["Action"]
    }
    assert allowed["sqs:SendMessage"] == [LETTERS]
    assert allowed["logs:PutLogEvents"] == [arn("logs", "log-group:/batchyard/dev/quick:log-stream:*")]
    assert {action.partition(":")[0] for action in allowed} == {"s3", "logs", "sqs", "events", "ssm"}
    roles = sorted(one.name for one in kinds.of("Role") if one.name.startswith(NAME))
    assert roles == [f"{NAME}-{part}" for part in ("job", "queue1", "schedule1", "stream1", "topic1")]


def test_the_runtime_in_the_image_reads_exactly_its_secrets_as_the_job(kinds: Recording) -> None:
    token = arn("ssm", "parameter/quick/token")
    variables = kinds.one("Function", NAME).inputs["environment"]["variables"]
    assert json.loads(variables[conventions.ENV_SECRETS]) == {"TOKEN": token}
    policy = json.loads(kinds.one("RolePolicy", f"{NAME}-job").inputs["policy"])
    (statement,) = [one for one in policy["Statement"] if one["Action"] == ["ssm:GetParameters"]]
    assert statement["Resource"] == [token]


def test_it_may_tell_the_bus_of_its_ends_and_of_nothing_else(kinds: Recording) -> None:
    policy = json.loads(kinds.one("RolePolicy", f"{NAME}-job").inputs["policy"])
    (statement,) = [one for one in policy["Statement"] if one["Action"] == ["events:PutEvents"]]
    assert statement["Resource"] == [arn("events", "event-bus/default")]
    assert statement["Condition"] == {"StringEquals": {"events:source": "lambda"}}


def test_another_job_comes_after_its_success(kinds: Recording) -> None:
    rule = kinds.one("EventRule", "batchyard-dev-next-after1").inputs
    assert json.loads(rule["eventPattern"]) == {
        "source": ["lambda"],
        "detail-type": ["Lambda Function Invocation Result - Success"],
        "detail": {"requestContext": {"functionArn": [{"prefix": f"{FUNCTION}:"}]}},
    }
    told = kinds.one("EventTarget", "batchyard-dev-next-after1").inputs["inputTransformer"]
    assert told["inputPaths"]["key"] == "$.detail.responsePayload.parameters.key"
    assert (
        '"after_job":"quick","after_job_id":<after_job_id>,"after_job_name":"batchyard-dev-quick"'
        in (told["inputTemplate"])
    )


def test_messages_start_it_through_a_pipe_that_waits_for_no_run(kinds: Recording) -> None:
    pipe = kinds.one("Pipe", f"{NAME}-queue1").inputs
    assert pipe["target"] == FUNCTION
    assert pipe["targetParameters"] == {
        "inputTemplate": '{"parameters":{"key":<$.body.key>,"message_id":<$.messageId>,"size":"large"},'
        '"submitted_at":<aws.pipes.event.ingestion-time>}',
        "lambdaFunctionParameters": {"invocationType": "FIRE_AND_FORGET"},
    }


@pytest.mark.parametrize(
    ("part", "template"),
    [
        ("topic1", '{"parameters":{"key":<$.body.key>,"message_id":<$.messageId>}'),
        (
            "stream1",
            '{"parameters":{"event_id":<$.eventID>,"event_name":<$.eventName>,"key":<$.dynamodb.NewImage.id.S>}',
        ),
    ],
)
def test_notifications_and_changes_start_it_as_messages_do(kinds: Recording, part: str, template: str) -> None:
    pipe = kinds.one("Pipe", f"{NAME}-{part}").inputs
    assert pipe["target"] == FUNCTION
    assert pipe["targetParameters"]["inputTemplate"].startswith(template)
    assert pipe["targetParameters"]["lambdaFunctionParameters"] == {"invocationType": "FIRE_AND_FORGET"}
    (policy,) = [one for one in kinds.of("RolePolicy") if one.name == f"{NAME}-{part}"]
    statements = json.loads(policy.inputs["policy"])["Statement"]
    assert [one["Resource"] for one in statements if one["Action"] == ["lambda:InvokeFunction"]] == [[FUNCTION]]


def test_an_upload_starts_the_function_by_a_permission_for_its_rule(kinds: Recording) -> None:
    rule = kinds.one("EventRule", f"{NAME}-upload1")
    permission = kinds.one("Permission", f"{NAME}-upload1").inputs
    assert permission == {
        "action": "lambda:InvokeFunction",
        "function": FUNCTION,
        "principal": "events.amazonaws.com",
        "sourceArn": rule.outputs["arn"],
    }
    target = kinds.one("EventTarget", f"{NAME}-upload1").inputs
    assert target["arn"] == FUNCTION
    assert "roleArn" not in target
    assert "batchTarget" not in target
    assert target["inputTransformer"]["inputTemplate"] == (
        '{"parameters":{"bucket":<bucket>,"key":<key>},"submitted_at":<aws.events.event.ingestion-time>}'
    )


def test_a_schedule_starts_this_function_and_no_other(kinds: Recording) -> None:
    target = kinds.one("Schedule", f"{NAME}-schedule1").inputs["target"]
    assert target["arn"] == FUNCTION
    assert json.loads(target["input"]) == {
        "parameters": {"key": "all"},
        "submitted_at": "<aws.scheduler.scheduled-time>",
    }
    statements = json.loads(kinds.one("RolePolicy", f"{NAME}-schedule1").inputs["policy"])["Statement"]
    assert statements[0] == {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": [FUNCTION]}


def test_its_log_gives_the_ledger_its_rows_too(kinds: Recording) -> None:
    filters = [one.inputs for one in kinds.of("LogSubscriptionFilter") if one.name.startswith("/batchyard/dev/quick")]
    assert sorted(one["filterPattern"] for one in filters) == ['{ $.type = "attempt" }', '{ $.type = "usage" }']
    stream = kinds.one("FirehoseDeliveryStream", "batchyard-dev-ledger-told").inputs["extendedS3Configuration"]
    assert stream["prefix"].startswith("attempts/day=")


def test_the_stage_tells_of_functions_apart_from_definitions(kinds: Recording, stage: Recording) -> None:
    assert kinds.outputs["functions"] == {"quick": FUNCTION}
    assert "quick" not in kinds.outputs["job_definitions"]
    assert kinds.outputs["dead_letters"]["quick/runs"].endswith(f"{NAME}-runs-1234567")
    assert stage.outputs["functions"] == {}
    assert not [one for one in stage.of("FirehoseDeliveryStream") if one.name.endswith("-told")]
