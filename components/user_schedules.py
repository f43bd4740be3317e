"""What users' own schedules need: made at run time by `batchyard schedules`, they are no resources of the stack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components import policies
from components.account import Account
from components.dead_letters import DeadLetters, DeadLettersArgs
from components.names import Names
from components.settings import ScheduleSettings, Settings
from components.start import Start
from components.submission import Submission
from jobs.schedule_target import submit_job_arn
from jobs.spec import JobSpec

_THING = "schedules"


@dataclass(frozen=True, kw_only=True)
class Schedulable:
    """A job that users may schedule."""

    spec: JobSpec
    submission: Submission


@dataclass(frozen=True, kw_only=True)
class UserSchedulesArgs:
    names: Names
    partition: str
    account: str
    timezone: str
    """Of schedules that name none."""
    settings: ScheduleSettings
    jobs: Mapping[str, Schedulable]
    """At least one."""
    protect: bool
    """Whether the group may not be deleted: AWS deletes what users have put in with it."""
    alarm_topic_arn: pulumi.Input[str] | None = None


class UserSchedules(pulumi.ComponentResource):
    """Children: the ScheduleGroup, the Role that its schedules submit with, its RolePolicy, DeadLetters."""

    dead_letters_url: pulumi.Output[str]
    outputs: Mapping[str, Any]
    """What the command line makes schedules with (`jobs.user_schedules.StageSchedules`)."""

    def __init__(self, name: str, args: UserSchedulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("batchyard:components:UserSchedules", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        names = args.names
        group = aws.scheduler.ScheduleGroup(
            names.of("schedule group", "users"),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        dead_letters = DeadLetters(
            names.of("dead-letter queue", _THING),
            DeadLettersArgs(
                names=names,
                thing=_THING,
                part="",
                what="users' schedules that started no job",
                alarm_topic_arn=args.alarm_topic_arn,
            ),
            opts=child,
        )
        logical = names.of("role", _THING)
        role = aws.iam.Role(
            logical,
            description=f"Submits jobs for users' schedules of {names.itself}",
            assume_role_policy=policies.trust(
                "scheduler.amazonaws.com", source_arn=group.arn, source_account=args.account
            ),
            opts=child,
        )
        aws.iam.RolePolicy(
            logical,
            role=role.id,
            policy=policies.document(
                *submit_statements(args.jobs), policies.allow(["sqs:SendMessage"], [dead_letters.arn])
            ),
            opts=child,
        )
        self.dead_letters_url = dead_letters.url
        self.outputs = {
            "group": group.name,
            "role_arn": role.arn,
            "dead_letters_arn": dead_letters.arn,
            "target_arn": submit_job_arn(args.partition),
            "timezone": args.timezone,
            "per_owner": args.settings.per_owner,
            "owners": dict(args.settings.owners),
            "jobs": {job: _job(one) for job, one in sorted(args.jobs.items())},
        }
        self.register_outputs({"group": group.name, "role_arn": role.arn})


def make_user_schedules(
    jobs: Iterable[tuple[JobSpec, Start]],
    settings: Settings,
    account: Account,
    alarm_topic_arn: pulumi.Input[str] | None,
    opts: pulumi.ResourceOptions,
) -> UserSchedules | None:
    """What the schedulable of a stage's jobs need; nothing when none is."""
    allowed = {
        start.job: Schedulable(spec=spec, submission=start)
        for spec, start in jobs
        # a job on Lambda isn't schedulable: its specification is refused
        if spec.schedulable and isinstance(start, Submission)
    }
    if not allowed:
        return None
    names = Names(stage=settings.stage)
    return UserSchedules(
        names.of("schedule group", "users"),
        UserSchedulesArgs(
            names=names,
            partition=account.partition,
            account=account.account_id,
            timezone=settings.timezone,
            settings=settings.schedules,
            jobs=allowed,
            protect=not settings.force_destroy,
            alarm_topic_arn=alarm_topic_arn,
        ),
        opts,
    )


def submit_statements(jobs: Mapping[str, Schedulable]) -> list[policies.Statement]:
    """May submit these jobs to their queues. IAM asks for queue and definition apart, so one statement says as much
    as one a job, in less of the 10,240 characters there are."""
    queues: dict[str, pulumi.Input[str]] = {}
    definitions: list[pulumi.Input[str]] = []
    for _, one in sorted(jobs.items()):
        queues.setdefault(one.spec.queue, one.submission.queue_arn)
        prefix = one.submission.definition_arn_prefix
        definitions += [prefix, pulumi.Output.concat(prefix, ":*")]
    return [policies.allow(["batch:SubmitJob"], [*(queues[name] for name in sorted(queues)), *definitions])]


def _job(one: Schedulable) -> dict[str, Any]:
    spec, submission = one.spec, one.submission
    told: dict[str, Any] = {
        "job_name": submission.job_name,
        "queue_arn": submission.queue_arn,
        "definition_arn": submission.definition_arn_prefix,
        "required": [name for name in spec.references if name not in spec.parameters],
        "known": sorted({*spec.references, *spec.parameters}),
    }
    if submission.array_size is not None:
        told["array_size"] = submission.array_size
    if submission.share is not None:
        told["share"] = submission.share
    return told
