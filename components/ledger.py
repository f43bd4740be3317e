"""The ledger: every finished attempt, and what the probe measured of it, as files in S3; no code runs for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import objects_of
from components.dead_letters import DeadLetters, DeadLettersArgs
from components.names import Names
from jobs import conventions

FINISHED: Final = ("SUCCEEDED", "FAILED")
USAGE_FILTER: Final = f'{{ $.type = "{conventions.USAGE_TYPE}" }}'
MAX_EVENT_AGE_S: Final = 24 * 3600
MAX_RETRIES: Final = 185
"""AWS's own maximum: a row is worth waiting for."""

Processor = aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorArgs
Parameter = aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorParameterArgs


@dataclass(frozen=True, kw_only=True)
class LedgerArgs:
    names: Names
    region: str
    partition: str
    account: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    queue_arns: Sequence[pulumi.Input[str]]
    """Queues whose jobs are recorded: all of the stage."""
    buffer_s: int
    buffer_mib: int
    alarm_topic_arn: pulumi.Input[str] | None = None


class Ledger(pulumi.ComponentResource):
    """Children: two FirehoseDeliveryStreams into the bucket with one Role; for `attempts/` an EventRule, its Role,
    DeadLetters and EventTarget; for `usage/` the Role with which CloudWatch Logs delivers. `subscribe` adds a group."""

    dead_letters_url: pulumi.Output[str]

    def __init__(self, name: str, args: LedgerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:Ledger", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self._args = args
        writer, may_write = self._writer()
        attempts = self._stream("attempts", conventions.LEDGER_ATTEMPTS_PREFIX, writer, may_write, ATTEMPT_PROCESSORS)
        self._usage = self._stream("usage", conventions.LEDGER_USAGE_PREFIX, writer, may_write, USAGE_PROCESSORS)
        self.dead_letters_url = self._record_attempts(attempts)
        self._logs_role, self._logs_grant = self._logs_access()
        self.register_outputs({"attempts_stream_arn": attempts.arn, "usage_stream_arn": self._usage.arn})

    def _writer(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        logical = self._args.names.of("role", "ledger", "writer")
        role = aws.iam.Role(
            logical,
            description="Firehose writes the ledger",
            assume_role_policy=policies.trust("firehose.amazonaws.com", source_account=self._args.account),
            opts=self._child,
        )
        grant = aws.iam.RolePolicy(
            logical,
            role=role.id,
            policy=policies.document(
                policies.allow(
                    ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [self._args.bucket_arn]
                ),
                policies.allow(
                    ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"], [objects_of(self._args.bucket_arn)]
                ),
            ),
            opts=self._child,
        )
        return role, grant

    def _stream(
        self,
        rows: str,
        prefix: str,
        role: aws.iam.Role,
        grant: aws.iam.RolePolicy,
        processors: Sequence[Processor],
    ) -> aws.kinesis.FirehoseDeliveryStream:
        return aws.kinesis.FirehoseDeliveryStream(
            self._args.names.of("delivery stream", "ledger", rows),
            destination="extended_s3",
            extended_s3_configuration=aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs(
                bucket_arn=self._args.bucket_arn,
                role_arn=role.arn,
                buffering_interval=self._args.buffer_s,
                buffering_size=self._args.buffer_mib,
                compression_format="UNCOMPRESSED",
                prefix=f"{prefix}{conventions.LEDGER_DAY_PARTITION}",
                error_output_prefix=error_prefix(prefix),
                processing_configuration=(
                    aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationArgs(
                        enabled=True, processors=list(processors)
                    )
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[grant]),
        )

    def _record_attempts(self, stream: aws.kinesis.FirehoseDeliveryStream) -> pulumi.Output[str]:
        names = self._args.names
        logical = names.of("rule", "ledger", "attempts")
        rule = aws.cloudwatch.EventRule(
            logical,
            description="Finished jobs, for the ledger",
            event_pattern=finished_pattern(self._args.queue_arns, FINISHED),
            opts=self._child,
        )
        role = aws.iam.Role(
            names.of("role", "ledger", "attempts"),
            description="EventBridge hands finished jobs to Firehose",
            assume_role_policy=policies.trust("events.amazonaws.com", source_arn=rule.arn),
            opts=self._child,
        )
        grant = aws.iam.RolePolicy(
            names.of("role", "ledger", "attempts"),
            role=role.id,
            policy=policies.document(policies.allow(PUT_RECORDS, [stream.arn])),
            opts=self._child,
        )
        dead_letters = DeadLetters(
            names.of("dead-letter queue", "ledger", "attempts"),
            DeadLettersArgs(
                names=names,
                thing="ledger",
                part="attempts",
                what="finished jobs the ledger missed",
                alarm_topic_arn=self._args.alarm_topic_arn,
            ),
            opts=self._child,
        )
        dead_letters.accept_from_rule(rule.arn)
        aws.cloudwatch.EventTarget(
            logical,
            rule=rule.name,
            target_id="ledger",
            arn=stream.arn,
            role_arn=role.arn,
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths=dict(conventions.ATTEMPT_PATHS), input_template=attempt_template()
            ),
            retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(
                maximum_event_age_in_seconds=MAX_EVENT_AGE_S, maximum_retry_attempts=MAX_RETRIES
            ),
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=dead_letters.arn),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[grant]),
        )
        return dead_letters.url

    def _logs_access(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        args = self._args
        logical = args.names.of("role", "ledger", "usage")
        role = aws.iam.Role(
            logical,
            description="CloudWatch Logs hands the probe's lines to Firehose",
            assume_role_policy=policies.trust(
                "logs.amazonaws.com",
                source_arn=pulumi.Output.concat(f"arn:{args.partition}:logs:{args.region}:", args.account, ":*"),
            ),
            opts=self._child,
        )
        grant = aws.iam.RolePolicy(
            logical,
            role=role.id,
            policy=policies.document(policies.allow(PUT_RECORDS, [self._usage.arn])),
            opts=self._child,
        )
        return role, grant

    def subscribe(
        self, name: str, log_group_name: pulumi.Input[str], parent: pulumi.Resource
    ) -> aws.cloudwatch.LogSubscriptionFilter:
        """Delivers the probe's lines of one log group; the filter is the parent's child."""
        return aws.cloudwatch.LogSubscriptionFilter(
            name,
            name="usage",
            log_group=log_group_name,
            destination_arn=self._usage.arn,
            role_arn=self._logs_role.arn,
            filter_pattern=USAGE_FILTER,
            # CloudWatch Logs tries the delivery when the filter is made
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[self._logs_grant]),
        )


