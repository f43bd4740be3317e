"""A job queue: its priority among the stage's queues, and the environments it fills in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.names import Names


@dataclass(frozen=True, kw_only=True)
class StateTimeLimit:
    """Cancels a job that is RUNNABLE for this long for one of Batch's reasons."""

    reason: str
    max_time_s: int


@dataclass(frozen=True, kw_only=True)
class FairShare:
    """How a queue serves its shares."""

    weights: Mapping[str, float]
    """Share → weight factor: half the weight, twice the vCPUs."""
    decay_s: int = 0
    compute_reservation: int = 0
    """Percent."""


@dataclass(frozen=True, kw_only=True)
class JobQueueArgs:
    names: Names
    queue: str
    """The queue's name in the settings."""
    priority: int
    """Higher comes first where queues share an environment."""
    compute_environment_arns: Sequence[pulumi.Input[str]]
    """In order of preference, at most three."""
    state_time_limits: Sequence[StateTimeLimit] = ()
    fair_share: FairShare | None = None
    """None: first in, first out."""


class JobQueue(pulumi.ComponentResource):
    """Children: the SchedulingPolicy of a queue with fair share, and the batch JobQueue."""

    arn: pulumi.Output[str]
    has_shares: bool
    """Whether each submission must name a share; else none may."""
    queue_name: str
    """Physical name, known before the queue is made."""

    def __init__(self, name: str, args: JobQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:JobQueue", name, None, opts)
        self.queue_name = args.names.of("job queue", args.queue)
        policy = None if args.fair_share is None else self._policy(args, args.fair_share)
        queue = aws.batch.JobQueue(
            self.queue_name,
            name=self.queue_name,
            priority=args.priority,
            state="ENABLED",
            scheduling_policy_arn=None if policy is None else policy.arn,
            # order is scheduling preference
            compute_environment_orders=[
                aws.batch.JobQueueComputeEnvironmentOrderArgs(order=order, compute_environment=arn)
                for order, arn in enumerate(args.compute_environment_arns)
            ],
            job_state_time_limit_actions=[
                aws.batch.JobQueueJobStateTimeLimitActionArgs(
                    action="CANCEL", state="RUNNABLE", reason=limit.reason, max_time_seconds=limit.max_time_s
                )
                for limit in args.state_time_limits
            ]
            or None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = queue.arn
        self.has_shares = policy is not None
        self.register_outputs({"arn": self.arn})

    def _policy(self, args: JobQueueArgs, wanted: FairShare) -> aws.batch.SchedulingPolicy:
        return aws.batch.SchedulingPolicy(
            args.names.of("scheduling policy", args.queue),
            fair_share_policy=aws.batch.SchedulingPolicyFairSharePolicyArgs(
                share_decay_seconds=wanted.decay_s,
                compute_reservation=wanted.compute_reservation,
                share_distributions=[
                    aws.batch.SchedulingPolicyFairSharePolicyShareDistributionArgs(
                        share_identifier=share, weight_factor=wanted.weights[share]
                    )
                    for share in sorted(wanted.weights)
                ],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
