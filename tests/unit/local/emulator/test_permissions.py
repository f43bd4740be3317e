from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.emulator.context import EmulatorContext
from local.emulator.permissions import queue_refusal, role_refusal, topic_refusal
from tests.unit.local.emulator.moto_server import (
    ACCOUNT,
    REGION,
    VERSION,
    client,
    forget_everything,
    make_role,
    serving,
)

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead-letters"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:failures"
JOB_QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/a"
RULE = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/uploads"
EVENTS = "events.amazonaws.com"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorContext]:
    with serving(tmp_path_factory.mktemp("lane"), []) as (context, _):
        yield context


@pytest.fixture
def lane(server: EmulatorContext) -> Iterator[EmulatorContext]:
    yield server
    forget_everything()


def can(role: str, resource: str | tuple[str, ...], *, service: str = EVENTS, action: str = "batch:SubmitJob") -> bool:
    return role_refusal(role, service=service, action=action, resources=[resource]) is None


def test_roles_need_trust_and_permission(lane: EmulatorContext) -> None:
    role = make_role(
        lane,
        "trigger",
        service=EVENTS,
        actions=["batch:Submit*"],
        resources=["arn:aws:batch:us-east-1:123456789012:job-definition/a:*"],
    )
    definition = "arn:aws:batch:us-east-1:123456789012:job-definition/a"
    assert can(role, f"{definition}:3")
    assert can(role, (definition, f"{definition}:1"))
    assert not can(role, definition)
    assert not can(role, f"{definition}b:3")
    assert not can(role, f"{definition}:3", action="batch:CancelJob")
    assert not can(role, f"{definition}:3", service="scheduler.amazonaws.com")
    assert not can(role.replace("trigger", "nobody"), f"{definition}:3")
    assert not can("", f"{definition}:3")


def test_a_trust_policy_may_ask_for_the_source(lane: EmulatorContext) -> None:
    role = make_role(lane, "trigger", service=EVENTS, actions=["batch:SubmitJob"], resources=[JOB_QUEUE])
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": EVENTS},
        "Action": "sts:AssumeRole",
        "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
    }
    document = json.dumps({"Version": VERSION, "Statement": [trust]})
    client(lane, "iam").update_assume_role_policy(RoleName="trigger", PolicyDocument=document)

    def refused(source_arn: str) -> str | None:
        return role_refusal(
            role, service=EVENTS, action="batch:SubmitJob", resources=[JOB_QUEUE], source_arn=source_arn
        )

    assert refused(RULE) is None
    assert "see its trust policy" in (refused(RULE + "2") or "")


def test_denials_win_and_managed_policies_count(lane: EmulatorContext) -> None:
    iam = client(lane, "iam")
    queue = "arn:aws:batch:us-east-1:123456789012:job-queue/a"
    role = make_role(lane, "trigger", service=EVENTS, actions=["sqs:SendMessage"], resources=[QUEUE])
    assert not can(role, queue)

    def attach(name: str, effect: str) -> None:
        statement = {"Effect": effect, "Action": "batch:SubmitJob", "Resource": queue}
        document = json.dumps({"Version": VERSION, "Statement": statement})
        arn = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="trigger", PolicyArn=arn)

    attach("allowing", "Allow")
    assert can(role, queue)
    attach("denying", "Deny")
    assert not can(role, queue)


def test_a_trust_policy_may_name_the_region(lane: EmulatorContext) -> None:
    stream = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/usage"
    role = make_role(
        lane, "logs", service=f"logs.{REGION}.amazonaws.com", actions=["firehose:PutRecord"], resources=[stream]
    )
    asked: dict[str, Any] = {"service": "logs.amazonaws.com", "action": "firehose:PutRecord", "resources": [stream]}
    assert role_refusal(role, regional_service=True, **asked) is None
    assert role_refusal(role, **asked) is not None


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, False),
        ({"Action": "sqs:ReceiveMessage"}, False),
        ({"Resource": QUEUE + "2"}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"ArnEquals": {"aws:SourceArn": RULE}}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": RULE.replace("uploads", "*")}}}, True),
        ({"Condition": {"ArnEquals": {"aws:SourceArn": RULE + "2"}}}, False),
    ],
)
def test_queue_policies(lane: EmulatorContext, change: dict[str, Any], allowed: bool) -> None:
    sqs = client(lane, "sqs")
    url = sqs.create_queue(QueueName="dead-letters")["QueueUrl"]
    assert queue_refusal(QUEUE, service=EVENTS, source_arn=RULE) is not None
    base = {"Effect": "Allow", "Principal": {"Service": EVENTS}, "Action": "sqs:SendMessage", "Resource": QUEUE}
    policy = json.dumps({"Version": VERSION, "Statement": [{**base, **change}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    assert (queue_refusal(QUEUE, service=EVENTS, source_arn=RULE) is None) is allowed


def test_topic_policies_and_what_does_not_exist(lane: EmulatorContext) -> None:
    assert queue_refusal(QUEUE, service=EVENTS, source_arn=RULE) is None
    assert topic_refusal(TOPIC, service=EVENTS, source_arn=RULE) is None
    sns = client(lane, "sns")
    sns.create_topic(Name="failures")
    assert topic_refusal(TOPIC, service=EVENTS, source_arn=RULE) is not None
    statement = {"Effect": "Allow", "Principal": {"Service": EVENTS}, "Action": "sns:Publish", "Resource": TOPIC}
    policy = json.dumps({"Version": VERSION, "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=policy)
    assert topic_refusal(TOPIC, service=EVENTS, source_arn=RULE) is None
