"""What submits a job: an event, through an EventBridge rule; a time, through EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import submit_statement
from components.dead_letters import DeadLetters, DeadLettersArgs
from components.function_trigger import may_invoke, payload_of, schedule_payload
from components.lambda_function import invoke_statement
from components.names import Names
from jobs.event_rules.rules import EventRule
from jobs.schedule_target import MAX_EVENT_AGE_S, MAX_RETRIES, submit_job_arn, submit_job_request
from jobs.spec import ScheduleSource


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
    function_arn: pulumi.Input[str] | None = None
    """Of a job on Lambda, which is started by this alone: it has no definition, and goes through no queue."""
    array_size: int | None = None
    share: str | None = None
    """In a queue with fair share; a rule can't say it."""


@dataclass(frozen=True, kw_only=True)
class TriggerArgs:
    names: Names
    part: str
    """The trigger among the job's: `upload1`."""
    what: str
    """What starts the job, for people: `uploads`."""
    submission: Submission
    enabled: bool = True
    alarm_topic_arn: pulumi.Input[str] | None = None


class Trigger(pulumi.ComponentResource):
    """What every trigger has: a Role that may submit this one job and nothing else, its RolePolicy, DeadLetters.
    A rule needs no Role to start a function: the function has a Permission for it."""

    dead_letters_url: pulumi.Output[str]

    def __init__(self, kind: str, name: str, args: TriggerArgs, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(f"batchyard:components:{kind}", name, None, opts)
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._dead_letters = DeadLetters(
            self._named("dead-letter queue"),
            DeadLettersArgs(
                names=args.names,
                thing=args.submission.job,
                part=args.part,
                what=f"{args.what} that started no {args.submission.job}",
                alarm_topic_arn=args.alarm_topic_arn,
            ),
            opts=self._child,
        )
        self.dead_letters_url = self._dead_letters.url

    def _named(self, kind: Any) -> str:
        return self._args.names.of(kind, self._args.submission.job, self._args.part)

    def _role(
        self, service: str, source_arn: pulumi.Input[str], *more: policies.Statement
    ) -> tuple[aws.iam.Role, pulumi.ResourceOptions]:
        """The service's role on behalf of one source; and options for what the service acts on, which must find the
        permission in place."""
        submission = self._args.submission
        role = aws.iam.Role(
            self._named("role"),
            description=f"Submits {submission.job} for {self._args.what}",
            assume_role_policy=policies.trust(service, source_arn=source_arn),
            opts=self._child,
        )
        policy = aws.iam.RolePolicy(
            self._named("role"),
            role=role.id,
            policy=policies.document(self._start_statement(), *more),
            opts=self._child,
        )
        return role, pulumi.ResourceOptions(parent=self, depends_on=[policy])

    def _start_statement(self) -> policies.Statement:
        submission = self._args.submission
        if submission.function_arn is not None:
            return invoke_statement(submission.function_arn)
        return submit_statement(submission.queue_arn, submission.definition_arn_prefix)


class RuleTrigger(Trigger):
    """Children beside a Trigger's: the EventRule, the EventTarget. A bucket's notification to EventBridge belongs to
    the bucket: there is only one."""

    def __init__(
        self, kind: str, name: str, args: TriggerArgs, rule: EventRule, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(kind, name, args, opts)
        submission = args.submission
        made = aws.cloudwatch.EventRule(
            self._named("rule"),
            description=f"{args.what.capitalize()} that start {submission.job}",
            event_bus_name=rule.bus,
            event_pattern=pulumi.Output.json_dumps(rule.pattern, sort_keys=True),
            state="ENABLED" if args.enabled else "DISABLED",
            opts=self._child,
        )
        self._dead_letters.accept_from([made.arn])
        function_arn = submission.function_arn
        role: aws.iam.Role | None = None
        if function_arn is None:
            role, after_policy = self._role("events.amazonaws.com", made.arn)
        else:
            permission = may_invoke(self._named("rule"), function_arn=function_arn, rule_arn=made.arn, opts=self._child)
            after_policy = pulumi.ResourceOptions(parent=self, depends_on=[permission])
        aws.cloudwatch.EventTarget(
            self._named("rule"),
            rule=made.name,
            event_bus_name=rule.bus,
            target_id=args.part,
            arn=submission.queue_arn if function_arn is None else function_arn,
            role_arn=None if role is None else role.arn,
            batch_target=aws.cloudwatch.EventTargetBatchTargetArgs(
                job_definition=submission.definition_arn,
                job_name=submission.job_name,
                array_size=submission.array_size,
            )
            if function_arn is None
            else None,
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths=dict(rule.paths),
                input_template=rule.template if function_arn is None else payload_of(rule),
            ),
            retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(
                maximum_event_age_in_seconds=MAX_EVENT_AGE_S, maximum_retry_attempts=MAX_RETRIES
            ),
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=self._dead_letters.arn),
            opts=after_policy,
        )
        self.register_outputs({"rule_arn": made.arn, "dead_letters_url": self.dead_letters_url})


