"""EventBridge and EventBridge Scheduler: every type's life, and what is particular to each."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.emulator.context import EmulatorContext
from tests.unit.local.emulator.moto_server import make_role
from tests.unit.local.providers.aws.lifecycle import Life, Object, live
from tests.unit.local.providers.aws.plugin import CheckFailed, Plugin, Refused

BUS = "aws:cloudwatch/eventBus:EventBus"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
SCHEDULE = "aws:scheduler/schedule:Schedule"
GROUP = "aws:scheduler/scheduleGroup:ScheduleGroup"
ROLE = "arn:aws:iam::123456789012:role/trigger"
BATCH_QUEUE = "arn:aws:batch:us-east-1:123456789012:job-queue/standard"
DEAD_LETTERS = "arn:aws:sqs:us-east-1:123456789012:dead"
PATTERN = json.dumps({"source": ["aws.s3"], "detail-type": ["Object Created"]})
TRANSFORMER = {
    "inputPaths": {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"},
    "inputTemplate": '{"Parameters": {"bucket": "<bucket>", "key": "<key>"}}',
}

LIVES = [
    Life(token=BUS, inputs={"name": "jobs"}, changes={"description": "of jobs", "tags": {"stage": "b"}}),
    Life(
        token=RULE,
        inputs={"eventPattern": PATTERN, "tags": {"stage": "a"}},
        changes={"description": "uploads", "state": "DISABLED", "tags": {"stage": "b"}},
    ),
    Life(token=RULE, inputs={"scheduleExpression": "rate(1 day)"}, changes={"scheduleExpression": "rate(2 days)"}),
    Life(
        token=RULE,
        inputs={"namePrefix": "up-", "eventPattern": PATTERN},
        changes={"namePrefix": "other-"},
        replaces=("namePrefix",),
    ),
    Life(token=GROUP, inputs={"tags": {"stage": "a"}}, changes={"tags": {"stage": "b"}}),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.short}-{'-'.join(life.inputs)}")
def test_life(plugin: Plugin, life: Life) -> None:
    live(plugin, life)


@pytest.fixture
def submit(emulator: EmulatorContext) -> dict[str, Any]:
    """A schedule's target: a job of a role that may submit it."""
    role = make_role(
        emulator,
        f"schedule-{secrets.token_hex(4)}",
        service="scheduler.amazonaws.com",
        actions=["batch:SubmitJob"],
        resources=[BATCH_QUEUE],
    )
    job = {"JobName": "a", "JobQueue": BATCH_QUEUE, "JobDefinition": "d"}
    return {"arn": "arn:aws:scheduler:::aws-sdk:batch:submitJob", "roleArn": role, "input": json.dumps(job)}


def test_a_schedule(plugin: Plugin, submit: dict[str, Any]) -> None:
    inputs = {"scheduleExpression": "rate(1 day)", "flexibleTimeWindow": {"mode": "OFF"}, "target": submit}
    changes = {
        "scheduleExpression": "cron(0 6 ? * MON *)",
        "scheduleExpressionTimezone": "Europe/Berlin",
        "state": "DISABLED",
        "target": {**submit, "deadLetterConfig": {"arn": DEAD_LETTERS}, "retryPolicy": {"maximumRetryAttempts": 3}},
    }
    live(plugin, Life(token=SCHEDULE, inputs=inputs, changes=changes, name="daily"))


def test_an_update_sends_the_whole_schedule(
    plugin: Plugin, submit: dict[str, Any], service: Callable[[str], Any]
) -> None:
    inputs = {"scheduleExpression": "rate(1 day)", "flexibleTimeWindow": {"mode": "OFF"}, "target": submit}
    schedule = Object.make(plugin, SCHEDULE, {**inputs, "description": "morning"}, "whole")
    group, _, name = schedule.id.partition("/")
    assert group == "default"
    schedule.update({**inputs, "scheduleExpression": "rate(2 days)"})
    found = service("scheduler").get_schedule(Name=name)
    assert found["ScheduleExpression"] == "rate(2 days)"
    assert not found.get("Description")
    assert found["Target"]["Input"] == submit["input"]
    schedule.delete()


@pytest.fixture
def rule(plugin: Plugin) -> Iterator[Object]:
    made = Object.make(plugin, RULE, {"eventPattern": PATTERN}, "uploads")
    yield made
    made.delete()


