"""What every EventBridge pipe has: a role of its own, a log of what it couldn't do; and the queue most of them read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import service_role
from components.dead_letters import DeadLetters
from components.names import AUTO_SUFFIX_LENGTH, Names
from components.start import PipeTarget

VISIBILITY_TIMEOUT_S: Final = 60
"""A message whose target didn't take it is tried again after it; a pipe's call takes a fraction."""
RETENTION_S: Final = 14 * 24 * 3600
READ_QUEUE: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


@dataclass(frozen=True, kw_only=True)
class PipePlace:
    """Whose a pipe is and where it stands: its names follow from it."""

    names: Names
    job: str
    part: str
    pipes_arn: str
    """`arn:aws:pipes:us-east-1:123456789012:pipe/`, what the names of pipes follow."""
    log_retention_days: int
    parent: pulumi.Resource


@dataclass(frozen=True, kw_only=True)
class PipeSource:
    """What a pipe reads, and what its role needs for that."""

    arn: pulumi.Input[str]
    parameters: aws.pipes.PipeSourceParametersArgs
    statements: Sequence[policies.Statement]


def make_queue(
    place: PipePlace, part: str, *, dead_letters: DeadLetters, receives: int, opts: pulumi.ResourceOptions
) -> aws.sqs.Queue:
    """A queue for a pipe: what the target hasn't taken after `receives` moves to the dead letters."""
    return aws.sqs.Queue(
        place.names.of("message queue", place.job, part),
        message_retention_seconds=RETENTION_S,
        visibility_timeout_seconds=VISIBILITY_TIMEOUT_S,
        redrive_policy=pulumi.Output.json_dumps(
            {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": receives}, sort_keys=True
        ),
        sqs_managed_sse_enabled=True,
        opts=opts,
    )


def queue_source(queue: aws.sqs.Queue) -> PipeSource:
    """One message at a time: with Batch as the target, pipes have batches of one."""
    return PipeSource(
        arn=queue.arn,
        parameters=aws.pipes.PipeSourceParametersArgs(
            sqs_queue_parameters=aws.pipes.PipeSourceParametersSqsQueueParametersArgs(batch_size=1)
        ),
        statements=[policies.allow(READ_QUEUE, [queue.arn])],
    )


def make_pipe(
    place: PipePlace,
    source: PipeSource,
    target: PipeTarget,
    *,
    statements: Sequence[policies.Statement],
    what: str,
    role_does: str,
    desired_state: str | None = None,
) -> aws.pipes.Pipe:
    """The pipe, its Role with the RolePolicy, its LogGroup, all children of the place's parent. The log has the reason
    why something didn't arrive, by its id. `statements` are all the role may do, the source's among them; `what` and
    `role_does` are for people."""
    child = pulumi.ResourceOptions(parent=place.parent)
    log_name = f"{place.names.log_group(place.job)}/{place.part}"
    log_group = aws.cloudwatch.LogGroup(log_name, name=log_name, retention_in_days=place.log_retention_days, opts=child)
    named = place.names.of("pipe", place.job, place.part)
    role, granted = service_role(
        place.names.of("role", place.job, place.part),
        service="pipes.amazonaws.com",
        # the pipe needs its role to be made: the role knows all of its name but Pulumi's suffix
        source_arn=f"{place.pipes_arn}{named}-{'?' * (AUTO_SUFFIX_LENGTH - 1)}",
        description=role_does,
        statements=statements,
        parent=place.parent,
    )
    return aws.pipes.Pipe(
        named,
        description=what,
        desired_state=desired_state,
        role_arn=role.arn,
        source=source.arn,
        source_parameters=source.parameters,
        target=target.arn,
        target_parameters=target.parameters,
        log_configuration=aws.pipes.PipeLogConfigurationArgs(
            level="ERROR",
            include_execution_datas=["ALL"],
            cloudwatch_logs_log_destination=aws.pipes.PipeLogConfigurationCloudwatchLogsLogDestinationArgs(
                log_group_arn=log_group.arn
            ),
        ),
        opts=granted,
    )
