"""SQS and SNS: every type's life, and what is particular to each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.local.providers.aws.lifecycle import Life, Object, live
from tests.unit.local.providers.aws.plugin import CheckFailed, Plugin, Refused

QUEUE = "aws:sqs/queue:Queue"
TOPIC = "aws:sns/topic:Topic"


def policy(action: str, resource: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


LIVES = [
    Life(
        token=QUEUE,
        inputs={"visibilityTimeoutSeconds": 60, "tags": {"stage": "a"}},
        changes={"visibilityTimeoutSeconds": 90, "messageRetentionSeconds": 86400, "tags": {"stage": "b", "job": "x"}},
    ),
    Life(token=QUEUE, inputs={"fifoQueue": True, "contentBasedDeduplication": True}, name="ordered"),
    Life(token=QUEUE, inputs={"namePrefix": "jobs-"}, changes={"namePrefix": "other-"}, replaces=("namePrefix",)),
    Life(token=TOPIC, inputs={"displayName": "A"}, changes={"displayName": "B", "tags": {"stage": "b"}}),
    Life(token=TOPIC, inputs={"name": "named-topic"}, changes={"name": "renamed"}, replaces=("name",)),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.short}-{'-'.join(life.inputs)}")
def test_life(plugin: Plugin, life: Life) -> None:
    live(plugin, life)


def test_queue_policy(plugin: Plugin) -> None:
    queue = Object.make(plugin, QUEUE, {}, "with-policy")
    arn = queue.state["arn"]
    live(
        plugin,
        Life(
            token="aws:sqs/queuePolicy:QueuePolicy",
            inputs={"queueUrl": queue.id, "policy": policy("sqs:SendMessage", arn)},
            changes={"policy": policy("sqs:*", arn)},
        ),
    )
    # a policy of its own resource is no difference of the queue
    assert not queue.diff({}).diffs


def test_topic_policy_and_subscription(plugin: Plugin) -> None:
    topic = Object.make(plugin, TOPIC, {}, "with-policy")
    queue = Object.make(plugin, QUEUE, {}, "subscribed")
    default = topic.state["policy"]
    with_policy = Object.make(
        plugin,
        "aws:sns/topicPolicy:TopicPolicy",
        {"arn": topic.id, "policy": policy("sns:Publish", topic.id)},
    )
    assert with_policy.state["owner"] == "123456789012"
    assert not topic.diff({}).diffs
    with_policy.delete()
    topic.refresh()
    assert json.loads(topic.state["policy"]) == json.loads(default)

    live(
        plugin,
        Life(
            token="aws:sns/topicSubscription:TopicSubscription",
            inputs={"topic": topic.id, "protocol": "sqs", "endpoint": queue.state["arn"], "rawMessageDelivery": True},
            changes={"rawMessageDelivery": False, "filterPolicy": json.dumps({"kind": ["a"]})},
        ),
    )


def test_an_automatic_fifo_name_ends_in_fifo_and_stays(plugin: Plugin) -> None:
    queue = Object.make(plugin, QUEUE, {"fifoQueue": True}, "line")
    assert queue.state["name"].startswith("line-")
    assert queue.state["name"].endswith(".fifo")
    assert plugin.check(QUEUE, "line", {"fifoQueue": True}, queue.inputs)["name"] == queue.state["name"]


def test_what_another_changed_is_a_difference_after_a_refresh(plugin: Plugin, service: Callable[[str], Any]) -> None:
    queue = Object.make(plugin, QUEUE, {"delaySeconds": 5}, "drifting")
    service("sqs").set_queue_attributes(QueueUrl=queue.id, Attributes={"DelaySeconds": "7"})
    service("sqs").tag_queue(QueueUrl=queue.id, Tags={"by": "hand"})
    assert queue.refresh()
    assert set(queue.diff({"delaySeconds": 5}).detailedDiff) == {"delaySeconds", "tags.by", "tagsAll.by"}
    service("sqs").delete_queue(QueueUrl=queue.id)
    assert not queue.refresh()


def test_an_existing_topic_is_not_adopted(plugin: Plugin) -> None:
    Object.make(plugin, TOPIC, {"name": "taken"}, "first")
    with pytest.raises(Refused, match=r"creating SNS Topic \(taken\): SNS Topic \(taken\) already exists"):
        Object.make(plugin, TOPIC, {"name": "taken"}, "second")


def test_an_impossible_queue_name_is_refused_by_check(plugin: Plugin) -> None:
    with pytest.raises(CheckFailed, match=r"invalid queue name: a b"):
        plugin.check(QUEUE, "thing", {"name": "a b"})
    with pytest.raises(CheckFailed, match="kmsMasterKeyId, sqsManagedSseEnabled conflict"):
        plugin.check(QUEUE, "thing", {"kmsMasterKeyId": "k", "sqsManagedSseEnabled": True})


def test_removing_an_attribute_empties_it(plugin: Plugin, service: Callable[[str], Any]) -> None:
    queue = Object.make(plugin, QUEUE, {"kmsMasterKeyId": "alias/aws/sqs"}, "keyed")
    assert set(queue.diff({}).diffs) == {"kmsMasterKeyId"}
    queue.update({})
    found = service("sqs").get_queue_attributes(QueueUrl=queue.id, AttributeNames=["All"])["Attributes"]
    assert not found.get("KmsMasterKeyId")
