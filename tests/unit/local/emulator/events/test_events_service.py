from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.emulator import events
from local.emulator.context import EmulatorContext
from local.emulator.events.envelope import make_event
from tests.unit.local.emulator.moto_server import (
    ACCOUNT,
    REGION,
    client,
    eventually,
    forget_everything,
    make_queue,
    make_role,
    messages,
    serving,
)

QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/standard"
DEFINITION = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/thumbnails:3"


class FakeBatch:
    """Takes what the Batch deliverer submits."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.submitted: list[dict[str, Any]] = []
        self.failures = failures
        self.error = error

    def submit_job(self, **job: Any) -> dict[str, str]:
        if self.failures:
            self.failures -= 1
            assert self.error is not None
            raise self.error
        self.submitted.append(job)
        return {"jobId": "1"}


Lane = tuple[EmulatorContext, Any, FakeBatch]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatorContext, Any]]:
    with serving(tmp_path_factory.mktemp("lane"), [events.install], second_scale=0.01) as (context, (service,)):
        yield context, service


@pytest.fixture
def lane(server: tuple[EmulatorContext, Any]) -> Iterator[Lane]:
    context, service = server
    batch = FakeBatch()
    service.dispatcher._clients._clients["batch"] = batch
    yield context, service, batch
    forget_everything()


def uploaded(key: str, *, source: str = "aws.s3") -> dict[str, Any]:
    detail = {"bucket": {"name": "uploads"}, "object": {"key": key, "size": 4}}
    return make_event(source=source, detail_type="Object Created", detail=detail, account=ACCOUNT, region=REGION)


def put_rule(context: EmulatorContext, target: dict[str, Any], *, name: str = "uploads", pattern: Any = None) -> str:
    eventbridge = client(context, "events")
    pattern = pattern or {"source": ["aws.s3"], "detail": {"object": {"key": [{"prefix": "photos/"}]}}}
    arn = eventbridge.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
    answer = eventbridge.put_targets(Rule=name, Targets=[{"Id": "t", **target}])
    assert answer["FailedEntryCount"] == 0
    return str(arn)


def batch_target(context: EmulatorContext, **more: Any) -> dict[str, Any]:
    role = make_role(
        context,
        "trigger",
        service="events.amazonaws.com",
        actions=["batch:SubmitJob"],
        resources=[QUEUE, DEFINITION.rpartition(":")[0] + ":*"],
    )
    transformer = {
        "InputPathsMap": {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"},
        "InputTemplate": '{"Parameters": {"bucket": <bucket>, "key": <key>}, "Tags": {"a": "b"}, '
        '"ContainerOverrides": {"Environment": [{"Name": "KEY", "Value": <key>}], "ResourceRequirements": []}}',
    }
    parameters = {"JobDefinition": DEFINITION, "JobName": "thumbnails", "RetryStrategy": {"Attempts": 2}}
    target = {"Arn": QUEUE, "RoleArn": role, "BatchParameters": parameters, "InputTransformer": transformer}
    return {**target, **more}


def test_an_upload_submits_a_job(lane: Lane) -> None:
    context, service, batch = lane
    put_rule(context, batch_target(context))
    events.publish(uploaded("photos/a b é.jpg"))
    events.publish(uploaded("videos/other.mp4"))
    assert service.dispatcher.wait_until_idle(240)
    assert batch.submitted == [
        {
            "jobName": "thumbnails",
            "jobQueue": QUEUE,
            "jobDefinition": DEFINITION,
            "parameters": {"bucket": "uploads", "key": "photos/a b é.jpg"},
            # of the overrides only what a rule may set, and no tags
            "containerOverrides": {"environment": [{"name": "KEY", "value": "photos/a b é.jpg"}]},
            "retryStrategy": {"attempts": 2},
        }
    ]


def test_a_burst_loses_nothing(lane: Lane) -> None:
    context, service, batch = lane
    put_rule(context, batch_target(context))
    for number in range(2000):
        events.publish(uploaded(f"photos/{number}.jpg"))
    assert service.dispatcher.wait_until_idle(240)
    assert sorted(job["parameters"]["key"] for job in batch.submitted) == sorted(f"photos/{n}.jpg" for n in range(2000))


def test_what_breaks_the_json_goes_to_the_dead_letter_queue(lane: Lane) -> None:
    context, _, batch = lane
    url, dead_letters = make_queue(context, "dead-letters")
    rule = put_rule(context, batch_target(context, DeadLetterConfig={"Arn": dead_letters}))
    event = uploaded('photos/say "hi".jpg')
    events.publish(event)
    (message,) = eventually("the dead letter", lambda: messages(context, url))
    assert json.loads(message["Body"]) == event
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE").startswith("The transformed input isn't JSON")
    assert attributes == {
        "RULE_ARN": rule,
        "TARGET_ARN": QUEUE,
        "ERROR_CODE": "INVALID_JSON",
        "RETRY_ATTEMPTS": "0",
    }
    assert batch.submitted == []


def test_a_role_without_the_permission_can_not_submit(lane: Lane) -> None:
    context, _, batch = lane
    url, dead_letters = make_queue(context, "dead-letters")
    role = make_role(context, "weak", service="events.amazonaws.com", actions=["batch:SubmitJob"], resources=[QUEUE])
    put_rule(context, batch_target(context, RoleArn=role, DeadLetterConfig={"Arn": dead_letters}))
    events.publish(uploaded("photos/a.jpg"))
    (message,) = eventually("the dead letter", lambda: messages(context, url))
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert (
        f"not authorized to perform batch:SubmitJob on resource {DEFINITION}"
        in (message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"])
    )
    assert batch.submitted == []


def broken() -> ClientError:
    answer: Any = {"Error": {"Code": "ServerException", "Message": "busy"}, "ResponseMetadata": {"HTTPStatusCode": 500}}
    return ClientError(answer, "SubmitJob")


def test_a_failing_service_is_tried_again(lane: Lane) -> None:
    context, service, batch = lane
    batch.failures, batch.error = 3, broken()
    put_rule(context, batch_target(context))
    events.publish(uploaded("photos/a.jpg"))
    assert service.dispatcher.wait_until_idle(240)
    assert len(batch.submitted) == 1


@pytest.mark.parametrize(
    ("policy", "condition"),
    [
        ({"MaximumRetryAttempts": 2}, "MaximumRetryAttempts"),
        ({"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 60}, "MaximumEventAgeInSeconds"),
    ],
)
def test_retries_are_bounded(lane: Lane, policy: dict[str, int], condition: str) -> None:
    context, _, batch = lane
    batch.failures, batch.error = 1000, broken()
    url, dead_letters = make_queue(context, "dead-letters")
    put_rule(context, batch_target(context, DeadLetterConfig={"Arn": dead_letters}, RetryPolicy=policy))
    events.publish(uploaded("photos/a.jpg"))
    (message,) = eventually("the dead letter", lambda: messages(context, url))
    assert message["MessageAttributes"]["EXHAUSTED_RETRY_CONDITION"]["StringValue"] == condition


def test_put_events_to_a_queue_and_its_policy(lane: Lane) -> None:
    context, service, _ = lane
    url, arn = make_queue(context, "open")
    closed = client(context, "sqs").create_queue(QueueName="closed")["QueueUrl"]
    pattern = {"source": ["orders"]}
    put_rule(context, {"Arn": arn, "InputPath": "$.detail"}, pattern=pattern)
    put_rule(context, {"Arn": arn.replace("open", "closed")}, name="closed", pattern=pattern)
    answer = client(context, "events").put_events(
        Entries=[
            {"Source": "orders", "DetailType": "New", "Detail": '{"id": 7}'},
            {"Source": "aws.s3", "DetailType": "New", "Detail": "{}"},
            {"Source": "orders", "DetailType": "New", "Detail": "[1]"},
        ]
    )
    assert answer["FailedEntryCount"] == 2
    assert [entry.get("ErrorCode") for entry in answer["Entries"]] == [
        None,
        "NotAuthorizedForSourceException",
        "MalformedDetail",
    ]
    assert service.dispatcher.wait_until_idle(240)
    (message,) = eventually("the message", lambda: messages(context, url))
    assert json.loads(message["Body"]) == {"id": 7}
    assert messages(context, closed) == []


def test_topics_and_log_groups_take_events(lane: Lane) -> None:
    context, _, _ = lane
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:orders"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    sns = client(context, "sns")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.create_topic(Name="orders", Attributes={"Policy": policy})
    url, queue = make_queue(context, "subscribed")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    logs = client(context, "logs")
    logs.create_log_group(logGroupName="/aws/events/orders")
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/orders"
    put_rule(context, {"Arn": topic, "Input": '"a fixed text"'}, name="topic", pattern={"source": ["orders"]})
    put_rule(context, {"Arn": group, "InputPath": "$.detail"}, name="group", pattern={"source": ["orders"]})
    event = uploaded("x", source="orders")
    events.publish(event)
    (message,) = eventually("the message", lambda: messages(context, url))
    assert message["Body"] == '"a fixed text"'
    (line,) = eventually("the line", lambda: logs.filter_log_events(logGroupName="/aws/events/orders")["events"])
    assert json.loads(line["message"]) == event["detail"]


def test_a_target_the_emulator_can_not_reach_is_told(lane: Lane) -> None:
    context, _, _ = lane
    url, dead_letters = make_queue(context, "dead-letters")
    project = f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/p"
    put_rule(context, {"Arn": project, "DeadLetterConfig": {"Arn": dead_letters}}, pattern={"source": ["orders"]})
    events.publish(uploaded("x", source="orders"))
    (message,) = eventually("the dead letter", lambda: messages(context, url))
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "UNSUPPORTED_TARGET"
    assert "not to codebuild" in message["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]


def test_buses_forward_once(lane: Lane) -> None:
    context, _, _ = lane
    eventbridge = client(context, "events")
    bus = eventbridge.create_event_bus(Name="other")["EventBusArn"]
    url, arn = make_queue(context, "arrived")
    put_rule(context, {"Arn": bus}, pattern={"source": ["orders"]})
    eventbridge.put_rule(Name="there", EventBusName="other", EventPattern='{"source": ["orders"]}')
    eventbridge.put_targets(Rule="there", EventBusName="other", Targets=[{"Id": "q", "Arn": arn}])
    event = uploaded("x", source="orders")
    events.publish(event)
    (message,) = eventually("the forwarded event", lambda: messages(context, url))
    assert json.loads(message["Body"]) == event


def test_a_schedule_of_a_rule_fires(lane: Lane) -> None:
    context, service, _ = lane
    url, arn = make_queue(context, "ticks")
    eventbridge = client(context, "events")
    rule = eventbridge.put_rule(Name="every-minute", ScheduleExpression="rate(1 minute)")["RuleArn"]
    eventbridge.put_targets(Rule="every-minute", Targets=[{"Id": "q", "Arn": arn}])
    found = eventually("a tick", lambda: messages(context, url))
    sample = json.loads((Path(__file__).parent / "eventbridge-scheduled-event.json").read_text())
    tick = json.loads(found[0]["Body"])
    assert tick.keys() == sample.keys()
    fixed = ("version", "detail-type", "source", "account", "region", "detail")
    assert {key: tick[key] for key in fixed} == {key: sample[key] for key in fixed}
    assert tick["resources"] == [rule]
    eventbridge.disable_rule(Name="every-minute")
    assert service._timetable.waiting() == 0


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return f"{error.value.response['Error']['Code']}: {error.value.response['Error']['Message']}"


def test_refused_rules_and_targets(lane: Lane) -> None:
    context, _, _ = lane
    eventbridge = client(context, "events")
    assert refused(eventbridge.put_rule, Name="bad", EventPattern='{"a": [{"nope": 1}]}') == (
        "InvalidEventPatternException: Event pattern is not valid. Reason: Unrecognized match type nope"
    )
    eventbridge.put_rule(Name="r", EventPattern='{"source": ["a"]}')

    def put(**target: Any) -> str:
        return refused(eventbridge.put_targets, Rule="r", Targets=[{"Id": "t", "Arn": QUEUE, **target}])

    assert put() == f"ValidationException: RoleArn is required for target {QUEUE}."
    transformer = {"InputPathsMap": {}, "InputTemplate": '"<x>"'}
    assert put(InputTransformer=transformer) == (
        "ValidationException: InputTemplate for target t contains invalid placeholder x."
    )
    assert put(Input="{}", InputPath="$.a") == (
        "ValidationException: Only one of Input, InputPath, or InputTransformer must be provided for target t."
    )
    many = [{"Id": str(n), "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{n}"} for n in range(6)]
    assert refused(eventbridge.put_targets, Rule="r", Targets=many).startswith("LimitExceededException")


def test_patterns_can_be_tried_and_buses_updated(lane: Lane) -> None:
    context, _, _ = lane
    eventbridge = client(context, "events")
    event = json.dumps(uploaded("photos/a.jpg"))
    pattern = '{"detail": {"object": {"key": [{"wildcard": "photos/*.jpg"}]}}}'
    assert eventbridge.test_event_pattern(EventPattern=pattern, Event=event)["Result"] is True
    assert eventbridge.test_event_pattern(EventPattern='{"source": ["x"]}', Event=event)["Result"] is False
    eventbridge.create_event_bus(Name="mine", Description="before")
    eventbridge.update_event_bus(Name="mine", Description="after")
    assert eventbridge.describe_event_bus(Name="mine")["Description"] == "after"


def test_a_published_event_without_an_eventbridge_does_not_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_installed", None)
    events.publish({"detail-type": "lost"})
