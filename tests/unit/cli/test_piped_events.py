"""`batchyard events test` with notifications of topics and records of streams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.main import app
from local.home import REPOSITORY, Home

HEAD = """\
description: One of a kind
owner: shop
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
command: ["Ref::order", "Ref::mode"]
parameters: {mode: fast}
triggers:
"""
JOBS = {
    "receipt": "sns: {topic: payments, filter: {kind: [paid], cents: [{numeric: ['>', 0]}]}, "
    "take: {order: $.body.order}}",
    "copy": "sns: {topic: shop, take: {order: $.body}}",
    "pack": "dynamodb: {table: orders, events: [insert, modify], filter: {NewImage: {status: {S: [paid]}}}, "
    "take: {order: $.dynamodb.Keys.id.S}}",
    "upload": "s3: {bucket: uploads, prefix: a/}\n    parameters: {order: none}",
}
SHOP = "arn:aws:sns:us-east-1:123456789012:shop-orders"
PAYMENTS = "arn:aws:sns:us-east-1:123456789012:batchyard-local-payments-0a1b2c3"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for job, trigger in JOBS.items():
        (tmp_path / "jobs" / job).mkdir(parents=True)
        (tmp_path / "jobs" / job / "job.yaml").write_text(f"{HEAD}  - {trigger}\n")
    settings = yaml.safe_load((REPOSITORY / "Pulumi.local.yaml").read_text())
    settings["config"] |= {
        "batchyard:topics": {"payments": {}, "shop": {"arn": SHOP}},
        "batchyard:tables": {"orders": {"name": "shop-orders"}},
    }
    (tmp_path / "Pulumi.local.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.setattr(Home, "default", classmethod(lambda _cls: Home(root=tmp_path, repository=tmp_path)))
    return tmp_path


def asked(event: object, *options: str) -> Any:
    return CliRunner().invoke(app, ["events", "test", "-", *options], input=json.dumps(event))


def answers(event: object) -> dict[str, Mapping[str, Any]]:
    done = asked(event, "--json")
    assert done.exit_code == 0, done.output
    return {one["job"]: one for one in json.loads(done.stdout)["answers"]}


def notification(**changes: Any) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": PAYMENTS,
        "Message": '{"order": "a-1"}',
        "MessageAttributes": {
            "kind": {"Type": "String", "Value": "paid"},
            "cents": {"Type": "Number", "Value": "5"},
        },
        **changes,
    }


def record(**changes: Any) -> dict[str, Any]:
    return {
        "eventID": "e-1",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/shop-orders/stream/2026-01-01T00:00:00.000",
        "dynamodb": {"Keys": {"id": {"S": "a-1"}}, "NewImage": {"id": {"S": "a-1"}, "status": {"S": "paid"}}},
        **changes,
    }


def test_a_notification_starts_the_jobs_of_its_topic() -> None:
    found = answers(notification())
    assert {job: one["verdict"] for job, one in found.items()} == {
        "copy": "other", "pack": "other", "receipt": "starts", "upload": "other"
    }  # fmt: skip
    assert found["receipt"]["parameters"] == {"message_id": "m-1", "mode": "fast", "order": "a-1"}
    assert found["pack"]["why"] == "dynamodb waits for something else"
    assert found["copy"]["mismatches"][0]["field"] == "TopicArn"


@pytest.mark.parametrize("topic", ["payments", "batchyard-local-payments-0a1b2c3", PAYMENTS])
def test_a_topic_goes_by_each_of_its_names(topic: str) -> None:
    assert answers(notification(TopicArn=topic))["receipt"]["verdict"] == "starts"


@pytest.mark.parametrize("topic", [PAYMENTS.replace("local", "dev"), PAYMENTS.replace("us-east-1", "eu-west-1"), "pay"])
def test_a_topic_of_another_stage_starts_nothing(topic: str) -> None:
    assert answers(notification(TopicArn=topic))["receipt"]["verdict"] == "other"


def test_a_topic_that_exists_goes_by_its_arn() -> None:
    found = answers(notification(TopicArn=SHOP))
    assert (found["copy"]["verdict"], found["receipt"]["verdict"]) == ("starts", "other")
    assert found["copy"]["parameters"]["order"] == '{"order": "a-1"}'


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"kind": {"Type": "String", "Value": "open"}, "cents": {"Type": "Number", "Value": "5"}}, "kind"),
        ({"kind": {"Type": "String", "Value": "paid"}, "cents": {"Type": "Number", "Value": "0"}}, "cents"),
        ({"kind": {"Type": "String", "Value": "paid"}, "cents": {"Type": "String", "Value": "5"}}, "cents"),
        ({"kind": {"Type": "Binary", "Value": "cGFpZA=="}, "cents": {"Type": "Number", "Value": "5"}}, "kind"),
    ],
)
def test_an_attribute_that_does_not_pass_is_named(attributes: dict[str, Any], field: str) -> None:
    (different,) = answers(notification(MessageAttributes=attributes))["receipt"]["mismatches"]
    assert different["field"] == f"MessageAttributes.{field}"


def test_a_list_of_texts_passes_by_one_of_them() -> None:
    attributes = notification()["MessageAttributes"] | {"kind": {"Type": "String.Array", "Value": '["open", "paid"]'}}
    assert answers(notification(MessageAttributes=attributes))["receipt"]["verdict"] == "starts"


def test_a_poison_message_is_dead_lettered_with_its_reason() -> None:
    found = answers(notification(Message="poison"))["receipt"]
    assert (found["verdict"], found["why"]) == ("dead-letters", "order: the event has nothing at $.body.order")


def test_a_record_starts_the_jobs_of_its_table() -> None:
    found = answers(record())
    assert {job: one["verdict"] for job, one in found.items()} == {
        "copy": "other", "pack": "starts", "receipt": "other", "upload": "other"
    }  # fmt: skip
    assert found["pack"]["parameters"] == {
        "event_id": "e-1", "event_name": "INSERT", "mode": "fast", "order": "a-1"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"eventName": "REMOVE"}, "eventName"),
        ({"eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/users/stream/x"}, "table"),
        ({"dynamodb": {"Keys": {"id": {"S": "a-1"}}}}, "dynamodb.NewImage.status.S"),
    ],
)
def test_a_record_that_does_not_pass_says_why(changes: dict[str, Any], field: str) -> None:
    (different,) = answers(record(**changes))["pack"]["mismatches"]
    assert different["field"] == field


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"Type": "Notification"}, "standard input: TopicArn is missing; a notification has the TopicArn it came from"),
        (notification(Message=5), "standard input: Message is no text; its Message is text"),
        (notification(MessageAttributes=[1]), "MessageAttributes is none that SNS sends"),
        ({"eventSource": "aws:dynamodb"}, "standard input: eventSourceARN is missing"),
        (record(eventSourceARN="x"), "standard input is no record of a table"),
        (record(dynamodb=None), "standard input is no record of a table"),
    ],
)
def test_what_is_half_of_one_is_a_sentence(event: dict[str, Any], said: str) -> None:
    done = asked(event)
    assert done.exit_code == 1
    assert said in " ".join(done.stderr.split())


def test_people_read_it_as_a_table() -> None:
    assert "1 run would start in local" in asked(record()).stdout
