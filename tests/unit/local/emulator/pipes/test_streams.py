"""Pipes from DynamoDB streams: every change in its order, nothing lost, and what makes no job ends in the dead-letter
queue."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local.emulator import gaps, pipes
from local.emulator.context import EmulatorContext
from local.emulator.gaps import ITERATORS_KEPT
from local.emulator.pipes.streams import READING
from tests.unit.local.emulator.moto_server import ACCOUNT, REGION, client, eventually, make_role, messages, serving
from tests.unit.local.emulator.pipes.fake_lambda import FUNCTION, FakeLambda

QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/standard"
DEFINITION = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/load"
DEAD = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead"
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/pipes/orders"
THROTTLED: Any = {
    "Error": {"Code": "TooManyRequestsException", "Message": "Too Many Requests"},
    "ResponseMetadata": {"HTTPStatusCode": 429},
}


class FakeBatch:
    def __init__(self) -> None:
        self.submitted: list[dict[str, Any]] = []
        self.faults: list[BaseException] = []

    def submit_job(self, **job: Any) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.submitted.append(job)

    @property
    def orders(self) -> list[str]:
        return [job["parameters"]["order"] for job in self.submitted]


class Shop:
    """A table with a stream, and a pipe from it."""

    def __init__(self, context: EmulatorContext, service: Any) -> None:
        self.context, self.service, self.batch = context, service, FakeBatch()
        service._clients._clients["batch"] = self.batch
        self.table = client(context, "dynamodb")
        made = self.table.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream = made["TableDescription"]["LatestStreamArn"]
        self.dead = client(context, "sqs").create_queue(QueueName="dead")["QueueUrl"]
        client(context, "logs").create_log_group(logGroupName="/pipes/orders")

    def put(self, *orders: str, **more: Any) -> None:
        for order in orders:
            self.table.put_item(TableName="orders", Item={"id": {"S": order}, **more})

    def letters(self) -> list[dict[str, Any]]:
        return [json.loads(one["Body"]) for one in messages(self.context, self.dead)]

    def reasons(self) -> list[str]:
        lines = client(self.context, "logs").filter_log_events(logGroupName="/pipes/orders")["events"]
        return [json.loads(line["message"])["error"]["message"] for line in lines]

    def state(self) -> tuple[str, str]:
        pipe = client(self.context, "pipes").describe_pipe(Name="orders")
        return pipe["CurrentState"], pipe.get("StateReason", "")

    def pipe(
        self,
        *,
        take: str = "$.dynamodb.NewImage.id.S",
        pattern: Any = None,
        start: str = "LATEST",
        retries: int = 3,
        actions: tuple[str, ...] = (*READING, "batch:SubmitJob", "sqs:SendMessage", "lambda:InvokeFunction"),
        function: bool = False,
        **more: Any,
    ) -> None:
        role = make_role(
            self.context,
            "pipe",
            service="pipes.amazonaws.com",
            actions=actions,
            resources=[self.stream, QUEUE, f"{DEFINITION}:*", DEAD, FUNCTION],
        )
        parameters: dict[str, Any] = {
            "DynamoDBStreamParameters": {
                "StartingPosition": start,
                "BatchSize": 1,
                "MaximumRetryAttempts": retries,
                "DeadLetterConfig": {"Arn": DEAD},
            }
        }
        if pattern is not None:
            parameters["FilterCriteria"] = {"Filters": [{"Pattern": json.dumps(pattern)}]}
        submitted = {"order": take, "event": "$.eventID"}
        client(self.context, "pipes").create_pipe(
            Name="orders",
            Source=self.stream,
            Target=FUNCTION if function else QUEUE,
            RoleArn=role,
            SourceParameters=parameters,
            TargetParameters={
                "InputTemplate": f'{{"parameters":{{"order":<{take}>}}}}',
                "LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"},
            }
            if function
            else {
                "BatchJobParameters": {"JobDefinition": f"{DEFINITION}:1", "JobName": "load", "Parameters": submitted}
            },
            LogConfiguration={
                "Level": "ERROR",
                "IncludeExecutionData": ["ALL"],
                "CloudwatchLogsLogDestination": {"LogGroupArn": GROUP},
            },
            **more,
        )
        if more.get("DesiredState") != "STOPPED":
            eventually("the pipe's beginning", lambda: self.state()[0] not in ("CREATING", "STARTING"))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with serving(tmp_path, [gaps.install, pipes.install], second_scale=0.01) as (context, (_, service)):
        yield Shop(context, service)


def test_every_change_is_a_job_in_the_order_of_the_changes(shop: Shop) -> None:
    shop.put("before")
    shop.pipe()
    assert shop.state()[0] == "RUNNING"
    wanted = [f"a-{number}" for number in range(120)]
    shop.put(*wanted)
    eventually("all jobs", lambda: len(shop.batch.submitted) >= len(wanted))
    assert shop.batch.orders == wanted
    assert len({job["parameters"]["event"] for job in shop.batch.submitted}) == len(wanted)
    assert shop.batch.submitted[0]["jobQueue"] == QUEUE


def test_a_change_starts_a_function_with_a_list_of_one(shop: Shop) -> None:
    shop.service._clients._clients["lambda"] = functions = FakeLambda()
    shop.pipe(function=True)
    shop.put("a-1")
    (call,) = eventually("a start", lambda: functions.started)
    assert (call["FunctionName"], call["InvocationType"]) == ("load", "Event")
    assert json.loads(call["Payload"]) == [{"parameters": {"order": "a-1"}}]


def test_a_trim_horizon_begins_with_what_the_stream_still_has(shop: Shop) -> None:
    shop.put("before")
    shop.pipe(start="TRIM_HORIZON")
    shop.put("after")
    eventually("both jobs", lambda: len(shop.batch.submitted) >= 2)
    assert shop.batch.orders == ["before", "after"]


def test_only_changes_that_pass_the_filter_are_jobs(shop: Shop) -> None:
    shop.pipe(pattern={"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"status": {"S": ["paid"]}}}})
    shop.put("a", status={"S": "paid"})
    shop.put("b", status={"S": "open"})
    shop.put("b", status={"S": "paid"}, cents={"N": "5"})
    shop.table.delete_item(TableName="orders", Key={"id": {"S": "a"}})
    shop.put("a", status={"S": "open"})
    shop.put("a", status={"S": "paid"})
    eventually("both jobs", lambda: len(shop.batch.submitted) >= 2)
    assert shop.batch.orders == ["b", "a"]


def test_a_poison_change_blocks_its_shard_until_its_place_is_a_dead_letter(shop: Shop) -> None:
    shop.pipe(take="$.dynamodb.NewImage.order.S", retries=2)
    shop.put("good", order={"S": "1"})
    shop.put("poison")
    shop.put("late", order={"S": "2"})
    (letter,) = eventually("the dead letter", shop.letters)
    eventually("the job behind it", lambda: shop.batch.orders == ["1", "2"])
    assert letter["context"]["condition"] == "RetryAttemptsExhausted"
    assert letter["context"]["partnerResourceArn"].endswith(":pipe/orders")
    place = letter["DDBStreamBatchInfo"]
    assert (place["streamArn"], place["batchSize"]) == (shop.stream, 1)
    streams = client(shop.context, "dynamodbstreams")
    at = streams.get_shard_iterator(
        StreamArn=shop.stream,
        ShardId=place["shardId"],
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=place["startSequenceNumber"],
    )["ShardIterator"]
    (record, *_) = streams.get_records(ShardIterator=at)["Records"]
    assert record["dynamodb"]["Keys"] == {"id": {"S": "poison"}}
    assert shop.reasons() == ["order: the event has nothing at $.dynamodb.NewImage.order.S"] * 3


def test_a_throttled_target_is_tried_again_and_the_order_stays(shop: Shop) -> None:
    shop.batch.faults = [ClientError(THROTTLED, "SubmitJob")] * 3
    shop.pipe()
    shop.put("a", "b", "c")
    eventually("three jobs", lambda: len(shop.batch.submitted) >= 3)
    assert shop.batch.orders == ["a", "b", "c"]
    assert shop.letters() == []


def test_a_connection_that_fails_does_not_count_as_a_retry(shop: Shop) -> None:
    shop.batch.faults = [EndpointConnectionError(endpoint_url="http://batch")] * 3
    shop.pipe(retries=0)
    shop.put("a")
    eventually("the job", lambda: shop.batch.orders == ["a"])
    assert shop.letters() == []


class Killed(BaseException):
    """The dispatcher is gone, with what it had in its hands."""


def test_another_dispatcher_goes_on_where_a_killed_one_was(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    shop.pipe()
    shop.put("a")
    eventually("the first", lambda: shop.batch.orders == ["a"])
    shop.batch.faults = [Killed()]
    shop.put("b", "c")
    shop.service._thread.join(240)
    assert not shop.service._thread.is_alive()
    shop.put("d")
    shop.service._streams._open.clear()
    shop.service._start()
    eventually("the rest", lambda: len(shop.batch.submitted) >= 4)
    assert shop.batch.orders == ["a", "b", "c", "d"]


def test_a_stopped_pipe_goes_on_where_it_was(shop: Shop) -> None:
    shop.pipe()
    shop.put("a")
    eventually("the first", lambda: shop.batch.orders == ["a"])
    api, role = client(shop.context, "pipes"), f"arn:aws:iam::{ACCOUNT}:role/pipe"
    api.update_pipe(Name="orders", RoleArn=role, DesiredState="STOPPED")
    assert shop.state()[0] == "STOPPED"
    shop.put("b")
    update = {"DynamoDBStreamParameters": {"BatchSize": 1, "MaximumRetryAttempts": 1}}
    api.update_pipe(Name="orders", RoleArn=role, DesiredState="RUNNING", SourceParameters=update)
    eventually("the second", lambda: shop.batch.orders == ["a", "b"])
    told = api.describe_pipe(Name="orders")["SourceParameters"]["DynamoDBStreamParameters"]
    assert (told["StartingPosition"], told["MaximumRetryAttempts"]) == ("LATEST", 1)


@pytest.mark.parametrize("missing", READING)
def test_a_role_that_may_not_read_fails_the_pipe_and_says_so(shop: Shop, missing: str) -> None:
    shop.pipe(actions=tuple(one for one in (*READING, "batch:SubmitJob") if one != missing))
    state, reason = shop.state()
    assert state == "CREATE_FAILED"
    assert f"is not authorized to perform {missing} on resource {shop.stream}" in reason


def test_a_role_that_may_not_write_dead_letters_leaves_none(shop: Shop) -> None:
    shop.pipe(take="$.dynamodb.NewImage.order.S", retries=0, actions=(*READING, "batch:SubmitJob"))
    shop.put("poison")
    shop.put("good", order={"S": "1"})
    eventually("the job behind it", lambda: shop.batch.orders == ["1"])
    assert shop.letters() == []


def test_a_poller_leaves_no_heap_of_iterators(shop: Shop) -> None:
    streams = client(shop.context, "dynamodbstreams")
    shard_id = streams.describe_stream(StreamArn=shop.stream)["StreamDescription"]["Shards"][0]["ShardId"]
    asked: Any = {"StreamArn": shop.stream, "ShardId": shard_id, "ShardIteratorType": "LATEST"}
    iterator = streams.get_shard_iterator(**asked)["ShardIterator"]
    from moto.dynamodbstreams.models import dynamodbstreams_backends

    backend = dynamodbstreams_backends[ACCOUNT][REGION]
    for _ in range(ITERATORS_KEPT + 5):
        iterator = backend.get_records(iterator, 1)["NextShardIterator"]
    assert len(backend.shard_iterators) == ITERATORS_KEPT
    assert streams.get_records(ShardIterator=iterator)["Records"] == []
