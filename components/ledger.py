"""The ledger: finished attempts, what the probe measured of them and what they ran on, as files in S3; no code runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import objects_of
from components.dead_letters import DeadLetters, DeadLettersArgs
from components.names import Names
from components.state_patterns import Pattern, Watched, ecs_patterns, finished_patterns
from jobs import conventions

FINISHED: Final = ("SUCCEEDED", "FAILED")
USAGE_FILTER: Final = f'{{ $.type = "{conventions.USAGE_TYPE}" }}'
ATTEMPT_FILTER: Final = f'{{ $.type = "{conventions.ATTEMPT_TYPE}" }}'
MAX_EVENT_AGE_S: Final = 24 * 3600
MAX_RETRIES: Final = 185
"""AWS's own maximum: a row is worth waiting for."""

Processors = Mapping[str, Mapping[str, str]]
"""Type → its parameters, in the order Firehose applies them."""


@dataclass(frozen=True, kw_only=True)
class LedgerArgs:
    names: Names
    region: str
    partition: str
    account: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    queues: Sequence[Watched]
    """Queues whose jobs are recorded: all of the stage."""
    clusters: Sequence[Watched]
    """ECS clusters whose instances and tasks are recorded: those of the stage's compute environments."""
    has_functions: bool = False
    """Whether jobs run on Lambda, which tell of their attempts in their logs."""
    buffer_s: int
    buffer_mib: int
    alarm_topic_arn: pulumi.Input[str] | None = None


@dataclass(frozen=True, kw_only=True)
class _Events:
    """Rows that EventBridge makes of events."""

    rows: str
    """What they are called."""
    prefix: str
    what: str
    """Which events, for people."""
    patterns: Sequence[Pattern]
    """A rule for each."""
    paths: Mapping[str, str]
    zipped: bool = False


@dataclass(frozen=True, kw_only=True)
class _Granted:
    """A role, and the policy that must be there before the role is used."""

    role: aws.iam.Role
    grant: aws.iam.RolePolicy


