"""SNS to queues: the queue's policy decides, the filter too, and what can't be delivered is a dead letter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.emulator import sns
from local.emulator.context import EmulatorContext
from tests.unit.local.emulator.moto_server import ACCOUNT, REGION, VERSION, client, messages, serving

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:orders"
OTHER = f"arn:aws:sns:{REGION}:{ACCOUNT}:others"


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[EmulatorContext]:
    with serving(tmp_path, [sns.install]) as (context, _):
        for name in ("orders", "others"):
            client(context, "sns").create_topic(Name=name)
        yield context


def queue(lane: EmulatorContext, name: str, admits: str | None = TOPIC) -> tuple[str, str]:
    """URL and ARN of a queue that takes messages of one topic, or of none."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": [admits]}},
    }
    policy = json.dumps({"Version": VERSION, "Statement": [statement]})
    attributes = {} if admits is None else {"Policy": policy}
    return client(lane, "sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"], arn


def subscribe(lane: EmulatorContext, queue_arn: str, **attributes: str) -> None:
    client(lane, "sns").subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=queue_arn, Attributes=attributes)


def publish(lane: EmulatorContext, text: str, **attributes: str) -> None:
    sent = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    client(lane, "sns").publish(TopicArn=TOPIC, Message=text, MessageAttributes=sent)


def bodies(lane: EmulatorContext, url: str) -> list[str]:
    return [one["Body"] for one in messages(lane, url)]


def test_a_raw_delivery_is_the_message_with_its_attributes(lane: EmulatorContext) -> None:
    url, arn = queue(lane, "raw")
    subscribe(lane, arn, RawMessageDelivery="true")
    publish(lane, '{"order": 1}', kind="paid")
    (got,) = messages(lane, url)
    assert got["Body"] == '{"order": 1}'
    assert got["MessageAttributes"] == {"kind": {"DataType": "String", "StringValue": "paid"}}


@pytest.mark.parametrize("attributes", [{}, {"RawMessageDelivery": "false"}])
def test_any_other_delivery_is_an_envelope(lane: EmulatorContext, attributes: dict[str, str]) -> None:
    url, arn = queue(lane, "enveloped")
    subscribe(lane, arn, **attributes)
    publish(lane, "x")
    (body,) = bodies(lane, url)
    assert (json.loads(body)["Message"], json.loads(body)["TopicArn"]) == ("x", TOPIC)


def test_a_filter_keeps_out_what_it_does_not_name(lane: EmulatorContext) -> None:
    url, arn = queue(lane, "filtered")
    subscribe(lane, arn, RawMessageDelivery="true", FilterPolicy=json.dumps({"kind": ["paid"]}))
    publish(lane, "none")
    publish(lane, "other", kind="open")
    publish(lane, "this", kind="paid")
    assert bodies(lane, url) == ["this"]


@pytest.mark.parametrize("admits", [None, OTHER])
def test_a_queue_that_does_not_admit_the_topic_gets_nothing(lane: EmulatorContext, admits: str | None) -> None:
    url, arn = queue(lane, "closed", admits)
    subscribe(lane, arn, RawMessageDelivery="true")
    publish(lane, "x")
    assert bodies(lane, url) == []


def redriven(lane: EmulatorContext, arn: str, dead_arn: str) -> None:
    subscribe(lane, arn, RawMessageDelivery="true", RedrivePolicy=json.dumps({"deadLetterTargetArn": dead_arn}))


def test_what_a_queue_refuses_is_a_dead_letter(lane: EmulatorContext) -> None:
    url, arn = queue(lane, "closed", OTHER)
    dead_url, dead_arn = queue(lane, "dead")
    redriven(lane, arn, dead_arn)
    publish(lane, "x")
    assert (bodies(lane, url), bodies(lane, dead_url)) == ([], ["x"])


def test_a_message_with_too_many_attributes_is_a_dead_letter(lane: EmulatorContext) -> None:
    url, arn = queue(lane, "open")
    dead_url, dead_arn = queue(lane, "dead")
    redriven(lane, arn, dead_arn)
    publish(lane, "ten", **{f"a{number}": "x" for number in range(10)})
    publish(lane, "eleven", **{f"a{number}": "x" for number in range(11)})
    assert (bodies(lane, url), bodies(lane, dead_url)) == (["ten"], ["eleven"])


def test_a_queue_that_is_gone_costs_no_message_where_there_are_dead_letters(lane: EmulatorContext) -> None:
    url, arn = queue(lane, "gone")
    dead_url, dead_arn = queue(lane, "dead")
    redriven(lane, arn, dead_arn)
    client(lane, "sqs").delete_queue(QueueUrl=url)
    publish(lane, "x")
    assert bodies(lane, dead_url) == ["x"]


def test_a_topic_takes_messages_whatever_becomes_of_them(lane: EmulatorContext) -> None:
    _, arn = queue(lane, "closed", OTHER)
    subscribe(lane, arn)
    sent: Any = client(lane, "sns").publish(TopicArn=TOPIC, Message="x")
    assert sent["MessageId"]
