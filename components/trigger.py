"""What submits a job: an upload, through an EventBridge rule; a time, through EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import submit_statement
from components.dead_letters import DeadLetters, DeadLettersArgs
from components.names import Names
from jobs import conventions

MAX_EVENT_AGE_S: Final = 6 * 3600
MAX_RETRIES: Final = 100
"""Submissions are refused for a while when more than fifty a second arrive; both limits outlast that."""
SUBMIT_JOB_TARGET: Final = "aws-sdk:batch:submitJob"
S3_PATHS: Final[Mapping[str, str]] = {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"}
assert tuple(S3_PATHS) == conventions.S3_TRIGGER_PARAMETERS


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The job a trigger submits."""

    job: str
    job_name: str
    """What Batch calls each run."""
    queue_arn: pulumi.Input[str]
    definition_arn: pulumi.Input[str]
    """With its revision."""
    definition_arn_prefix: pulumi.Input[str]
    array_size: int | None = None


@dataclass(frozen=True, kw_only=True)
class UploadTriggerArgs:
    names: Names
    number: int
    """Position among the job's upload triggers, from 1."""
    submission: Submission
    bucket_name: pulumi.Input[str]
    prefix: str = ""
    suffixes: Sequence[str] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    alarm_topic_arn: pulumi.Input[str] | None = None


class UploadTrigger(pulumi.ComponentResource):
    """Children: the EventRule, its Role and RolePolicy, DeadLetters, the EventTarget. The bucket's notification to
    EventBridge belongs to the bucket: there is only one."""

    dead_letters_url: pulumi.Output[str]

    def __init__(self, name: str, args: UploadTriggerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:UploadTrigger", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        job = args.submission.job
        part = f"upload{args.number}"
        logical = args.names.of("rule", job, part)
        rule = aws.cloudwatch.EventRule(
            logical,
            description=f"Uploads that start {job}",
            event_pattern=pulumi.Output.json_dumps(
                upload_pattern(args.bucket_name, args.prefix, args.suffixes), sort_keys=True
            ),
            state="ENABLED" if args.enabled else "DISABLED",
            opts=child,
        )
        role = aws.iam.Role(
            args.names.of("role", job, part),
            description=f"Submits {job} for uploads",
            assume_role_policy=policies.trust("events.amazonaws.com", source_arn=rule.arn),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            args.names.of("role", job, part),
            role=role.id,
            policy=policies.document(
                submit_statement(args.submission.queue_arn, args.submission.definition_arn_prefix)
            ),
            opts=child,
        )
        dead_letters = DeadLetters(
            args.names.of("dead-letter queue", job, part),
            DeadLettersArgs(
                names=args.names,
                thing=job,
                part=part,
                what=f"uploads that started no {job}",
                alarm_topic_arn=args.alarm_topic_arn,
            ),
            opts=child,
        )
        dead_letters.accept_from([rule.arn])
        aws.cloudwatch.EventTarget(
            logical,
            rule=rule.name,
            target_id=part,
            arn=args.submission.queue_arn,
            role_arn=role.arn,
            batch_target=aws.cloudwatch.EventTargetBatchTargetArgs(
                job_definition=args.submission.definition_arn,
                job_name=args.submission.job_name,
                array_size=args.submission.array_size,
            ),
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths=dict(S3_PATHS), input_template=upload_template(args.parameters)
            ),
            retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(
                maximum_event_age_in_seconds=MAX_EVENT_AGE_S, maximum_retry_attempts=MAX_RETRIES
            ),
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=dead_letters.arn),
            # the first event must find the permission in place
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.dead_letters_url = dead_letters.url
        self.register_outputs({"rule_arn": rule.arn, "dead_letters_url": self.dead_letters_url})


def upload_pattern(bucket_name: pulumi.Input[str], prefix: str, suffixes: Sequence[str]) -> dict[str, Any]:
    """The rule's pattern. Prefix and suffix together are one wildcard: two entries of a list would mean either."""
    detail: dict[str, Any] = {"bucket": {"name": [bucket_name]}}
    keys: list[dict[str, str]] = []
    if prefix and suffixes:
        keys = [{"wildcard": f"{prefix}*{suffix}"} for suffix in suffixes]
    elif suffixes:
        keys = [{"suffix": suffix} for suffix in suffixes]
    elif prefix:
        keys = [{"prefix": prefix}]
    if keys:
        detail["object"] = {"key": keys}
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


