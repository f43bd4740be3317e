"""Users' own schedules: what a stage makes and exports for the jobs that allow them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi_aws as aws
import pytest

from components.reference import StageReference
from components.settings_schedules import POLICY_MAX
from jobs.problems import Problems
from jobs.user_schedules import StageSchedules
from tests.unit.components import example
from tests.unit.components.mocked_engine import ACCOUNT, Recording, arn, record

MONTHLY = """\
description: Sum up a month
owner: analytics
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
command: ["Ref::month", "Ref::size"]
parameters: {size: small}
schedulable: true
"""
SWEEP = example.SWEEP + "schedulable: true\n"
JOBS = {"monthly": MONTHLY, "sweep": SWEEP, "count": example.COUNT}


def recorded(folder: Path, specs: dict[str, str], **changes: Any) -> Recording:
    return record(example.config(**changes), stack="dev", repository=example.write_repository(folder, specs))


@pytest.fixture(scope="module")
def allowing(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    schedules = {"per_owner": 5, "owners": {"media": 1000}}
    return recorded(tmp_path_factory.mktemp("allowing"), JOBS, schedules=schedules)


def test_the_role_submits_the_jobs_that_allow_it_and_no_other(allowing: Recording) -> None:
    policy = json.loads(allowing.one("RolePolicy", "batchyard-dev-schedules").inputs["policy"])
    definitions = [arn("batch", f"job-definition/batchyard-dev-{job}") for job in ("monthly", "sweep")]
    queues = [arn("batch", f"job-queue/batchyard-dev-{queue}") for queue in ("critical", "standard")]
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["batch:SubmitJob"],
            "Resource": [*queues, *(name for one in definitions for name in (one, f"{one}:*"))],
        },
        {
            "Effect": "Allow",
            "Action": ["sqs:SendMessage"],
            "Resource": [allowing.one("Queue", "batchyard-dev-schedules").outputs["arn"]],
        },
    ]


def test_only_schedules_of_the_users_group_take_the_role(allowing: Recording) -> None:
    group = allowing.one("ScheduleGroup", "batchyard-dev-users")
    role = json.loads(allowing.one("Role", "batchyard-dev-schedules").inputs["assumeRolePolicy"])["Statement"]
    assert role == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "scheduler.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnLike": {"aws:SourceArn": group.outputs["arn"]},
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
            },
        }
    ]


def test_the_outputs_say_how_to_make_one(allowing: Recording) -> None:
    exported = allowing.outputs["schedules"]
    told = StageSchedules.model_validate(exported)
    assert told.group == allowing.one("ScheduleGroup", "batchyard-dev-users").outputs["name"]
    assert told.timezone == "Europe/Paris"
    assert (told.quota("media"), told.quota("texts")) == (1000, 5)
    monthly, sweep = told.jobs["monthly"], told.jobs["sweep"]
    assert (monthly.required, monthly.known) == (("month",), ("month", "size"))
    assert (sweep.array_size, sweep.required) == (10, ())
    assert list(told.jobs) == ["monthly", "sweep"]
    assert monthly.definition_arn == allowing.outputs["job_definitions"]["monthly"]
    assert told.job_of(f"{monthly.definition_arn}:7") == told.job_of(monthly.definition_arn) == "monthly"
    assert told.job_of(f"{monthly.definition_arn}-2:7") is None
    assert allowing.outputs["dead_letters"]["schedules"].endswith("/batchyard-dev-schedules-1234567")
    assert allowing.one("MetricAlarm", "batchyard-dev-schedules").inputs["alarmActions"]


def test_another_program_reads_them_typed(allowing: Recording) -> None:
    outputs = json.loads(json.dumps(allowing.outputs), parse_int=float)
    schedules = StageReference.parse(outputs, stack="dev").schedules
    assert schedules is not None
    assert (schedules.role_arn, schedules.per_owner) == (outputs["schedules"]["role_arn"], 5)
    assert schedules.jobs["monthly"].required == ("month",)
    del outputs["schedules"]["role_arn"]
    outputs["schedules"]["jobs"]["sweep"]["array_size"] = ["10"]
    with pytest.raises(
        Problems, match=r"(?s)schedules\.role_arn is missing.*jobs\.sweep\.array_size is of the type list"
    ):
        StageReference.parse(outputs, stack="dev")


def test_without_a_job_that_allows_it_nothing_is_made(stage: Recording) -> None:
    assert "schedules" not in stage.outputs
    assert "schedules" not in stage.outputs["dead_letters"]
    assert [one.name for one in stage.resources if one.name in ("batchyard-dev-users", "batchyard-dev-schedules")] == []
    assert StageReference.parse(stage.outputs, stack="dev").schedules is None


@pytest.mark.parametrize(("force_destroy", "protected"), [(True, False), (False, True)])
def test_where_data_is_kept_the_group_is_protected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force_destroy: bool, protected: bool
) -> None:
    """AWS deletes users' schedules with their group."""
    asked: list[Any] = []
    real = aws.scheduler.ScheduleGroup

    def watched(name: str, opts: Any) -> Any:
        asked.append(opts.protect)
        return real(name, opts=opts)

    monkeypatch.setattr(aws.scheduler, "ScheduleGroup", watched)
    recorded(tmp_path, {"monthly": MONTHLY}, force_destroy=force_destroy)
    assert asked == [protected]


def test_a_stage_may_say_otherwise(tmp_path: Path) -> None:
    jobs = {"monthly": {"schedulable": False}, "count": {"schedulable": True}}
    exported = recorded(tmp_path, {"monthly": MONTHLY, "count": example.COUNT}, jobs=jobs).outputs["schedules"]
    assert list(exported["jobs"]) == ["count"]


def many(count: int) -> dict[str, str]:
    return {f"a-job-with-rather-a-long-name-{number:02}": MONTHLY for number in range(count)}


def test_more_jobs_than_a_policy_can_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Problems) as refused:
        recorded(tmp_path, many(60))
    (problem,) = refused.value
    assert problem.place.endswith("job.yaml:8: schedulable")
    assert "IAM takes 10,240 characters" in str(problem)
    accepted = int(problem.place.partition("name-")[2][:2])
    policy = recorded(tmp_path / "fewer", many(accepted)).one("RolePolicy", "batchyard-dev-schedules").inputs["policy"]
    assert POLICY_MAX * 0.6 < len(policy) <= POLICY_MAX


@pytest.mark.parametrize(
    ("schedules", "problem"),
    [
        ({"per_owner": -1}, "schedules.per_owner is -1; a quota is a whole number of schedules from 0 to 1,000,000"),
        ({"owners": {"media team": 3}}, "it is letters, digits, - and _, beginning and ending with a letter or digit"),
        ({"per_user": 3}, "schedules.per_user is an unknown key; known are owners, per_owner"),
    ],
)
def test_settings_are_checked(tmp_path: Path, schedules: dict[str, Any], problem: str) -> None:
    with pytest.raises(Problems) as refused:
        recorded(tmp_path, {"monthly": MONTHLY}, schedules=schedules)
    assert problem in str(refused.value)
