"""Changes of a DynamoDB table's items submit a job: a pipe reads the table's stream."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from components import policies
from components.pipe_parts import PipeSource
from components.pipe_trigger import PipeArgs, PipeTrigger
from components.trigger import TriggerArgs
from jobs.spec.stream_source import DynamodbSource

READ_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")


class StreamTrigger(PipeTrigger):
    """The pipe reads one shard's records one after another; one that makes no submission is tried again, and then its
    place in the stream goes to the dead letters. The record itself is in the pipe's log."""

    def __init__(
        self,
        name: str,
        args: TriggerArgs,
        source: DynamodbSource,
        stream_arn: str,
        pipe: PipeArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("StreamTrigger", name, args, opts)
        parameters = aws.pipes.PipeSourceParametersArgs(
            dynamodb_stream_parameters=aws.pipes.PipeSourceParametersDynamodbStreamParametersArgs(
                starting_position=source.starting_position,
                # with Batch as the target, pipes have batches of one
                batch_size=1,
                maximum_retry_attempts=source.retries,
                on_partial_batch_item_failure="AUTOMATIC_BISECT",
                dead_letter_config=aws.pipes.PipeSourceParametersDynamodbStreamParametersDeadLetterConfigArgs(
                    arn=self._dead_letters.arn
                ),
            ),
            filter_criteria=None
            if not source.pattern
            else aws.pipes.PipeSourceParametersFilterCriteriaArgs(
                filters=[
                    aws.pipes.PipeSourceParametersFilterCriteriaFilterArgs(
                        pattern=json.dumps(source.pattern, sort_keys=True, ensure_ascii=False)
                    )
                ]
            ),
        )
        statements = [
            policies.allow(READ_STREAM, [stream_arn]),
            # lists the streams of one table: no single one is its resource
            policies.allow(["dynamodb:ListStreams"], [f"{stream_arn.rpartition('/')[0]}/*"]),
            # a pipe, unlike a rule, writes to the dead-letter queue as its role
            policies.allow(["sqs:SendMessage"], [self._dead_letters.arn]),
        ]
        made = self._pipe(pipe, PipeSource(arn=stream_arn, parameters=parameters, statements=statements))
        self.register_outputs({"pipe_arn": made.arn, "dead_letters_url": self.dead_letters_url})
