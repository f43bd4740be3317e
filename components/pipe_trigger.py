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
READ_QUEUE: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


@dataclass(frozen=True, kw_only=True)
class PipeArgs:
    offered: Mapping[str, str]
    """Parameter → path into what the pipe reads."""
    pipes_arn: str
    """`arn:aws:pipes:us-east-1:123456789012:pipe/`, what the names of pipes follow."""
    log_retention_days: int
    parameters: Mapping[str, str] = field(default_factory=dict)


class PipeTrigger(Trigger):
    """Children beside a Trigger's: the pipe's LogGroup, the Pipe. The log has the reason why something made no
    submission, by its id."""

    def _pipe(
        self,
        pipe: PipeArgs,
        source_arn: pulumi.Input[str],
        parameters: aws.pipes.PipeSourceParametersArgs,
        *reading: policies.Statement,
    ) -> aws.pipes.Pipe:
        """One submission for each thing it reads; `reading` is what its role needs for that."""
        args, submission = self._args, self._args.submission
        log_name = f"{args.names.log_group(submission.job)}/{args.part}"
        log_group = aws.cloudwatch.LogGroup(
            log_name, name=log_name, retention_in_days=pipe.log_retention_days, opts=self._child
        )
        named = self._named("pipe")
        role, after_policy = self._role(
            "pipes.amazonaws.com",
            # the pipe needs its role to be made: the role knows all of its name but Pulumi's suffix
            f"{pipe.pipes_arn}{named}-{'?' * (AUTO_SUFFIX_LENGTH - 1)}",
            *reading,
        )
        size = submission.array_size
        return aws.pipes.Pipe(
            named,
            description=f"{args.what.capitalize()} that start {submission.job}",
            desired_state="RUNNING" if args.enabled else "STOPPED",
            role_arn=role.arn,
            source=source_arn,
            source_parameters=parameters,
            target=submission.queue_arn if submission.function_arn is None else submission.function_arn,
            target_parameters=pipe_target(pipe.offered, pipe.parameters)
            if submission.function_arn is not None
            else aws.pipes.PipeTargetParametersArgs(
                batch_job_parameters=aws.pipes.PipeTargetParametersBatchJobParametersArgs(
                    job_definition=submission.definition_arn,
                    job_name=submission.job_name,
                    parameters={**pipe.offered, **pipe.parameters},
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


class QueuePipeTrigger(PipeTrigger):
    """Child beside a PipeTrigger's: the sqs Queue, which moves messages that made no submission to the dead letters."""

    def _queue(self, part: str, receives: int) -> aws.sqs.Queue:
        args = self._args
        return aws.sqs.Queue(
            args.names.of("message queue", args.submission.job, part),
            message_retention_seconds=RETENTION_S,
            visibility_timeout_seconds=VISIBILITY_TIMEOUT_S,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": self._dead_letters.arn, "maxReceiveCount": receives}, sort_keys=True
            ),
            sqs_managed_sse_enabled=True,
            opts=self._child,
        )

    def _queue_pipe(self, pipe: PipeArgs, queue: aws.sqs.Queue) -> aws.pipes.Pipe:
        parameters = aws.pipes.PipeSourceParametersArgs(
            # with Batch as the target, pipes have batches of one
            sqs_queue_parameters=aws.pipes.PipeSourceParametersSqsQueueParametersArgs(batch_size=1)
        )
        return self._pipe(pipe, queue.arn, parameters, policies.allow(READ_QUEUE, [queue.arn]))


class QueueTrigger(QueuePipeTrigger):
    """Whoever may send to the queue submits the job."""

    queue_url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        args: TriggerArgs,
        source: SqsSource,
        pipe: PipeArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("QueueTrigger", name, args, opts)
        queue = self._queue(args.part.replace("queue", "messages"), source.receives)
        made = self._queue_pipe(pipe, queue)
        self.queue_url = queue.url
        self.register_outputs({"pipe_arn": made.arn, "queue_url": queue.url, "dead_letters_url": self.dead_letters_url})
