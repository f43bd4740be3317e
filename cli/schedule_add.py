"""What `batchyard schedules add` is asked for, checked against what the stage allows: every mistake at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from jobs.problems import Problem, listing, raise_any, suggestion
from jobs.schedule_target import MAX_EVENT_AGE_S, MAX_RETRIES, submit_job_request
from jobs.schedule_times import parse_bounded
from jobs.spec.mistakes import every_mistake
from jobs.spec.schedule_source import ScheduleSource
from jobs.spec.triggers import Trigger
from jobs.spec.yaml_file import KeyPath
from jobs.user_schedules import NAME_MAX, PART, PART_ALLOWED, SchedulableJob, StageSchedules

_TIMES: Final = ("cron", "rate", "at")
_SUBMIT_JOB_BYTES: Final = 30 * 1024
"""SubmitJob takes no more."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The command's words."""

    job: str
    owner: str
    name: str | None = None
    """The job's when left out."""
    times: Mapping[str, Any]
    """`cron`, `rate`, `at`, `timezone`, `window_minutes`, `start`, `end`: those that were given."""
    parameters: Sequence[str] = ()
    """`name=value`."""

    @property
    def full_name(self) -> str:
        return f"{self.owner}.{self.name or self.job}"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the wish is compared with."""

    stage: str
    schedules: StageSchedules
    all_jobs: Collection[str]
    """The stage's."""
    existing: Collection[str] = field(default_factory=frozenset)
    """Names of the owner's schedules."""
    now: datetime


def creation(wanted: Wanted, known: Known) -> dict[str, Any]:
    """CreateSchedule's arguments. Raises Problems with every mistake."""
    problems = [*_job_problems(wanted, known), *_name_problems(wanted, known)]
    given, parameter_problems = _parameters(wanted.parameters)
    problems += parameter_problems
    times, time_problems = _times(wanted.times, known.schedules.timezone)
    problems += time_problems
    checked = every_mistake(Trigger, {"schedule": times, "parameters": given}, _place_of)
    problems += checked.problems
    job = known.schedules.jobs.get(wanted.job)
    if job is not None:
        problems += _fit(wanted.job, job, given)
    source = None if checked.value is None else checked.value.schedule
    if source is not None and not time_problems and not checked.problems:
        problems += _past(source, known.now)
    raise_any(problems)
    assert source is not None
    assert job is not None
    request = submit_job_request(
        job_name=job.job_name,
        queue_arn=job.queue_arn,
        definition_arn=job.definition_arn,
        parameters=given,
        array_size=job.array_size,
        share=job.share,
    )
    text = json.dumps(request, sort_keys=True)
    if len(text.encode()) > _SUBMIT_JOB_BYTES:
        got, allowed = f"{len(text.encode()):,} bytes in all", f"SubmitJob takes {_SUBMIT_JOB_BYTES:,}"
        raise_any(
            [Problem(place="--param", got=got, allowed=allowed, remedy="put long values into a file of a bucket")]
        )
    return _arguments(wanted, known.schedules, source, text)


def _arguments(wanted: Wanted, schedules: StageSchedules, source: ScheduleSource, text: str) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "Name": wanted.full_name,
        "GroupName": schedules.group,
        "Description": f"Starts {wanted.job} for {wanted.owner}",
        "ScheduleExpression": source.expression,
        "ScheduleExpressionTimezone": source.timezone,
        "FlexibleTimeWindow": {"Mode": "OFF"}
        if source.window_minutes is None
        else {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": source.window_minutes},
        "Target": {
            "Arn": schedules.target_arn,
            "RoleArn": schedules.role_arn,
            "Input": text,
            "RetryPolicy": {"MaximumEventAgeInSeconds": MAX_EVENT_AGE_S, "MaximumRetryAttempts": MAX_RETRIES},
            "DeadLetterConfig": {"Arn": schedules.dead_letters_arn},
        },
        # what is over would count against the owner's quota for ever
        "ActionAfterCompletion": "DELETE",
        "State": "ENABLED",
    }
    for key, local in (("StartDate", source.start), ("EndDate", source.end)):
        if local is not None:
            arguments[key] = source.moment_of(local)
    return arguments


def _job_problems(wanted: Wanted, known: Known) -> list[Problem]:
    allowed = known.schedules.jobs
    if wanted.job in allowed:
        return []
    if wanted.job in known.all_jobs:
        return [
            Problem(
                place="JOB",
                got=f"{wanted.job}, which users may not schedule",
                allowed=f"in {known.stage} they may schedule {listing(allowed)}",
                remedy=f"write schedulable: true in jobs/{wanted.job}/job.yaml and bring the stage up",
            )
        ]
    return [
        Problem(
            place="JOB",
            got=f"the unknown job {wanted.job[:60]!r}",
            allowed=f"in {known.stage} users may schedule {listing(allowed)}",
            remedy=suggestion(wanted.job, allowed, otherwise="name one of these"),
        )
    ]


