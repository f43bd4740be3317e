"""Starts a job on AWS Batch: SubmitJob, with the job's queue and definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import submit_statement
from components.start import PipeTarget, RuleTarget, ScheduleTarget
from jobs.event_rules.rules import batch_template
from jobs.schedule_target import submit_job_arn, submit_job_request


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A `Start`."""

    job: str
    job_name: str
    """What Batch calls each run."""
    queue_arn: pulumi.Input[str]
    definition_arn: pulumi.Input[str]
    """With its revision."""
    definition_arn_prefix: pulumi.Input[str]
    array_size: int | None = None
    share: str | None = None
    """In a queue with fair share; a rule can't say it."""

    def statement(self) -> policies.Statement:
        return submit_statement(self.queue_arn, self.definition_arn_prefix)

    def rule_target(self, parameters: Mapping[str, str]) -> RuleTarget:
        return RuleTarget(
            arn=self.queue_arn,
            input_template=batch_template(parameters),
            batch_target=aws.cloudwatch.EventTargetBatchTargetArgs(
                job_definition=self.definition_arn, job_name=self.job_name, array_size=self.array_size
            ),
        )

    def admit_rule(self, name: str, rule_arn: pulumi.Input[str], opts: pulumi.ResourceOptions) -> None:
        """Batch admits roles alone."""

    def pipe_target(self, offered: Mapping[str, str], parameters: Mapping[str, str]) -> PipeTarget:
        size = self.array_size
        return PipeTarget(
            arn=self.queue_arn,
            parameters=aws.pipes.PipeTargetParametersArgs(
                batch_job_parameters=aws.pipes.PipeTargetParametersBatchJobParametersArgs(
                    job_definition=self.definition_arn,
                    job_name=self.job_name,
                    parameters={**offered, **parameters},
                    array_properties=None
                    if size is None
                    else aws.pipes.PipeTargetParametersBatchJobParametersArrayPropertiesArgs(size=size),
                )
            ),
        )

    def schedule_target(self, partition: str, parameters: Mapping[str, str]) -> ScheduleTarget:
        request = submit_job_request(
            job_name=self.job_name,
            queue_arn=self.queue_arn,
            definition_arn=self.definition_arn,
            parameters=parameters,
            array_size=self.array_size,
            share=self.share,
        )
        return ScheduleTarget(arn=submit_job_arn(partition), input=request)
