"""Lambda: lives of functions of images, of what becomes of their events, and of permissions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.local.providers.aws.lifecycle import Life, Object, live
from tests.unit.local.providers.aws.plugin import Plugin, Values

FUNCTION = "aws:lambda/function:Function"
EVENTS = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
PERMISSION = "aws:lambda/permission:Permission"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/resize@sha256:"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:letters"
BUS = "arn:aws:events:us-east-1:123456789012:event-bus/default"


@pytest.fixture(scope="module")
def role(emulator: Any) -> str:
    from tests.unit.local.emulator.moto_server import make_role

    return make_role(
        emulator, "function", service="lambda.amazonaws.com", actions=["sqs:SendMessage"], resources=[QUEUE]
    )


def inputs(role: str, **more: Any) -> Values:
    return {"packageType": "Image", "imageUri": f"{IMAGE}{'0' * 64}", "role": role, **more}


def test_a_function_is_made_and_changed(plugin: Plugin, role: str) -> None:
    made = inputs(
        role,
        memorySize=512,
        timeout=60,
        imageConfig={"commands": ["--key", "Ref::key"]},
        environment={"variables": {"A": "1"}},
        loggingConfig={"logFormat": "Text", "logGroup": "/a"},
        ephemeralStorage={"size": 512},
        tags={"stage": "a"},
    )
    changes = {
        "imageUri": f"{IMAGE}{'1' * 64}",
        "architectures": ["arm64"],
        "memorySize": 1024,
        "imageConfig": None,
        "environment": None,
        "deadLetterConfig": {"targetArn": QUEUE},
        "ephemeralStorage": {"size": 2048},
        "tags": {"stage": "b"},
    }
    live(plugin, Life(token=FUNCTION, inputs=made, changes=changes))


def test_another_name_is_another_function(plugin: Plugin, role: str) -> None:
    live(plugin, Life(token=FUNCTION, inputs=inputs(role, name="a"), changes={"name": "b"}, replaces=("name",)))


def test_a_zip_is_told_to_be_missing_here(plugin: Plugin, role: str) -> None:
    with pytest.raises(Exception, match="functions of container images"):
        Object.make(plugin, FUNCTION, {"role": role, "handler": "a.b", "runtime": "python3.11"})


def test_what_becomes_of_events(plugin: Plugin, role: str) -> None:
    function = Object.make(plugin, FUNCTION, inputs(role, name="told"))
    life = Life(
        token=EVENTS,
        inputs={"functionName": "told", "maximumRetryAttempts": 1},
        changes={
            "maximumRetryAttempts": 0,
            "maximumEventAgeInSeconds": 600,
            "destinationConfig": {"onSuccess": {"destination": BUS}},
        },
    )
    live(plugin, life)
    function.delete()


def test_a_permission_is_for_one_source(plugin: Plugin, role: str, service: Callable[[str], Any]) -> None:
    function = Object.make(plugin, FUNCTION, inputs(role, name="allowed"))
    rule = "arn:aws:events:us-east-1:123456789012:rule/uploads"
    life = Life(
        token=PERMISSION,
        inputs={
            "action": "lambda:InvokeFunction",
            "function": function.state["arn"],
            "principal": "events.amazonaws.com",
            "sourceArn": rule,
        },
        changes={"sourceArn": f"{rule}-2"},
        replaces=("sourceArn",),
        import_id="allowed/{id}",
        imports=False,
    )
    live(plugin, life)
    made = Object.make(plugin, PERMISSION, life.inputs)
    (statement,) = json.loads(service("lambda").get_policy(FunctionName="allowed")["Policy"])["Statement"]
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": rule}}
    made.delete()
    function.delete()