PUT_RECORDS: Final = ("firehose:PutRecord", "firehose:PutRecordBatch")
# a record of EventBridge ends without a newline
ATTEMPT_PROCESSORS: Final = (Processor(type="AppendDelimiterToRecord"),)
# CloudWatch Logs sends batches, zipped, with its own envelope around the lines
USAGE_PROCESSORS: Final = (
    Processor(type="Decompression", parameters=[Parameter(parameter_name="CompressionFormat", parameter_value="GZIP")]),
    Processor(
        type="CloudWatchLogProcessing",
        parameters=[Parameter(parameter_name="DataMessageExtraction", parameter_value="true")],
    ),
)


def error_prefix(prefix: str) -> str:
    """Where Firehose puts records it can't process: `errors/attempts/<error type>/day=…/`."""
    return (
        f"{conventions.LEDGER_ERRORS_PREFIX}{prefix}!{{firehose:error-output-type}}/{conventions.LEDGER_DAY_PARTITION}"
    )


def finished_pattern(queue_arns: Sequence[pulumi.Input[str]], statuses: Sequence[str]) -> pulumi.Output[str]:
    """Batch's state changes of these queues, of this stage only: the bus is the account's."""
    return pulumi.Output.json_dumps(
        {
            "source": ["aws.batch"],
            "detail-type": ["Batch Job State Change"],
            "detail": {"status": list(statuses), "jobQueue": list(queue_arns)},
        },
        sort_keys=True,
    )


def attempt_template() -> str:
    """The input transformer's template of one `attempts/` row.

    Unquoted, a text is put in quotes by EventBridge and a list or map stays JSON; what the event lacks becomes "".
    """
    return "{" + ",".join(f'"{column}":<{column}>' for column in conventions.ATTEMPT_COLUMNS) + "}"
