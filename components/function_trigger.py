"""How triggers start a job on Lambda: each invokes the one function, asynchronously, with the job's parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from jobs.event_rules.rules import EventRule

SCHEDULED_TIME: Final = "<aws.scheduler.scheduled-time>"


def may_invoke(
    name: str, *, function_arn: pulumi.Input[str], rule_arn: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> aws.lambda_.Permission:
    """EventBridge's rules invoke as EventBridge itself, not as a role: the function must allow the one rule."""
    return aws.lambda_.Permission(
        name,
        action="lambda:InvokeFunction",
        function=function_arn,
        principal="events.amazonaws.com",
        source_arn=rule_arn,
        opts=opts,
    )


def payload_of(rule: EventRule) -> str:
    """The input transformer's template for a function: the same parameters, and when the event came."""
    parameters = rule.template.removeprefix('{"Parameters":').removesuffix("}")
    return '{"parameters":' + parameters + ',"submitted_at":<aws.events.event.ingestion-time>}'


def schedule_payload(parameters: Mapping[str, str]) -> dict[str, Any]:
    """The same from a schedule."""
    return {"parameters": dict(parameters), "submitted_at": SCHEDULED_TIME}


def pipe_target(paths: Mapping[str, str], parameters: Mapping[str, str]) -> aws.pipes.PipeTargetParametersArgs:
    """The same from a pipe, which doesn't wait for the run. `paths` are parameters whose values the message has."""
    filled = {**{name: f"<{path}>" for name, path in paths.items()}}
    filled |= {name: json.dumps(value, ensure_ascii=False) for name, value in parameters.items()}
    entries = ",".join(f"{json.dumps(name)}:{value}" for name, value in sorted(filled.items()))
    return aws.pipes.PipeTargetParametersArgs(
        input_template='{"parameters":{' + entries + '},"submitted_at":<aws.pipes.event.ingestion-time>}',
        lambda_function_parameters=aws.pipes.PipeTargetParametersLambdaFunctionParametersArgs(
            invocation_type="FIRE_AND_FORGET"
        ),
    )