@dataclass(frozen=True, kw_only=True)
class ScheduleArgs:
    source: ScheduleSource
    """With a time zone."""
    group_name: pulumi.Input[str]
    group_arn: pulumi.Input[str]
    partition: str
    now: datetime
    parameters: Mapping[str, str] = field(default_factory=dict)


class ScheduleTrigger(Trigger):
    """Child beside a Trigger's: the Schedule."""

    def __init__(
        self, name: str, args: TriggerArgs, schedule: ScheduleArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("ScheduleTrigger", name, args, opts)
        role, after_policy = self._role(
            "scheduler.amazonaws.com",
            schedule.group_arn,
            # the scheduler, unlike a rule, writes to the dead-letter queue as this role
            policies.allow(["sqs:SendMessage"], [self._dead_letters.arn]),
        )
        made = aws.scheduler.Schedule(
            self._named("schedule"),
            description=f"Starts {args.submission.job}",
            group_name=schedule.group_name,
            schedule_expression=schedule.source.expression,
            schedule_expression_timezone=schedule.source.timezone,
            start_date=_utc(schedule.source, schedule.source.start, from_=schedule.now),
            end_date=_utc(schedule.source, schedule.source.end),
            flexible_time_window=_window(schedule.source),
            state="ENABLED" if args.enabled else "DISABLED",
            target=aws.scheduler.ScheduleTargetArgs(
                arn=submit_job_arn(schedule.partition)
                if args.submission.function_arn is None
                else args.submission.function_arn,
                role_arn=role.arn,
                input=pulumi.Output.json_dumps(schedule_input(args.submission, schedule.parameters), sort_keys=True),
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_event_age_in_seconds=MAX_EVENT_AGE_S, maximum_retry_attempts=MAX_RETRIES
                ),
                dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=self._dead_letters.arn),
            ),
            opts=after_policy,
        )
        self.register_outputs({"schedule_arn": made.arn, "dead_letters_url": self.dead_letters_url})


def _window(source: ScheduleSource) -> aws.scheduler.ScheduleFlexibleTimeWindowArgs:
    if source.window_minutes is None:
        return aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF")
    return aws.scheduler.ScheduleFlexibleTimeWindowArgs(
        mode="FLEXIBLE", maximum_window_in_minutes=source.window_minutes
    )


def _utc(source: ScheduleSource, local: str | None, *, from_: datetime | None = None) -> str | None:
    """`2027-01-01T05:00:00Z`; None for a time before `from_`: the scheduler refuses a start that has passed."""
    if local is None:
        return None
    at = source.moment_of(local)
    return None if from_ is not None and at <= from_ else at.strftime("%Y-%m-%dT%H:%M:%SZ")


def schedule_input(submission: Submission, parameters: Mapping[str, str]) -> dict[str, Any]:
    """SubmitJob's request of a trigger. A function gets the parameters alone."""
    if submission.function_arn is not None:
        return schedule_payload(parameters)
    return submit_job_request(
        job_name=submission.job_name,
        queue_arn=submission.queue_arn,
        definition_arn=submission.definition_arn,
        parameters=parameters,
        array_size=submission.array_size,
        share=submission.share,
    )
