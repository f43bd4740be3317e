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
from components.trigger import RuleTrigger, ScheduleArgs, ScheduleTrigger, Submission, TriggerArgs
from jobs.event_rules.rules import event_rule
from jobs.spec import JobSpec, Trigger
from jobs.spec.triggers import numbered

WHAT = {"upload": "uploads", "schedule": "schedules", "after": "ends of other jobs", "event": "events"}
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
    schedule_group: aws.scheduler.ScheduleGroup | None
    """None in a stage without schedules."""
    alarm_topic_arn: pulumi.Input[str] | None = None

    def bucket(self, name: str) -> pulumi.Output[str]:
        return self.buckets[name].name

    def queue_arn(self, job: str) -> pulumi.Input[str]:
        return self.queues[job]

    def definition_arn_prefix(self, job: str) -> str:
        # written out, for the definition of a job further down isn't made yet
        name = self.names.of("job definition", job)
        return f"arn:{self.account.partition}:batch:{self.region}:{self.account.account_id}:job-definition/{name}:"


def make_triggers(
    spec: JobSpec, submission: Submission, places: TriggerPlaces, opts: pulumi.ResourceOptions
) -> dict[str, pulumi.Output[str]]:
    """Makes them; `<job>/upload1` → URL of its dead-letter queue."""
    return {
        f"{submission.job}/{part}": _make(part, trigger, submission, places, opts).dead_letters_url
        for part, trigger in numbered(spec.triggers)
    }


def _make(
    part: str, trigger: Trigger, submission: Submission, places: TriggerPlaces, opts: pulumi.ResourceOptions
) -> RuleTrigger | ScheduleTrigger:
    word = part.rstrip("0123456789")
    args = TriggerArgs(
        names=places.names,
        part=part,
        what=WHAT[word],
        submission=submission,
        enabled=trigger.enabled,
        alarm_topic_arn=places.alarm_topic_arn,
    )
    rule = event_rule(trigger, places)
    if rule is not None:
        name = places.names.of("rule", submission.job, part)
        return RuleTrigger(f"{word.capitalize()}Trigger", name, args, rule, opts)
    assert trigger.schedule is not None
    assert trigger.schedule.timezone is not None, "the stage's time zone has been merged in"
    assert places.schedule_group is not None, "a stage with schedules has a group"
    return ScheduleTrigger(
        places.names.of("schedule", submission.job, part),
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
