"""Starts a job on Lambda: its function is invoked, asynchronously, with the job's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.start import PipeTarget, RuleTarget, ScheduleTarget
from jobs.event_rules.rules import parameters_json, texts

RULE_TIME: Final = "<aws.events.event.ingestion-time>"
PIPE_TIME: Final = "<aws.pipes.event.ingestion-time>"
SCHEDULED_TIME: Final = "<aws.scheduler.scheduled-time>"


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """A `Start`. The function goes through no queue, and has no definition but its image."""

    job: str
    function_arn: pulumi.Input[str]

    def statement(self) -> policies.Statement:
        return policies.allow(["lambda:InvokeFunction"], [self.function_arn])

    def rule_target(self, parameters: Mapping[str, str]) -> RuleTarget:
        return RuleTarget(arn=self.function_arn, input_template=_template(parameters, RULE_TIME))

    def admit_rule(
        self, name: str, rule_arn: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> aws.lambda_.Permission:
        """EventBridge's rules invoke as EventBridge itself, not as a role: the function must allow the one rule."""
        return aws.lambda_.Permission(
            name,
            action="lambda:InvokeFunction",
            function=self.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule_arn,
            opts=opts,
        )

    def pipe_target(self, offered: Mapping[str, str], parameters: Mapping[str, str]) -> PipeTarget:
        """It doesn't wait for the run."""
        filled = {**{name: f"<{path}>" for name, path in offered.items()}, **texts(parameters)}
        return PipeTarget(
            arn=self.function_arn,
            parameters=aws.pipes.PipeTargetParametersArgs(
                input_template=_template(filled, PIPE_TIME),
                lambda_function_parameters=aws.pipes.PipeTargetParametersLambdaFunctionParametersArgs(
                    invocation_type="FIRE_AND_FORGET"
                ),
            ),
        )

    def schedule_target(self, partition: str, parameters: Mapping[str, str]) -> ScheduleTarget:
        del partition  # the function's ARN has it
        payload = {"parameters": dict(parameters), "submitted_at": SCHEDULED_TIME}
        return ScheduleTarget(arn=self.function_arn, input=payload)


def _template(parameters: Mapping[str, str], time: str) -> str:
    """The event the runtime in the image takes: the parameters, and when what started it came."""
    return f'{{"parameters":{parameters_json(parameters)},"submitted_at":{time}}}'
