"""Messages that submit a job: a queue of the trigger's own, and an EventBridge pipe from it to Batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.function_trigger import pipe_target
from components.names import AUTO_SUFFIX_LENGTH
from components.trigger import Trigger, TriggerArgs
from jobs.spec.queue_sources import SqsSource

VISIBILITY_TIMEOUT_S: Final = 60
"""A message whose submission failed is tried again after it; a pipe's call of Batch takes a fraction."""
RETENTION_S: Final = 14 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class PipeArgs:
    source: SqsSource
    pipes_arn: str
    """`arn:aws:pipes:us-east-1:123456789012:pipe/`, what the names of pipes follow."""
    log_retention_days: int
    parameters: Mapping[str, str] = field(default_factory=dict)


class PipeTrigger(Trigger):
    """Children beside a Trigger's: the sqs Queue, the pipe's LogGroup, the Pipe. The queue itself moves messages that
    made no submission to the dead letters; the pipe's log has the reason, by the message's id."""

    queue_url: pulumi.Output[str]

    def __init__(
        self, name: str, args: TriggerArgs, pipe: PipeArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("QueueTrigger", name, args, opts)
        submission = args.submission
        queue = aws.sqs.Queue(
            args.names.of("message queue", submission.job, args.part.replace("queue", "messages")),
            message_retention_seconds=RETENTION_S,
            visibility_timeout_seconds=VISIBILITY_TIMEOUT_S,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": self._dead_letters.arn, "maxReceiveCount": pipe.source.receives}, sort_keys=True
            ),
            sqs_managed_sse_enabled=True,
            opts=self._child,
        )
        log_name = f"{args.names.log_group(submission.job)}/{args.part}"
        log_group = aws.cloudwatch.LogGroup(
            log_name, name=log_name, retention_in_days=pipe.log_retention_days, opts=self._child
        )
        named = self._named("pipe")
        role, after_policy = self._role(
            "pipes.amazonaws.com",
            # the pipe needs its role to be made: the role knows all of its name but Pulumi's suffix
            f"{pipe.pipes_arn}{named}-{'?' * (AUTO_SUFFIX_LENGTH - 1)}",
            policies.allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], [queue.arn]),
        )
        size = submission.array_size
        made = aws.pipes.Pipe(
            named,
            description=f"Messages that start {submission.job}",
            desired_state="RUNNING" if args.enabled else "STOPPED",
            role_arn=role.arn,
            source=queue.arn,
            source_parameters=aws.pipes.PipeSourceParametersArgs(
                sqs_queue_parameters=aws.pipes.PipeSourceParametersSqsQueueParametersArgs(batch_size=1)
            ),
            target=submission.queue_arn if submission.function_arn is None else submission.function_arn,
            target_parameters=pipe_target(pipe.source.offered, pipe.parameters)
            if submission.function_arn is not None
            else aws.pipes.PipeTargetParametersArgs(
                batch_job_parameters=aws.pipes.PipeTargetParametersBatchJobParametersArgs(
                    job_definition=submission.definition_arn,
                    job_name=submission.job_name,
                    parameters={**pipe.source.offered, **pipe.parameters},
                    array_properties=None
                    if size is None
                    else aws.pipes.PipeTargetParametersBatchJobParametersArrayPropertiesArgs(size=size),
                )
            ),
            log_configuration=aws.pipes.PipeLogConfigurationArgs(
                level="ERROR",
                include_execution_datas=["ALL"],
                cloudwatch_logs_log_destination=aws.pipes.PipeLogConfigurationCloudwatchLogsLogDestinationArgs(
                    log_group_arn=log_group.arn
                ),
            ),
            opts=after_policy,
        )
        self.queue_url = queue.url
        self.register_outputs({"pipe_arn": made.arn, "queue_url": queue.url, "dead_letters_url": self.dead_letters_url})
