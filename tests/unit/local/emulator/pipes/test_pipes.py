"""Pipes: one message a job, nothing lost, and what makes no job ends in the dead-letter queue with its reason."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.core.utils import unix_time_millis
from moto.sqs import models as sqs_models

from local.emulator import pipes
from local.emulator.context import EmulatorContext
from local.emulator.pipes.execution import ExecutionError, event_of, function_input, submission
from local.emulator.pipes.queues import IN_FLIGHT_LEAST_S
from tests.unit.local.emulator.moto_server import ACCOUNT, REGION, client, eventually, make_role, messages, serving
from tests.unit.local.emulator.pipes.fake_lambda import FUNCTION, FakeLambda

QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/standard"
DEFINITION = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/load"
SOURCE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/pipes/orders"


class FakeBatch:
    def __init__(self) -> None:
        self.submitted: list[dict[str, Any]] = []
        self.throttled = 0
        self.service: Any = None

    def submit_job(self, **job: Any) -> None:
        if self.throttled:
            self.throttled -= 1
            answer: Any = {
                "Error": {"Code": "ThrottlingException", "Message": "Slow down"},
                "ResponseMetadata": {"HTTPStatusCode": 429},
            }
            raise ClientError(answer, "SubmitJob")
        self.submitted.append(job)

    @property
    def orders(self) -> list[str]:
        return [job["parameters"]["order"] for job in self.submitted]


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[tuple[EmulatorContext, FakeBatch, str, str]]:
    """A server with a queue, its dead-letter queue (after two receives) and the log; (…, queue URL, DLQ URL)."""
    with serving(tmp_path, [pipes.install], second_scale=0.01) as (context, (service,)):
        batch = FakeBatch()
        service._clients._clients["batch"] = batch
        sqs = client(context, "sqs")
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead", "maxReceiveCount": 2}
        url = sqs.create_queue(QueueName="orders", Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]
        client(context, "logs").create_log_group(logGroupName="/pipes/orders")
        batch.service = service
        yield context, batch, url, dead


def make_pipe(context: EmulatorContext, *, actions: tuple[str, ...] = (), **more: Any) -> None:
    reading = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "batch:SubmitJob")
    role = make_role(
        context,
        "pipe",
        service="pipes.amazonaws.com",
        actions=actions or reading,
        resources=[SOURCE, QUEUE, f"{DEFINITION}:*"],
    )
    parameters = {
        "JobDefinition": f"{DEFINITION}:1",
        "JobName": "load",
        "Parameters": {"order": "$.body.order", "id": "$.messageId", "x": "y"},
    }
    given: dict[str, Any] = {
        "Name": "orders",
        "Source": SOURCE,
        "Target": QUEUE,
        "RoleArn": role,
        "SourceParameters": {"SqsQueueParameters": {"BatchSize": 1}},
        "TargetParameters": {"BatchJobParameters": parameters},
        "LogConfiguration": {
            "Level": "ERROR",
            "IncludeExecutionData": ["ALL"],
            "CloudwatchLogsLogDestination": {"LogGroupArn": GROUP},
        },
    }
    client(context, "pipes").create_pipe(**{**given, **more})


def send(context: EmulatorContext, url: str, *bodies: str) -> None:
    for body in bodies:
        client(context, "sqs").send_message(QueueUrl=url, MessageBody=body)


def test_every_message_is_a_job_of_its_own(lane: Any) -> None:
    context, batch, url, dead = lane
    make_pipe(context)
    send(context, url, *(json.dumps({"order": f"a-{number}"}) for number in range(25)))
    eventually("25 jobs", lambda: len(batch.submitted) >= 25)
    assert sorted(batch.orders) == sorted(f"a-{number}" for number in range(25))
    assert batch.submitted[0]["jobQueue"] == QUEUE
    assert batch.submitted[0]["parameters"]["x"] == "y"
    assert messages(context, url) == messages(context, dead) == []


def test_a_poison_message_ends_in_the_dead_letter_queue_and_the_log_says_why(lane: Any) -> None:
    context, batch, url, dead = lane
    make_pipe(context)
    send(context, url, "no JSON", '{"order": "good"}', '{"order": null}')
    arrived: list[dict[str, Any]] = []

    def both() -> bool:
        arrived.extend(messages(context, dead))
        return len(arrived) >= 2

    eventually("two dead letters", both)
    assert sorted(one["Body"] for one in arrived) == ["no JSON", '{"order": null}']
    assert batch.orders == ["good"]
    lines = client(context, "logs").filter_log_events(logGroupName="/pipes/orders")["events"]
    told = [json.loads(line["message"]) for line in lines]
    assert {one["error"]["message"] for one in told} == {"order: the event has nothing at $.body.order"}
    reasons = {json.loads(one["payload"])[0]["messageId"] for one in told}
    assert reasons == {one["MessageId"] for one in arrived}


def test_a_throttled_target_is_tried_again(lane: Any) -> None:
    context, batch, url, dead = lane
    batch.throttled = 1
    make_pipe(context)
    send(context, url, '{"order": "late"}')
    eventually("the job", lambda: batch.orders == ["late"])
    assert messages(context, dead) == []


def test_a_burst_into_a_throttled_target_loses_nothing(lane: Any) -> None:
    context, batch, url, dead = lane
    batch.throttled = 12
    # on a busy machine a message may meet the throttled target more than once
    patient = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead", "maxReceiveCount": 20}
    client(context, "sqs").set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(patient)})
    make_pipe(context)
    send(context, url, *(json.dumps({"order": f"a-{number}"}) for number in range(24)))
    eventually("24 jobs", lambda: len(set(batch.orders)) >= 24)
    assert sorted(batch.orders) == sorted(f"a-{number}" for number in range(24)), "none is lost, none doubled"
    assert messages(context, dead) == []


class Killed(BaseException):
    """The dispatcher is gone, with what it had in its hands."""


@pytest.fixture
def quiet_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)


@pytest.mark.parametrize(("moment", "times"), [("submit", 1), ("delete", 2)])
@pytest.mark.usefixtures("quiet_threads")
def test_a_dispatcher_killed_with_a_message_in_flight_loses_none(
    lane: Any, moment: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the submission it comes once; killed before the deletion twice, and both have its id."""
    context, batch, url, dead = lane
    service = batch.service
    died = threading.Event()

    def dies(*_: Any, **__: Any) -> None:
        died.set()
        raise Killed

    sqs = service._clients("sqs")
    if moment == "submit":
        batch.submit_job = dies
    else:
        sqs.delete_message = dies
    make_pipe(context)
    send(context, url, '{"order": "a"}')
    assert died.wait(240)
    service._thread.join(240)
    assert not service._thread.is_alive()
    assert messages(context, url) == messages(context, dead) == [], "it is in flight"
    for holder, name in ((batch, "submit_job"), (sqs, "delete_message")):
        vars(holder).pop(name, None)
    # SQS's clock, by which the message is visible again
    monkeypatch.setattr(sqs_models, "unix_time_millis", lambda: unix_time_millis() + 1000 * IN_FLIGHT_LEAST_S)
    service._start()
    eventually("the job", lambda: len(batch.submitted) >= times)
    eventually("the deletion", lambda: in_queue(context, url) == 0)
    assert batch.orders == ["a"] * times
    assert len({job["parameters"]["id"] for job in batch.submitted}) == 1
    assert messages(context, dead) == []