def test_a_target_of_a_queue(plugin: Plugin, rule: Object) -> None:
    live(
        plugin,
        Life(
            token=TARGET,
            inputs={
                "rule": rule.id,
                "targetId": "submit",
                "arn": BATCH_QUEUE,
                "roleArn": ROLE,
                "batchTarget": {"jobDefinition": "d:1", "jobName": "a", "arraySize": 3, "jobAttempts": 2},
                "inputTransformer": TRANSFORMER,
                "retryPolicy": {"maximumRetryAttempts": 2, "maximumEventAgeInSeconds": 600},
                "deadLetterConfig": {"arn": DEAD_LETTERS},
            },
            changes={
                "batchTarget": {"jobDefinition": "d:2", "jobName": "a"},
                "inputTransformer": None,
                "retryPolicy": {"maximumRetryAttempts": 5, "maximumEventAgeInSeconds": 600},
            },
            import_id="{rule}/{targetId}",
        ),
    )


def test_the_ids_of_targets(plugin: Plugin, rule: Object) -> None:
    bus = Object.make(plugin, BUS, {"name": "other-bus"}, "other")
    elsewhere = Object.make(plugin, RULE, {"eventBusName": bus.id, "eventPattern": PATTERN}, "elsewhere")
    assert elsewhere.id == f"other-bus/{elsewhere.state['name']}"
    near = Object.make(plugin, TARGET, {"rule": rule.id, "arn": DEAD_LETTERS}, "near")
    assert near.id == f"{rule.id}-{near.state['targetId']}"
    far = Object.make(
        plugin,
        TARGET,
        {"rule": elsewhere.state["name"], "eventBusName": bus.id, "targetId": "t", "arn": DEAD_LETTERS},
        "far",
    )
    assert far.id == f"other-bus-{elsewhere.state['name']}-t"
    assert plugin.read(TARGET, "far", f"other-bus/{elsewhere.state['name']}/t") is not None
    with pytest.raises(Refused, match="expected event-bus-name/rule-name/target-id"):
        plugin.read(TARGET, "far", "nothing")
    for made in (near, far, elsewhere, bus):
        made.delete()


def test_a_rule_with_targets_is_not_deleted(plugin: Plugin, rule: Object) -> None:
    target = Object.make(plugin, TARGET, {"rule": rule.id, "arn": DEAD_LETTERS})
    with pytest.raises(Refused, match="since it has targets"):
        plugin.delete(RULE, rule.name, rule.id, rule.state, timeout_s=0.2)
    target.delete()


def test_patterns_are_compared_by_content(rule: Object) -> None:
    spread = json.dumps({"detail-type": ["Object Created"], "source": ["aws.s3"]}, indent=2)
    assert not rule.diff({"eventPattern": spread}).diffs
    assert rule.diff({"eventPattern": json.dumps({"source": ["aws.ec2"]})}).diffs == ["eventPattern"]


def test_a_target_someone_removed_is_gone(plugin: Plugin, rule: Object, service: Callable[[str], Any]) -> None:
    target = Object.make(plugin, TARGET, {"rule": rule.id, "targetId": "t", "arn": DEAD_LETTERS})
    service("events").remove_targets(Rule=rule.id, Ids=["t"])
    assert not target.refresh()


def test_switching_a_rule_off_by_hand_is_a_difference(plugin: Plugin, service: Callable[[str], Any]) -> None:
    inputs = {"eventPattern": PATTERN, "state": "ENABLED"}
    rule = Object.make(plugin, RULE, inputs, "switched")
    service("events").disable_rule(Name=rule.id)
    assert rule.refresh()
    assert rule.diff(inputs).diffs == ["state"]
    rule.delete()


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        (RULE, {}, "one of `event_pattern,schedule_expression` must be specified"),
        (RULE, {"eventPattern": PATTERN, "state": "ENABLED", "isEnabled": True}, "state, isEnabled conflict"),
        (RULE, {"eventPattern": PATTERN, "state": "ON"}, "expected state to be one of"),
        (BUS, {"name": "default"}, "cannot be 'default'"),
        (TARGET, {"arn": "a"}, "Missing required property 'rule'"),
        (TARGET, {"rule": "r", "arn": "a", "input": "{}", "inputPath": "$"}, "input, inputPath conflict"),
        (SCHEDULE, {"name": "a b"}, "is no name for EventBridge Scheduler"),
    ],
)
def test_mistakes_check_finds(plugin: Plugin, token: str, inputs: dict[str, Any], reason: str) -> None:
    with pytest.raises(CheckFailed, match=reason):
        plugin.check(token, "thing", inputs)


def test_an_automatic_rule_name_has_at_most_64_characters(plugin: Plugin) -> None:
    with pytest.raises(CheckFailed, match="allowed: at most 64"):
        plugin.check(RULE, "x" * 60, {"eventPattern": PATTERN})
