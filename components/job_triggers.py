"""All triggers of one job, from its specification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pulumi
import pulumi_aws as aws

from components.account import Account
from components.buckets import Bucket
from components.names import Names
from components.pipe_trigger import PipeArgs, QueueTrigger
from components.start import Start
from components.stream_trigger import StreamTrigger
from components.topic_trigger import TopicTrigger
from components.trigger import RuleTrigger, ScheduleArgs, ScheduleTrigger, Trigger, TriggerArgs
from jobs.event_rules.rules import event_rule
from jobs.spec import JobSpec
from jobs.spec import Trigger as SpecTrigger
from jobs.spec.triggers import numbered

WHAT = {
    "upload": "uploads",
    "schedule": "schedules",
    "after": "ends of other jobs",
    "event": "events",
    "queue": "messages",
    "topic": "notifications",
    "stream": "changes of items",
}
"""Part of a trigger's name, without its number → what starts the job."""


@dataclass(frozen=True, kw_only=True)
class TriggerPlaces:
    """What the stage has for triggers to name (`event_rules.rules.Places`)."""

    names: Names
    account: Account
    region: str
    buckets: Mapping[str, Bucket]
    queues: Mapping[str, pulumi.Input[str]]
    """Job → ARN of the queue it goes to."""
    functions: frozenset[str] = frozenset()
    """Jobs that run on Lambda."""
    topics: Mapping[str, pulumi.Input[str]]
    """Name in the settings → ARN."""
    streams: Mapping[str, str]
    """Table in the settings → ARN of its stream."""
    schedule_group: aws.scheduler.ScheduleGroup | None
    """None in a stage without schedules."""
    log_retention_days: int
    alarm_topic_arn: pulumi.Input[str] | None = None

    def bucket(self, name: str) -> pulumi.Output[str]:
        return self.buckets[name].name

    def queue_arn(self, job: str) -> pulumi.Input[str]:
        return self.queues[job]

    def definition_arn_prefix(self, job: str) -> str:
        # written out, for the definition of a job further down isn't made yet
        name = self.names.of("job definition", job)
        return f"{self.arn('batch')}:job-definition/{name}:"

    def function_arn(self, job: str) -> str | None:
        return f"{self.arn('lambda')}:function:{self.names.of('function', job)}" if job in self.functions else None

    def arn(self, service: str) -> str:
        """What ARNs of the stage's account and region begin with, up to the resource."""
        return f"arn:{self.account.partition}:{service}:{self.region}:{self.account.account_id}"


@dataclass(frozen=True, kw_only=True)
class MadeTriggers:
    """Both by `<job>/upload1`: the trigger's name behind its job's."""

    dead_letters: Mapping[str, pulumi.Output[str]]
    """URL of the dead-letter queue."""
    message_queues: Mapping[str, pulumi.Output[str]]
    """URL of the queue whose messages submit the job."""


def make_triggers(spec: JobSpec, start: Start, places: TriggerPlaces, opts: pulumi.ResourceOptions) -> MadeTriggers:
    """Makes all triggers of a job."""
    made = {
        f"{start.job}/{part}": _make(part, trigger, start, places, opts) for part, trigger in numbered(spec.triggers)
    }
    return MadeTriggers(
        dead_letters={name: one.dead_letters_url for name, one in made.items()},
        message_queues={name: one.queue_url for name, one in made.items() if isinstance(one, QueueTrigger)},
    )


def _make(
    part: str, trigger: SpecTrigger, start: Start, places: TriggerPlaces, opts: pulumi.ResourceOptions
) -> Trigger:
    word = part.rstrip("0123456789")
    args = TriggerArgs(
        names=places.names,
        part=part,
        what=WHAT[word],
        start=start,
        enabled=trigger.enabled,
        alarm_topic_arn=places.alarm_topic_arn,
    )
    rule = event_rule(trigger, places)
    if rule is not None:
        name = places.names.of("rule", start.job, part)
        return RuleTrigger(f"{word.capitalize()}Trigger", name, args, rule, opts)
    if trigger.piped is not None:
        pipe = PipeArgs(
            offered=trigger.piped.offered,
            pipes_arn=f"{places.arn('pipes')}:pipe/",
            log_retention_days=places.log_retention_days,
            parameters=trigger.parameters,
        )
        name = places.names.of("pipe", start.job, part)
        if trigger.sns is not None:
            return TopicTrigger(name, args, trigger.sns, places.topics[trigger.sns.topic], pipe, opts)
        if trigger.dynamodb is not None:
            return StreamTrigger(name, args, trigger.dynamodb, places.streams[trigger.dynamodb.table], pipe, opts)
        assert trigger.sqs is not None
        return QueueTrigger(name, args, trigger.sqs, pipe, opts)
    assert trigger.schedule is not None
    assert trigger.schedule.timezone is not None, "the stage's time zone has been merged in"
    assert places.schedule_group is not None, "a stage with schedules has a group"
    return ScheduleTrigger(
        places.names.of("schedule", start.job, part),
        args,
        ScheduleArgs(
            source=trigger.schedule,
            group_name=places.schedule_group.name,
            group_arn=places.schedule_group.arn,
            partition=places.account.partition,
            now=datetime.now(UTC),
            parameters=trigger.parameters,
        ),
        opts,
    )