def in_queue(context: EmulatorContext, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counted = client(context, "sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(one) for one in counted.values())


def test_the_same_message_sent_twice_is_two_jobs_with_an_id_each(lane: Any) -> None:
    context, batch, url, _ = lane
    make_pipe(context)
    send(context, url, '{"order": "a"}', '{"order": "a"}')
    eventually("two jobs", lambda: len(batch.submitted) >= 2)
    assert batch.orders == ["a", "a"]
    assert len({job["parameters"]["id"] for job in batch.submitted}) == 2


def test_a_filter_lets_only_its_messages_pass_and_takes_the_others_off(lane: Any) -> None:
    context, batch, url, dead = lane
    filters = {"Filters": [{"Pattern": json.dumps({"body": {"paid": [True]}})}]}
    make_pipe(context, SourceParameters={"SqsQueueParameters": {"BatchSize": 1}, "FilterCriteria": filters})
    send(context, url, '{"order": "a", "paid": false}', '{"order": "b", "paid": true}')
    eventually("the job", lambda: batch.orders == ["b"])
    eventually("both are gone", lambda: in_queue(context, url) == 0)
    assert messages(context, dead) == []


def test_a_stopped_pipe_waits_and_goes_on(lane: Any) -> None:
    context, batch, url, _ = lane
    make_pipe(context, DesiredState="STOPPED")
    api = client(context, "pipes")
    assert api.describe_pipe(Name="orders")["CurrentState"] == "STOPPED"
    send(context, url, '{"order": "a"}')
    assert batch.submitted == []
    api.update_pipe(Name="orders", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/pipe", DesiredState="RUNNING")
    eventually("the job", lambda: batch.orders == ["a"])
    api.delete_pipe(Name="orders")
    send(context, url, '{"order": "b"}')
    assert [one["Body"] for one in eventually("the message", lambda: messages(context, url))] == ['{"order": "b"}']


def test_a_role_that_may_not_submit_submits_nothing(lane: Any) -> None:
    context, batch, url, dead = lane
    make_pipe(context, actions=("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"))
    send(context, url, '{"order": "a"}')
    eventually("the dead letter", lambda: messages(context, dead))
    assert batch.submitted == []


MESSAGE = {"MessageId": "m", "ReceiptHandle": "r", "Body": '{"order": 3, "items": [1], "deep": {"x": "y"}}'}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.body.order", "3"),
        ("$.body.deep.x", "y"),
        ("$.body.items[0]", "1"),
        ("$.body", MESSAGE["Body"]),
        ("$.messageId", "m"),
        ("plain $.body", "plain $.body"),
    ],
)
def test_a_path_is_a_whole_value(path: str, value: str) -> None:
    event = event_of(MESSAGE, queue_arn=SOURCE, region=REGION)
    given = {"JobDefinition": "d", "JobName": "n", "Parameters": {"a": path}, "ArrayProperties": {"Size": 4}}
    assert submission(given, queue_arn=QUEUE, event=event) == {
        "jobName": "n",
        "jobQueue": QUEUE,
        "jobDefinition": "d",
        "parameters": {"a": value},
        "arrayProperties": {"size": 4},
    }


@pytest.mark.parametrize("path", ["$.body.none", "$.body.items", "$.body.deep", "$.body[?(@)]"])
def test_a_path_to_nothing_fails(path: str) -> None:
    event = event_of(MESSAGE, queue_arn=SOURCE, region=REGION)
    with pytest.raises(ExecutionError, match=r"^a: "):
        submission({"JobDefinition": "d", "JobName": "n", "Parameters": {"a": path}}, queue_arn=QUEUE, event=event)


def test_a_message_starts_a_function_with_a_list_of_one(tmp_path: Path) -> None:
    with serving(tmp_path, [pipes.install], second_scale=0.01) as (context, (service,)):
        service._clients._clients["lambda"] = functions = FakeLambda()
        url = client(context, "sqs").create_queue(QueueName="orders")["QueueUrl"]
        actions = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "lambda:InvokeFunction")
        role = make_role(context, "pipe", service="pipes.amazonaws.com", actions=actions, resources=[SOURCE, FUNCTION])
        client(context, "pipes").create_pipe(
            Name="orders",
            Source=SOURCE,
            Target=FUNCTION,
            RoleArn=role,
            TargetParameters={
                "InputTemplate": '{"parameters":{"order":<$.body.order>,"mode":"paid"}}',
                "LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"},
            },
        )
        client(context, "sqs").send_message(QueueUrl=url, MessageBody='{"order": "a \\"b\\""}')
        (call,) = eventually("a start", lambda: functions.started)
    assert (call["FunctionName"], call["InvocationType"]) == ("load", "Event")
    assert json.loads(call["Payload"]) == [{"parameters": {"order": 'a "b"', "mode": "paid"}}]


def test_a_template_without_its_value_fails_the_execution() -> None:
    with pytest.raises(ExecutionError, match=r"the event has nothing at \$\.body\.order"):
        function_input('{"parameters":{"order":<$.body.order>}}', {"body": "{}"})
