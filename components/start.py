"""How triggers start a job, whatever runs it: one implementation for Batch's jobs, one for those on Lambda."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pulumi
import pulumi_aws as aws

from components import policies


@dataclass(frozen=True, kw_only=True)
class RuleTarget:
    """What an EventBridge rule calls."""

    arn: pulumi.Input[str]
    input_template: str
    batch_target: aws.cloudwatch.EventTargetBatchTargetArgs | None = None


@dataclass(frozen=True, kw_only=True)
class PipeTarget:
    """What an EventBridge pipe calls."""

    arn: pulumi.Input[str]
    parameters: aws.pipes.PipeTargetParametersArgs


@dataclass(frozen=True, kw_only=True)
class ScheduleTarget:
    """What EventBridge Scheduler calls, and with which JSON."""

    arn: pulumi.Input[str]
    input: Mapping[str, Any]


class Start(Protocol):
    """The start of one job, as each kind of trigger asks for it."""

    @property
    def job(self) -> str:
        """The job's name."""

    def statement(self) -> policies.Statement:
        """What the role of a trigger must be allowed."""

    def rule_target(self, parameters: Mapping[str, str]) -> RuleTarget:
        """`parameters` have JSON with placeholders (`EventRule.parameters`)."""

    def admit_rule(
        self, name: str, rule_arn: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> aws.lambda_.Permission | None:
        """Lets one rule start the job; None where the rule needs a role for it."""

    def pipe_target(self, offered: Mapping[str, str], parameters: Mapping[str, str]) -> PipeTarget:
        """`offered` have paths into what the pipe reads; `parameters` are texts and win over them."""

    def schedule_target(self, partition: str, parameters: Mapping[str, str]) -> ScheduleTarget:
        """`parameters` are texts."""
