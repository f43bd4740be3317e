"""What starts a job: an event, through an EventBridge rule; a time, through EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pulumi
import pulumi_aws as aws

from components import policies
from components.access import service_role
from components.dead_letters import DeadLetters, DeadLettersArgs
from components.names import Names
from components.start import Start
from jobs.event_rules.rules import EventRule
from jobs.schedule_target import MAX_EVENT_AGE_S, MAX_RETRIES
from jobs.spec import ScheduleSource


@dataclass(frozen=True, kw_only=True)
class TriggerArgs:
    names: Names
    part: str
    """The trigger among the job's: `upload1`."""
    what: str
    """What starts the job, for people: `uploads`."""
    start: Start
    enabled: bool = True
    alarm_topic_arn: pulumi.Input[str] | None = None


class Trigger(pulumi.ComponentResource):
    """What every trigger has: a Role that may start this one job and nothing else, its RolePolicy, DeadLetters.
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
                thing=args.start.job,
                part=args.part,
                what=f"{args.what} that started no {args.start.job}",
                alarm_topic_arn=args.alarm_topic_arn,
            ),
            opts=self._child,
        )
        self.dead_letters_url = self._dead_letters.url

    def _named(self, kind: Any) -> str:
        return self._args.names.of(kind, self._args.start.job, self._args.part)

    @property
    def _role_does(self) -> str:
        return f"Submits {self._args.start.job} for {self._args.what}"

    def _role(
        self, service: str, source_arn: pulumi.Input[str], *more: policies.Statement
    ) -> tuple[aws.iam.Role, pulumi.ResourceOptions]:
        return service_role(
            self._named("role"),
            service=service,
            source_arn=source_arn,
            description=self._role_does,
            statements=[self._args.start.statement(), *more],
            parent=self,
        )


class RuleTrigger(Trigger):
    """Children beside a Trigger's: the EventRule, the EventTarget. A bucket's notification to EventBridge belongs to
    the bucket: there is only one."""

    def __init__(
        self, kind: str, name: str, args: TriggerArgs, rule: EventRule, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(kind, name, args, opts)
        made = aws.cloudwatch.EventRule(
            self._named("rule"),
            description=f"{args.what.capitalize()} that start {args.start.job}",
            event_bus_name=rule.bus,
            event_pattern=pulumi.Output.json_dumps(rule.pattern, sort_keys=True),
            state="ENABLED" if args.enabled else "DISABLED",
            opts=self._child,
        )
        self._dead_letters.accept_from([made.arn])
        target = args.start.rule_target(rule.parameters)
        permission = args.start.admit_rule(self._named("rule"), made.arn, self._child)
        role: aws.iam.Role | None = None
        if permission is None:
            role, admitted = self._role("events.amazonaws.com", made.arn)
        else:
            admitted = pulumi.ResourceOptions(parent=self, depends_on=[permission])
        aws.cloudwatch.EventTarget(
            self._named("rule"),
            rule=made.name,
            event_bus_name=rule.bus,
            target_id=args.part,
            arn=target.arn,
            role_arn=None if role is None else role.arn,
            batch_target=target.batch_target,
            input_transformer=aws.cloudwatch.EventTargetInputTransformerArgs(
                input_paths=dict(rule.paths), input_template=target.input_template
            ),
            retry_policy=aws.cloudwatch.EventTargetRetryPolicyArgs(
                maximum_event_age_in_seconds=MAX_EVENT_AGE_S, maximum_retry_attempts=MAX_RETRIES
            ),
            dead_letter_config=aws.cloudwatch.EventTargetDeadLetterConfigArgs(arn=self._dead_letters.arn),
            opts=admitted,
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
        target = args.start.schedule_target(schedule.partition, schedule.parameters)
        made = aws.scheduler.Schedule(
            self._named("schedule"),
            description=f"Starts {args.start.job}",
            group_name=schedule.group_name,
            schedule_expression=schedule.source.expression,
            schedule_expression_timezone=schedule.source.timezone,
            start_date=_utc(schedule.source, schedule.source.start, from_=schedule.now),
            end_date=_utc(schedule.source, schedule.source.end),
            flexible_time_window=_window(schedule.source),
            state="ENABLED" if args.enabled else "DISABLED",
            target=aws.scheduler.ScheduleTargetArgs(
                arn=target.arn,
                role_arn=role.arn,
                input=pulumi.Output.json_dumps(target.input, sort_keys=True),
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
