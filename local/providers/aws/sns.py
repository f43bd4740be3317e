"""SNS: topics, their policies and subscriptions."""

from __future__ import annotations

import json

from local.providers.aws.attributes import attribute_changes, from_attributes, to_attributes
from local.providers.aws.calls import found_or_none, json_text, retag, tag_list, tag_map
from local.providers.framework import (
    AutoName,
    Context,
    Invoke,
    Props,
    ProviderError,
    ResourceType,
    code_of,
    name_prefix,
)

_ABSENT = ("NotFound", "NotFoundException")


def _feedback(protocol: str) -> dict[str, tuple[str, type]]:
    name = protocol[0].upper() + protocol[1:]
    return {
        f"{protocol}FailureFeedbackRoleArn": (f"{name}FailureFeedbackRoleArn", str),
        f"{protocol}SuccessFeedbackRoleArn": (f"{name}SuccessFeedbackRoleArn", str),
        f"{protocol}SuccessFeedbackSampleRate": (f"{name}SuccessFeedbackSampleRate", int),
    }


# Pulumi's property -> (attribute of the service, its kind); the service keeps every attribute as text
_TOPIC: dict[str, tuple[str, type]] = {
    "archivePolicy": ("ArchivePolicy", str),
    "contentBasedDeduplication": ("ContentBasedDeduplication", bool),
    "deliveryPolicy": ("DeliveryPolicy", str),
    "displayName": ("DisplayName", str),
    "fifoThroughputScope": ("FifoThroughputScope", str),
    "fifoTopic": ("FifoTopic", bool),
    "kmsMasterKeyId": ("KmsMasterKeyId", str),
    "policy": ("Policy", str),
    "signatureVersion": ("SignatureVersion", int),
    "tracingConfig": ("TracingConfig", str),
    **_feedback("application"),
    **_feedback("firehose"),
    **_feedback("http"),
    **_feedback("lambda"),
    **_feedback("sqs"),
}
_SUBSCRIPTION: dict[str, tuple[str, type]] = {
    "deliveryPolicy": ("DeliveryPolicy", str),
    "filterPolicy": ("FilterPolicy", str),
    "filterPolicyScope": ("FilterPolicyScope", str),
    "rawMessageDelivery": ("RawMessageDelivery", bool),
    "redrivePolicy": ("RedrivePolicy", str),
    "replayPolicy": ("ReplayPolicy", str),
    "subscriptionRoleArn": ("SubscriptionRoleArn", str),
}


# --- topics ---


def _create_topic(context: Context, inputs: Props) -> str:
    client = context.client("sns")
    name = context.physical_name(inputs)
    if inputs.get("fifoTopic") and not name.endswith(".fifo"):
        name += ".fifo"
    arn = f"arn:{context.partition}:sns:{context.region}:{context.account}:{name}"
    # AWS itself hands an existing topic back; the plugin refuses to adopt it
    if found_or_none(lambda: client.get_topic_attributes(TopicArn=arn), *_ABSENT) is not None:
        raise ProviderError(f"SNS Topic ({name}) already exists")
    attributes = to_attributes(_TOPIC, inputs)
    if not inputs.get("fifoTopic"):
        attributes.pop("FifoTopic", None)  # the service refuses the word on a standard topic
    return str(client.create_topic(Name=name, Attributes=attributes, Tags=tag_list(inputs.get("tagsAll")))["TopicArn"])


def _read_topic(context: Context, arn: str, known: Props) -> Props | None:
    client = context.client("sns")
    answer = found_or_none(lambda: client.get_topic_attributes(TopicArn=arn), *_ABSENT)
    if answer is None:
        return None
    attributes = answer["Attributes"]
    name = arn.rsplit(":", 1)[-1]
    return {
        "contentBasedDeduplication": False,
        "fifoTopic": False,
        **from_attributes(_TOPIC, attributes),
        "name": name,
        "namePrefix": name_prefix(name.removesuffix(".fifo")),
        "arn": attributes["TopicArn"],
        "owner": attributes["Owner"],
        "beginningArchiveTime": attributes.get("BeginningArchiveTime", ""),
        "tagsAll": tag_map(client.list_tags_for_resource(ResourceArn=arn).get("Tags")),
    }