def _name_problems(wanted: Wanted, known: Known) -> list[Problem]:
    problems = [
        Problem(place=option, got=repr(text[:80]), allowed=PART_ALLOWED, remedy="write another")
        for option, text in (("--owner", wanted.owner), ("--name", wanted.name))
        if text is not None and PART.fullmatch(text) is None
    ]
    if not problems and len(wanted.full_name) > NAME_MAX:
        got = f"{len(wanted.full_name)} characters with the owner and the point between"
        return [Problem(place="--name", got=got, allowed=f"AWS takes {NAME_MAX}", remedy="write a shorter one")]
    if wanted.full_name in known.existing:
        problems.append(
            Problem(
                place="--name",
                got=f"{wanted.full_name}, which is there already",
                allowed="a schedule's name is its own",
                remedy="write another --name, or remove that one first",
            )
        )
    quota = known.schedules.quota(wanted.owner)
    if len(known.existing) >= quota:
        problems.append(
            Problem(
                place="--owner",
                got=f"{wanted.owner}, who has {len(known.existing):,} schedules",
                allowed=f"{known.stage} allows {quota:,} an owner",
                remedy="remove one, or raise batchyard:schedules in the stage's settings",
            )
        )
    return problems


def _parameters(texts: Sequence[str]) -> tuple[dict[str, str], list[Problem]]:
    given: dict[str, str] = {}
    problems: list[Problem] = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            problems.append(
                Problem(
                    place="--param",
                    got=repr(text[:60]),
                    allowed="a parameter is name=value",
                    remedy=f"write --param {name[:40]}=…",
                )
            )
        elif name in given:
            problems.append(
                Problem(
                    place=f"--param {name[:60]}", got="given twice", allowed="it has one value", remedy="remove one"
                )
            )
        else:
            given[name] = value
    return given, problems


def _times(given: Mapping[str, Any], timezone: str) -> tuple[dict[str, Any], list[Problem]]:
    """The source as job.yaml would have it, with one of cron, rate and at whatever was given."""
    source = {"timezone": timezone, **given}
    chosen = [word for word in _TIMES if word in source]
    if len(chosen) == 1:
        return source, []
    problem = Problem(
        place=" ".join(f"--{word}" for word in chosen or _TIMES),
        got="given at once" if chosen else "missing",
        allowed="a schedule has one of --cron, --rate and --at",
        remedy=f"keep --{chosen[0]}" if chosen else 'add for example --cron "0 6 ? * MON *"',
    )
    if not chosen:
        return {**source, "rate": "1 day"}, [problem]
    return {key: value for key, value in source.items() if key not in chosen[1:]}, [problem]


def _place_of(path: KeyPath) -> str:
    if path[:1] == ("parameters",):
        return "--param" if len(path) == 1 else f"--param {str(path[1])[:60]}"
    word = str(path[1]) if len(path) > 1 else "at"
    return f"--{'window' if word == 'window_minutes' else word}"


def _fit(name: str, job: SchedulableJob, given: Mapping[str, str]) -> list[Problem]:
    """Whether the parameters are the job's."""
    problems = [
        Problem(
            place="--param",
            got=f"without {missing}",
            allowed=f"{name} needs {listing(job.required)}",
            remedy=f"add --param {missing}=…",
        )
        for missing in job.required
        if missing not in given
    ]
    problems += [
        Problem(
            place=f"--param {other[:60]}",
            got="not used by the job",
            allowed=f"{name} takes {listing(job.known)}",
            remedy=suggestion(other, job.known, otherwise="remove it"),
        )
        for other in given
        if other not in job.known
    ]
    return problems


def _past(source: ScheduleSource, now: datetime) -> list[Problem]:
    """Times that have passed, or that never come between the two ends."""
    problems: list[Problem] = []
    for word in ("at", "start", "end"):
        local = getattr(source, word)
        if local is not None and source.moment_of(local) <= now:
            problems.append(
                Problem(
                    place=f"--{word}",
                    got=f"{local}, which has passed in {source.timezone}",
                    allowed="it is a time to come",
                    remedy="leave it out to start at once" if word == "start" else "write a later one",
                )
            )
    if problems:
        return problems
    start, end = (None if one is None else source.moment_of(one).timestamp() for one in (source.start, source.end))
    times = parse_bounded(source.expression, source.timezone or "UTC", made_s=now.timestamp(), start_s=start, end_s=end)
    if times.next_s(now.astimezone(UTC).timestamp()) is None:
        word = next(word for word in _TIMES if getattr(source, word) is not None)
        problems.append(
            Problem(
                place=f"--{word}",
                got=f"{getattr(source, word)!r}, which never comes",
                allowed="a schedule fires at least once, between --start and --end where they are given",
                remedy="change the time or the ends",
            )
        )
    return problems