def upload_template(parameters: Mapping[str, str]) -> str:
    """The input transformer's template: `{"Parameters":{"bucket":<bucket>,"key":<key>,"size":"small"}}`.

    EventBridge puts quotes around text it fills in, and escapes nothing in it: a key with a quote starts no job.
    """
    fixed = {name: policies.to_json(value) for name, value in parameters.items()}
    filled = {name: f"<{name}>" for name in S3_PATHS if name not in fixed}
    entries = sorted((fixed | filled).items())
    return '{"Parameters":{' + ",".join(f"{policies.to_json(name)}:{value}" for name, value in entries) + "}}"


@dataclass(frozen=True, kw_only=True)
class ScheduleTriggerArgs:
    names: Names
    number: int
    """Position among the job's schedules, from 1."""
    submission: Submission
    expression: str
    """`cron(…)` or `rate(…)`."""
    timezone: str
    group_name: pulumi.Input[str]
    group_arn: pulumi.Input[str]
    partition: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    enabled: bool = True
    alarm_topic_arn: pulumi.Input[str] | None = None


class ScheduleTrigger(pulumi.ComponentResource):
    """Children: the Role and its RolePolicy, DeadLetters, the Schedule."""

    dead_letters_url: pulumi.Output[str]

    def __init__(self, name: str, args: ScheduleTriggerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:ScheduleTrigger", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        job = args.submission.job
        part = f"schedule{args.number}"
        dead_letters = DeadLetters(
            args.names.of("dead-letter queue", job, part),
            DeadLettersArgs(
                names=args.names,
                thing=job,
                part=part,
                what=f"schedules that started no {job}",
                alarm_topic_arn=args.alarm_topic_arn,
            ),
            opts=child,
        )
        role = aws.iam.Role(
            args.names.of("role", job, part),
            description=f"Submits {job} on schedule",
            assume_role_policy=policies.trust("scheduler.amazonaws.com", source_arn=args.group_arn),
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            args.names.of("role", job, part),
            role=role.id,
            policy=policies.document(
                submit_statement(args.submission.queue_arn, args.submission.definition_arn_prefix),
                # the scheduler, unlike a rule, writes to the dead-letter queue as this role
                policies.allow(["sqs:SendMessage"], [dead_letters.arn]),
            ),
            opts=child,
        )
        schedule = aws.scheduler.Schedule(
            args.names.of("schedule", job, part),
            description=f"Starts {job}",
            group_name=args.group_name,
            schedule_expression=args.expression,
            schedule_expression_timezone=args.timezone,
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            state="ENABLED" if args.enabled else "DISABLED",
            target=aws.scheduler.ScheduleTargetArgs(
                arn=f"arn:{args.partition}:scheduler:::{SUBMIT_JOB_TARGET}",
                role_arn=role.arn,
                input=pulumi.Output.json_dumps(schedule_input(args.submission, args.parameters), sort_keys=True),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_event_age_in_seconds=MAX_EVENT_AGE_S, maximum_retry_attempts=MAX_RETRIES
                ),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=dead_letters.arn),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.dead_letters_url = dead_letters.url
        self.register_outputs({"schedule_arn": schedule.arn, "dead_letters_url": self.dead_letters_url})


def schedule_input(submission: Submission, parameters: Mapping[str, str]) -> dict[str, Any]:
    """SubmitJob's request in PascalCase, as the scheduler's universal target wants it; parameters keep their names."""
    request: dict[str, Any] = {
        "JobName": submission.job_name,
        "JobQueue": submission.queue_arn,
        "JobDefinition": submission.definition_arn,
    }
    if parameters:
        request["Parameters"] = dict(parameters)
    if submission.array_size is not None:
        request["ArrayProperties"] = {"Size": submission.array_size}
    return request