def _update_topic(context: Context, arn: str, old: Props, new: Props) -> None:
    client = context.client("sns")
    for attribute, value in attribute_changes(_TOPIC, context.changed, new).items():
        client.set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue=value)
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(ResourceArn=arn, Tags=tag_list(tags)),
        remove=lambda keys: client.untag_resource(ResourceArn=arn, TagKeys=keys),
    )


def _delete_topic(context: Context, arn: str, state: Props) -> None:
    context.client("sns").delete_topic(TopicArn=arn)


# --- topic policies ---


def _put_policy(context: Context, arn: str, policy: str) -> None:
    context.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


def _create_policy(context: Context, inputs: Props) -> str:
    _put_policy(context, inputs["arn"], json_text(inputs["policy"]))
    return str(inputs["arn"])


def _read_policy(context: Context, arn: str, known: Props) -> Props | None:
    answer = found_or_none(lambda: context.client("sns").get_topic_attributes(TopicArn=arn), *_ABSENT)
    if answer is None or not answer["Attributes"].get("Policy"):
        return None
    attributes = answer["Attributes"]
    return {"arn": attributes["TopicArn"], "policy": attributes["Policy"], "owner": attributes["Owner"]}


def _update_policy(context: Context, arn: str, old: Props, new: Props) -> None:
    _put_policy(context, arn, json_text(new["policy"]))


def _delete_policy(context: Context, arn: str, state: Props) -> None:
    """A topic always has a policy: what is left is the one every new topic gets, for its owner alone."""
    _put_policy(context, arn, _owner_policy(arn, state["owner"]))


def _owner_policy(arn: str, owner: str) -> str:
    return json.dumps(
        {
            "Version": "2008-10-17",
            "Id": "__default_policy_ID",
            "Statement": [
                {
                    "Sid": "__default_statement_ID",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": [
                        "SNS:GetTopicAttributes",
                        "SNS:SetTopicAttributes",
                        "SNS:AddPermission",
                        "SNS:RemovePermission",
                        "SNS:DeleteTopic",
                        "SNS:Subscribe",
                        "SNS:ListSubscriptionsByTopic",
                        "SNS:Publish",
                    ],
                    "Resource": arn,
                    "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
                }
            ],
        }
    )


# --- subscriptions ---


def _create_subscription(context: Context, inputs: Props) -> str:
    answer = context.client("sns").subscribe(
        TopicArn=inputs["topic"],
        Protocol=inputs["protocol"],
        Endpoint=inputs["endpoint"],
        Attributes=to_attributes(_SUBSCRIPTION, inputs),
        ReturnSubscriptionArn=True,
    )
    arn = str(answer["SubscriptionArn"])
    context.created(arn)
    by_hand = inputs["protocol"].startswith(("email", "http")) and not inputs.get("endpointAutoConfirms")
    if not by_hand:
        _wait_for_confirmation(context, arn, float(inputs.get("confirmationTimeoutInMinutes") or 1))
    return arn


def _wait_for_confirmation(context: Context, arn: str, minutes: float) -> None:
    def confirmed() -> bool | None:
        subscription = _read_subscription(context, arn, {})
        return True if subscription is None or not subscription["pendingConfirmation"] else None

    context.wait(f"SNS Topic Subscription ({arn}) confirmation", confirmed, timeout_s=60 * max(minutes, 2))


