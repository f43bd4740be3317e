"""SQS: queues and their policies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from local.providers.aws.attributes import Attributes, attribute_changes, from_attributes, to_attributes
from local.providers.aws.calls import found_or_none, json_text, retag
from local.providers.framework import AutoName, Context, Invoke, Props, ResourceType, name_prefix

_ABSENT = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")

_QUEUE: Attributes = {
    "contentBasedDeduplication": ("ContentBasedDeduplication", bool),
    "deduplicationScope": ("DeduplicationScope", str),
    "delaySeconds": ("DelaySeconds", int),
    "fifoQueue": ("FifoQueue", bool),
    "fifoThroughputLimit": ("FifoThroughputLimit", str),
    "kmsDataKeyReusePeriodSeconds": ("KmsDataKeyReusePeriodSeconds", int),
    "kmsMasterKeyId": ("KmsMasterKeyId", str),
    "maxMessageSize": ("MaximumMessageSize", int),
    "messageRetentionSeconds": ("MessageRetentionPeriod", int),
    "policy": ("Policy", str),
    "receiveWaitTimeSeconds": ("ReceiveMessageWaitTimeSeconds", int),
    "redriveAllowPolicy": ("RedriveAllowPolicy", str),
    "redrivePolicy": ("RedrivePolicy", str),
    "sqsManagedSseEnabled": ("SqsManagedSseEnabled", bool),
    "visibilityTimeoutSeconds": ("VisibilityTimeout", int),
}
# what the service leaves out of its answer
_UNSAID: dict[str, Any] = {
    "contentBasedDeduplication": False,
    "deduplicationScope": "",
    "fifoQueue": False,
    "fifoThroughputLimit": "",
    "kmsDataKeyReusePeriodSeconds": 300,
    "kmsMasterKeyId": "",
    "policy": "",
    "redriveAllowPolicy": "",
    "redrivePolicy": "",
    "sqsManagedSseEnabled": False,
}
_FIFO_ONLY = ("FifoQueue", "ContentBasedDeduplication")


def _create_queue(context: Context, inputs: Props) -> str:
    client = context.client("sqs")
    name = context.physical_name(inputs)
    attributes = to_attributes(_QUEUE, inputs)
    if not inputs.get("fifoQueue"):
        for attribute in _FIFO_ONLY:  # the service refuses these words on a standard queue
            attributes.pop(attribute, None)
    elif not name.endswith(".fifo"):
        name += ".fifo"
    answer = client.create_queue(QueueName=name, Attributes=attributes, tags=inputs.get("tagsAll") or {})
    return str(answer["QueueUrl"])


def _read_queue(context: Context, url: str, known: Props) -> Props | None:
    client = context.client("sqs")
    answer = found_or_none(lambda: client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]), *_ABSENT)
    if answer is None:
        return None
    attributes = answer["Attributes"]
    name = attributes["QueueArn"].rsplit(":", 1)[-1]
    return {
        **_UNSAID,
        **from_attributes(_QUEUE, attributes),
        "name": name,
        "namePrefix": name_prefix(name.removesuffix(".fifo")),
        "url": url,
        "arn": attributes["QueueArn"],
        "tagsAll": client.list_queue_tags(QueueUrl=url).get("Tags", {}),
    }


def _update_queue(context: Context, url: str, old: Props, new: Props) -> None:
    client = context.client("sqs")
    changes = attribute_changes(_QUEUE, context.changed, new)
    if changes:
        client.set_queue_attributes(QueueUrl=url, Attributes=changes)
    retag(
        old,
        new,
        add=lambda tags: client.tag_queue(QueueUrl=url, Tags=tags),
        remove=lambda keys: client.untag_queue(QueueUrl=url, TagKeys=keys),
    )


def _delete_queue(context: Context, url: str, state: Props) -> None:
    client = context.client("sqs")
    client.delete_queue(QueueUrl=url)
    context.wait(
        f"SQS Queue ({url}) delete",
        lambda: _read_queue(context, url, state) is None or None,
        timeout_s=180,
    )


def _queue_problems(inputs: Props) -> Iterable[str]:
    name, fifo = inputs.get("name"), bool(inputs.get("fifoQueue"))
    pattern = r"[0-9A-Za-z_-]{1,75}\.fifo" if fifo else r"[0-9A-Za-z_-]{1,80}"
    if name and not re.fullmatch(pattern, name):
        allowed = "75 letters, digits, - and _, then .fifo" if fifo else "80 letters, digits, - and _"
        yield f"invalid queue name: {name}; allowed: at most {allowed}"
    if inputs.get("contentBasedDeduplication") and not fifo:
        yield "content-based deduplication can only be set for FIFO queue"


def _put_policy(context: Context, url: str, policy: str) -> None:
    context.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})


def _create_policy(context: Context, inputs: Props) -> str:
    _put_policy(context, inputs["queueUrl"], json_text(inputs["policy"]))
    return str(inputs["queueUrl"])


def _read_policy(context: Context, url: str, known: Props) -> Props | None:
    client = context.client("sqs")
    answer = found_or_none(lambda: client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]), *_ABSENT)
    policy = (answer or {}).get("Attributes", {}).get("Policy")
    return {"queueUrl": url, "policy": policy} if policy else None


def _update_policy(context: Context, url: str, old: Props, new: Props) -> None:
    _put_policy(context, url, json_text(new["policy"]))


def _delete_policy(context: Context, url: str, state: Props) -> None:
    _put_policy(context, url, "")


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:sqs/queue:Queue",
        label="SQS Queue",
        inputs=frozenset({"name", "namePrefix", *_QUEUE}),
        outputs=frozenset({"arn", "url"}),
        computed=frozenset(
            {
                "name",
                "namePrefix",
                "deduplicationScope",
                "fifoThroughputLimit",
                "kmsDataKeyReusePeriodSeconds",
                "policy",
                "redriveAllowPolicy",
                "redrivePolicy",
                "sqsManagedSseEnabled",
            }
        ),
        defaults={
            "contentBasedDeduplication": False,
            "delaySeconds": 0,
            "fifoQueue": False,
            "maxMessageSize": 262144,
            "messageRetentionSeconds": 345600,
            "receiveWaitTimeSeconds": 0,
            "visibilityTimeoutSeconds": 30,
        },
        auto_name=AutoName(max_length=80, suffix=lambda inputs: ".fifo" if inputs.get("fifoQueue") else ""),
        replace=frozenset({"name", "namePrefix", "fifoQueue"}),
        policies=frozenset({"policy"}),
        json=frozenset({"redrivePolicy", "redriveAllowPolicy"}),
        at_most_one_of=(("kmsMasterKeyId", "sqsManagedSseEnabled"), ("name", "namePrefix")),
        problems=_queue_problems,
        tags=True,
        create=_create_queue,
        read=_read_queue,
        update=_update_queue,
        delete=_delete_queue,
    ),
    ResourceType(
        token="aws:sqs/queuePolicy:QueuePolicy",
        label="SQS Queue Policy",
        inputs=frozenset({"queueUrl", "policy"}),
        required=frozenset({"queueUrl", "policy"}),
        replace=frozenset({"queueUrl"}),
        policies=frozenset({"policy"}),
        create=_create_policy,
        read=_read_policy,
        update=_update_policy,
        delete=_delete_policy,
    ),
]
INVOKES: list[Invoke] = []