class Ledger(pulumi.ComponentResource):
    """Children: three FirehoseDeliveryStreams into the bucket, four where jobs run on Lambda, with one Role; for
    `attempts/` and `ecs/` each a Role and an EventRule with its EventTarget (several, where one pattern can't name
    all), with DeadLetters for both; for `usage/` the Role with which CloudWatch Logs delivers. `subscribe` adds a
    group."""

    dead_letters_url: pulumi.Output[str]

    def __init__(self, name: str, args: LedgerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:Ledger", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        self._args = args
        writer = self._writer()
        self._usage = self._stream("usage", conventions.LEDGER_USAGE_PREFIX, writer, USAGE_PROCESSORS)
        dead_letters = self._dead_letters()
        rules = [arn for events in self._events() for arn in self._record(events, writer, dead_letters)]
        dead_letters.accept_from(rules)
        self.dead_letters_url = dead_letters.url
        self._told = None
        if args.has_functions:
            prefix = conventions.LEDGER_ATTEMPTS_PREFIX
            self._told = self._stream("told", prefix, writer, USAGE_PROCESSORS)
        self._logs = self._logs_access()
        self.register_outputs({"dead_letters_url": self.dead_letters_url, "usage_stream_arn": self._usage.arn})

    def _events(self) -> Sequence[_Events]:
        return (
            _Events(
                rows="attempts",
                prefix=conventions.LEDGER_ATTEMPTS_PREFIX,
                what="finished jobs",
                patterns=finished_patterns(self._args.queues, FINISHED),
                paths=conventions.ATTEMPT_PATHS,
            ),
            _Events(
                rows="ecs",
                prefix=conventions.LEDGER_ECS_PREFIX,
                what="instances and stopped tasks",
                patterns=ecs_patterns(self._args.clusters),
                paths=conventions.ECS_PATHS,
                # an instance's row lists all its attributes each time that a task comes or goes
                zipped=True,
            ),
        )

    def _writer(self) -> _Granted:
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
        return _Granted(role=role, grant=grant)

    def _stream(
        self, rows: str, prefix: str, writer: _Granted, processors: Processors, *, zipped: bool = False
    ) -> aws.kinesis.FirehoseDeliveryStream:
        return aws.kinesis.FirehoseDeliveryStream(
            self._args.names.of("delivery stream", "ledger", rows),
            destination="extended_s3",
            extended_s3_configuration=aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationArgs(
                bucket_arn=self._args.bucket_arn,
                role_arn=writer.role.arn,
                buffering_interval=self._args.buffer_s,
                buffering_size=self._args.buffer_mib,
                compression_format="GZIP" if zipped else "UNCOMPRESSED",
                prefix=f"{prefix}{conventions.LEDGER_DAY_PARTITION}",
                error_output_prefix=error_prefix(prefix),
                processing_configuration=(
                    aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationArgs(
                        enabled=True, processors=_processors(processors)
                    )
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[writer.grant]),
        )

    def _dead_letters(self) -> DeadLetters:
        """One for all rules: a dead letter names the rule it comes from."""
        return DeadLetters(
            self._args.names.of("dead-letter queue", "ledger", "events"),
            DeadLettersArgs(
                names=self._args.names,
                thing="ledger",
                part="events",
                what="finished jobs, instances or tasks the ledger missed",
                alarm_topic_arn=self._args.alarm_topic_arn,
            ),
            opts=self._child,
        )

    def _record(self, events: _Events, writer: _Granted, dead_letters: DeadLetters) -> list[pulumi.Output[str]]:
        """The stream of these rows, and the rules that feed it; gives the rules' ARNs."""
        stream = self._stream(events.rows, events.prefix, writer, EVENT_PROCESSORS, zipped=events.zipped)
        rules = {
            logical: aws.cloudwatch.EventRule(
                logical,
                description=f"{events.what.capitalize()}, for the ledger",
                event_pattern=pulumi.Output.json_dumps(pattern, sort_keys=True),
                opts=self._child,
            )
            for logical, pattern in self._args.names.numbered("rule", "ledger", events.rows, events.patterns)
        }
        arns = [rule.arn for rule in rules.values()]
        access = self._delivers(
            events.rows,
            [stream],
            description=f"EventBridge hands {events.what} to Firehose",
            trust=policies.trust("events.amazonaws.com", source_arn=policies.one_or_all(arns)),
        )
        for logical, rule in rules.items():
            aws.cloudwatch.EventTarget(
                logical,
                rule=rule.name,
                target_id="ledger",
                arn=stream.arn,
                role_arn=access.role.arn,
                input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                    input_paths=dict(events.paths), input_template=row_template(events.paths)
                ),
                retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(
                    maximum_event_age_in_seconds=MAX_EVENT_AGE_S, maximum_retry_attempts=MAX_RETRIES
                ),
                dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=dead_letters.arn),
                opts=pulumi.ResourceOptions(parent=self, depends_on=[access.grant]),
            )
        return arns

    def _logs_access(self) -> _Granted:
        args = self._args
        return self._delivers(
            "usage",
            [self._usage, *([] if self._told is None else [self._told])],
            description="CloudWatch Logs hands the probe's lines to Firehose",
            trust=policies.trust(
                "logs.amazonaws.com",
                source_arn=pulumi.Output.concat(f"arn:{args.partition}:logs:{args.region}:", args.account, ":*"),
            ),
        )

    def _delivers(
        self,
        rows: str,
        streams: Sequence[aws.kinesis.FirehoseDeliveryStream],
        *,
        description: str,
        trust: pulumi.Output[str],
    ) -> _Granted:
        """A role that may put records into these streams."""
        logical = self._args.names.of("role", "ledger", rows)
        role = aws.iam.Role(logical, description=description, assume_role_policy=trust, opts=self._child)
        grant = aws.iam.RolePolicy(
            logical,
            role=role.id,
            policy=policies.document(policies.allow(PUT_RECORDS, [stream.arn for stream in streams])),
            opts=self._child,
        )
        return _Granted(role=role, grant=grant)

    def subscribe(
        self, name: str, log_group_name: pulumi.Input[str], parent: pulumi.Resource
    ) -> aws.cloudwatch.LogSubscriptionFilter:
        """Delivers the probe's lines of one log group; the filter is the parent's child."""
        return aws.cloudwatch.LogSubscriptionFilter(
            name,
            name="usage",
            log_group=log_group_name,
            destination_arn=self._usage.arn,
            role_arn=self._logs.role.arn,
            filter_pattern=USAGE_FILTER,
            # CloudWatch Logs tries the delivery when the filter is made
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[self._logs.grant]),
        )

    def subscribe_attempts(
        self, name: str, log_group_name: pulumi.Input[str], parent: pulumi.Resource
    ) -> aws.cloudwatch.LogSubscriptionFilter:
        """Delivers what a function's runs tell of themselves; a log group has at most two filters."""
        assert self._told is not None, "a stage with functions has the stream for their rows"
        return aws.cloudwatch.LogSubscriptionFilter(
            f"{name}/attempts",
            name="attempts",
            log_group=log_group_name,
            destination_arn=self._told.arn,
            role_arn=self._logs.role.arn,
            filter_pattern=ATTEMPT_FILTER,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[self._logs.grant]),
        )


PUT_RECORDS: Final = ("firehose:PutRecord", "firehose:PutRecordBatch")
# a record of EventBridge ends without a newline
EVENT_PROCESSORS: Final[Processors] = {"AppendDelimiterToRecord": {}}
# CloudWatch Logs sends batches, zipped, with its own envelope around the lines
USAGE_PROCESSORS: Final[Processors] = {
    "Decompression": {"CompressionFormat": "GZIP"},
    "CloudWatchLogProcessing": {"DataMessageExtraction": "true"},
}


def _processors(
    wanted: Processors,
) -> list[aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorArgs]:
    # named here: the module they come from is read while AWS is asked who we are
    processor = aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorArgs
    parameter = aws.kinesis.FirehoseDeliveryStreamExtendedS3ConfigurationProcessingConfigurationProcessorParameterArgs
    return [
        processor(
            type=kind,
            parameters=[parameter(parameter_name=name, parameter_value=value) for name, value in parameters.items()]
            or None,
        )
        for kind, parameters in wanted.items()
    ]


def error_prefix(prefix: str) -> str:
    """Where Firehose puts records it can't process: `errors/attempts/<error type>/day=…/`."""
    return (
        f"{conventions.LEDGER_ERRORS_PREFIX}{prefix}!{{firehose:error-output-type}}/{conventions.LEDGER_DAY_PARTITION}"
    )


def row_template(columns: Iterable[str]) -> str:
    """The input transformer's template of one row.

    Unquoted, a text is put in quotes by EventBridge and a list or map stays JSON; what the event lacks becomes "".
    """
    return "{" + ",".join(f'"{column}":<{column}>' for column in columns) + "}"