def _read_subscription(context: Context, arn: str, known: Props) -> Props | None:
    answer = found_or_none(lambda: context.client("sns").get_subscription_attributes(SubscriptionArn=arn), *_ABSENT)
    if answer is None:
        return None
    attributes = answer["Attributes"]
    return {
        **{key: "" for key, (_, kind) in _SUBSCRIPTION.items() if kind is str},
        "rawMessageDelivery": False,
        **from_attributes(_SUBSCRIPTION, attributes),
        "topic": attributes["TopicArn"],
        "protocol": attributes["Protocol"],
        "endpoint": attributes["Endpoint"],
        "arn": attributes["SubscriptionArn"],
        "ownerId": attributes["Owner"],
        "pendingConfirmation": attributes.get("PendingConfirmation") == "true",
        "confirmationWasAuthenticated": attributes.get("ConfirmationWasAuthenticated") == "true",
    }


def _update_subscription(context: Context, arn: str, old: Props, new: Props) -> None:
    client = context.client("sns")
    for attribute, value in attribute_changes(_SUBSCRIPTION, context.changed, new).items():
        client.set_subscription_attributes(SubscriptionArn=arn, AttributeName=attribute, AttributeValue=value)


def _delete_subscription(context: Context, arn: str, state: Props) -> None:
    if state.get("pendingConfirmation"):
        return  # AWS offers no way to take an unconfirmed subscription back: it lapses by itself
    try:
        context.client("sns").unsubscribe(SubscriptionArn=arn)
    except Exception as error:
        if code_of(error) != "InvalidParameter":  # what SNS says of a subscription whose topic is gone
            raise


RESOURCES: list[ResourceType] = [
    ResourceType(
        token="aws:sns/topic:Topic",
        label="SNS Topic",
        inputs=frozenset({"name", "namePrefix", *_TOPIC}),
        outputs=frozenset({"arn", "owner", "beginningArchiveTime"}),
        computed=frozenset(
            {"name", "namePrefix", "policy", "fifoThroughputScope", "signatureVersion", "tracingConfig"}
        ),
        defaults={"fifoTopic": False},
        auto_name=AutoName(max_length=80, suffix=lambda inputs: ".fifo" if inputs.get("fifoTopic") else ""),
        replace=frozenset({"name", "namePrefix", "fifoTopic"}),
        policies=frozenset({"policy"}),
        json=frozenset({"deliveryPolicy", "archivePolicy"}),
        at_most_one_of=(("name", "namePrefix"),),
        tags=True,
        create=_create_topic,
        read=_read_topic,
        update=_update_topic,
        delete=_delete_topic,
    ),
    ResourceType(
        token="aws:sns/topicPolicy:TopicPolicy",
        label="SNS Topic Policy",
        inputs=frozenset({"arn", "policy"}),
        required=frozenset({"arn", "policy"}),
        outputs=frozenset({"owner"}),
        replace=frozenset({"arn"}),
        policies=frozenset({"policy"}),
        create=_create_policy,
        read=_read_policy,
        update=_update_policy,
        delete=_delete_policy,
    ),
    ResourceType(
        token="aws:sns/topicSubscription:TopicSubscription",
        label="SNS Topic Subscription",
        inputs=frozenset(
            {"topic", "protocol", "endpoint", "confirmationTimeoutInMinutes", "endpointAutoConfirms", *_SUBSCRIPTION}
        ),
        required=frozenset({"topic", "protocol", "endpoint"}),
        outputs=frozenset({"arn", "ownerId", "pendingConfirmation", "confirmationWasAuthenticated"}),
        computed=frozenset({"filterPolicyScope"}),
        defaults={"confirmationTimeoutInMinutes": 1, "endpointAutoConfirms": False, "rawMessageDelivery": False},
        replace=frozenset({"topic", "protocol", "endpoint"}),
        json=frozenset({"filterPolicy", "redrivePolicy", "deliveryPolicy", "replayPolicy"}),
        not_read=frozenset({"confirmationTimeoutInMinutes", "endpointAutoConfirms"}),
        create=_create_subscription,
        read=_read_subscription,
        update=_update_subscription,
        delete=_delete_subscription,
    ),
]
INVOKES: list[Invoke] = []
