"""`batchyard schedules`, against the emulator's Scheduler: what is made, shown, changed, and every refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from cli import schedule_entries, schedules
from cli.main import app
from jobs.user_schedules import StageSchedules
from local.emulator import scheduler
from local.emulator.context import EmulatorContext
from reports.stage import StageAccess, StageUnavailableError, from_outputs
from tests.unit.local.emulator.moto_server import ACCOUNT, REGION, client, make_role, serving

GROUP = "batchyard-dev-users"
BATCH = f"arn:aws:batch:{REGION}:{ACCOUNT}"
EXPORTED: dict[str, Any] = {
    "group": GROUP,
    "role_arn": f"arn:aws:iam::{ACCOUNT}:role/users",
    "dead_letters_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:users",
    "target_arn": "arn:aws:scheduler:::aws-sdk:batch:submitJob",
    "timezone": "Europe/Berlin",
    "per_owner": 3,
    "owners": {"texts": 1},
    "jobs": {
        "monthly": {
            "job_name": "batchyard-dev-monthly",
            "queue_arn": f"{BATCH}:job-queue/standard",
            "definition_arn": f"{BATCH}:job-definition/batchyard-dev-monthly",
            "required": ["month"],
            "known": ["month", "size"],
        },
        "sweep": {
            "job_name": "batchyard-dev-sweep",
            "queue_arn": f"{BATCH}:job-queue/standard",
            "definition_arn": f"{BATCH}:job-definition/batchyard-dev-sweep",
            "array_size": 10,
            "share": "research",
        },
    },
}
STAGE: dict[str, Any] = {
    "stage": "dev",
    "region": REGION,
    "buckets": {},
    "owners": {"monthly": "analytics", "sweep": "research", "count": "texts"},
    "schedules": EXPORTED,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorContext]:
    with serving(tmp_path_factory.mktemp("lane"), [scheduler.install], second_scale=1.0) as (context, _):
        make_role(
            context, "users", service="scheduler.amazonaws.com", actions=["batch:SubmitJob"], resources=[f"{BATCH}:*"]
        )
        client(context, "scheduler").create_schedule_group(Name=GROUP)
        yield context


@pytest.fixture(autouse=True)
def api(server: EmulatorContext, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = client(server, "scheduler")
    for name in schedule_entries.names(found, GROUP):
        found.delete_schedule(GroupName=GROUP, Name=name)
    offer(STAGE, server, monkeypatch)
    return found


def offer(stage: dict[str, Any], server: EmulatorContext, monkeypatch: pytest.MonkeyPatch) -> None:
    access = from_outputs({"stage": stage}, stack="dev", client=lambda service: client(server, service))
    monkeypatch.setattr(schedules, "open_stage", lambda *_arguments: access)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["schedules", *arguments])


def done(*arguments: str) -> Any:
    """The JSON of a command that goes well."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(*arguments: str) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    return str(result.stderr).splitlines()


def add(*more: str, job: str = "monthly", owner: str = "media") -> Any:
    return done("add", job, "--owner", owner, *more)["schedule"]


def test_what_is_added_submits_the_job_as_the_stages_own_schedules_do(api: Any) -> None:
    made = add("--name", "early", "--cron", "0 6 ? * MON *", "--param", "month=2013-01", "--window", "15")
    assert (made["name"], made["owner"], made["job"], made["paused"]) == ("media.early", "media", "monthly", False)
    kept = api.get_schedule(GroupName=GROUP, Name="media.early")
    assert (kept["ScheduleExpression"], kept["ScheduleExpressionTimezone"]) == ("cron(0 6 ? * MON *)", "Europe/Berlin")
    assert kept["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert kept["ActionAfterCompletion"] == "DELETE"
    target = kept["Target"]
    assert json.loads(target.pop("Input")) == {
        "JobName": "batchyard-dev-monthly",
        "JobQueue": f"{BATCH}:job-queue/standard",
        "JobDefinition": f"{BATCH}:job-definition/batchyard-dev-monthly",
        "Parameters": {"month": "2013-01"},
    }
    assert target == {
        "Arn": EXPORTED["target_arn"],
        "RoleArn": EXPORTED["role_arn"],
        "RetryPolicy": {"MaximumEventAgeInSeconds": 21600, "MaximumRetryAttempts": 100},
        "DeadLetterConfig": {"Arn": EXPORTED["dead_letters_arn"]},
    }


def test_an_array_and_a_share_are_the_jobs(api: Any) -> None:
    add("--rate", "1 day", job="sweep")
    request = json.loads(api.get_schedule(GroupName=GROUP, Name="media.sweep")["Target"]["Input"])
    assert (request["ArrayProperties"], request["ShareIdentifier"]) == ({"Size": 10}, "research")


def test_ends_are_local_times(api: Any) -> None:
    add("--rate", "1 day", "--start", "2030-07-01T00:00", "--end", "2030-12-01T00:00", job="sweep")
    kept = api.get_schedule(GroupName=GROUP, Name="media.sweep")
    assert kept["StartDate"].astimezone(UTC) == datetime(2030, 6, 30, 22, tzinfo=UTC)
    assert kept["EndDate"].astimezone(UTC) == datetime(2030, 11, 30, 23, tzinfo=UTC)
    (listed,) = done("list")["schedules"]
    assert listed["next"] == listed["start"] == "2030-06-30T22:00:00Z"


def test_people_are_told_when_it_fires_first() -> None:
    said = run("add", "sweep", "--owner", "media", "--at", "2030-01-01T06:00").stdout
    assert said == "media.sweep starts sweep, next 2030-01-01 06:00 Europe/Berlin\n"


def test_list_shows_each_with_its_next_time_where_it_lives() -> None:
    add("--name", "b", "--at", "2030-07-01T06:00", "--timezone", "America/New_York", "--param", "month=x")
    add("--name", "a", "--cron", "30 2 * * ? *", "--param", "month=x", "--param", "size=large")
    add("--name", "c", "--rate", "1 hour", "--window", "5", job="sweep", owner="texts")
    shown = run("list").stdout
    assert [line.split()[0] for line in shown.splitlines()[3:6]] == ["media.a", "media.b", "texts.c"]
    assert "at(2030-07-01T06:00:00) America/New_York   2030-07-01 06:00" in shown
    assert "rate(1 hour) Europe/Berlin within 5 min" in shown
    by_name = {one["name"]: one for one in done("list")["schedules"]}
    assert by_name["media.b"]["next"] == "2030-07-01T10:00:00Z"
    assert by_name["media.a"]["parameters"] == {"month": "x", "size": "large"}
    local = datetime.fromisoformat(by_name["media.a"]["next"]).astimezone(ZoneInfo("Europe/Berlin"))
    assert (local.hour, local.minute) == (2, 30)
    assert [one["name"] for one in done("list", "--owner", "media")["schedules"]] == ["media.a", "media.b"]
    assert [one["name"] for one in done("list", "--job", "sweep")["schedules"]] == ["texts.c"]
    assert "media has 2 of 3" in run("list", "--owner", "media").stdout
    assert "1 of 3 schedules; --limit shows more" in run("list", "--limit", "1").stdout
    assert "no schedule" in run("list", "--owner", "nobody").stdout


def test_an_owners_name_that_begins_like_anothers_is_not_counted_with_it() -> None:
    add("--name", "a", "--rate", "1 day", job="sweep", owner="texts-2")
    add("--name", "a", "--rate", "1 day", job="sweep", owner="texts")
    assert [one["name"] for one in done("list", "--owner", "texts")["schedules"]] == ["texts.a"]


def test_paused_schedules_keep_everything_else_and_wake_again(api: Any) -> None:
    add("--cron", "0 6 * * ? *", "--param", "month=x", "--window", "7", "--end", "2031-01-01T00:00")
    before = api.get_schedule(GroupName=GROUP, Name="media.monthly")
    (paused,) = done("pause", "media.monthly")["schedules"]
    assert (paused["paused"], paused["next"]) == (True, None)
    assert "paused" in run("list").stdout
    assert "media.monthly was paused" in run("pause", "media.monthly").stdout
    (awake,) = done("resume", "media.monthly")["schedules"]
    assert awake["paused"] is False
    assert awake["next"] is not None
    after = api.get_schedule(GroupName=GROUP, Name="media.monthly")
    aside = {"LastModificationDate", "ResponseMetadata"}
    assert {key: value for key, value in after.items() if key not in aside} == {
        key: value for key, value in before.items() if key not in aside
    }


def test_a_start_that_has_passed_is_not_sent_again() -> None:
    sent: list[dict[str, Any]] = []

    class Api:
        def update_schedule(self, **given: Any) -> None:
            sent.append(given)

    now = datetime(2026, 6, 1, tzinfo=UTC)
    one: dict[str, Any] = {"Name": "a.b", "GroupName": "g", "State": "ENABLED", "Description": None, "Arn": "a"}
    for days in (-1, 1):
        described = {**one, "StartDate": now + timedelta(days=days)}
        schedule_entries.update(Api(), described, paused=True, now=now)
    assert ["StartDate" in given for given in sent] == [False, True]
    assert sent[0] == {"Name": "a.b", "GroupName": "g", "State": "DISABLED"}


def test_removed_ones_are_gone() -> None:
    add("--rate", "1 day", job="sweep")
    add("--rate", "2 days", "--name", "b", job="sweep")
    assert done("remove", "media.sweep") == {"stage": "dev", "removed": ["media.sweep"]}
    assert run("remove", "media.b").stdout == "removed media.b\n"
    assert done("list")["schedules"] == []


@pytest.mark.parametrize("command", ["pause", "resume", "remove"])
def test_names_that_are_not_there_stop_the_command_before_it_changes_anything(command: str) -> None:
    add("--rate", "1 day", "--name", "daily", job="sweep")
    found = refused(command, "media.daily", "media.dialy", "nobody.daily", "no schedule/../x", "x" * 70)
    assert len(found) == 4
    assert found[0].startswith("'media.dialy' is no schedule of the stage; ")
    assert found[0].endswith("did you mean media.daily?")
    (still,) = done("list")["schedules"]
    assert still["paused"] is False


def test_what_is_over_is_not_resumed(api: Any) -> None:
    add("--at", "2030-01-01T06:00", job="sweep")
    kept = api.get_schedule(GroupName=GROUP, Name="media.sweep")
    keys = ("FlexibleTimeWindow", "Target")
    api.update_schedule(
        GroupName=GROUP, Name="media.sweep", ScheduleExpression="at(2020-01-01T06:00:00)", State="DISABLED",
        **{key: kept[key] for key in keys},
    )  # fmt: skip
    assert refused("resume", "media.sweep") == [
        "media.sweep is over, without a time left; what is resumed fires again; remove it, and add another"
    ]


def test_every_mistake_is_told_at_once() -> None:
    found = refused(
        "add", "monhtly", "--owner", "media team", "--name", "x.y", "--cron", "0 6 * * * *", "--timezone",
        "Europe/Berlln", "--param", "month", "--param", "size=1", "--param", "size=2", "--window", "0",
    )  # fmt: skip
    text = "\n".join(found)
    for expected in (
        "JOB is the unknown job 'monhtly'; in dev users may schedule monthly, sweep; did you mean monthly?",
        "--owner is 'media team'; it is letters, digits, - and _",
        "--name is 'x.y'; it is letters, digits, - and _",
        "--cron is '0 6 * * * *' with none of the two days as ?",
        "--timezone is 'Europe/Berlln'; a time zone is an IANA name; did you mean Europe/Berlin?",
        "--window is 0; a window is a whole number of minutes from 1 to 1,440",
        "--param is 'month'; a parameter is name=value; write --param month=…",
        "--param size is given twice",
    ):
        assert expected in text, text
    assert len(found) == 8


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["count", "--rate", "1 day"], "JOB is count, which users may not schedule; in dev they may schedule monthly, "
         "sweep; write schedulable: true in jobs/count/job.yaml and bring the stage up"),
        (["sweep"], '--cron --rate --at is missing; a schedule has one of --cron, --rate and --at; add for example '
         '--cron "0 6 ? * MON *"'),
        (["sweep", "--rate", "1 day", "--at", "2030-01-01T00:00"], "--rate --at is given at once; a schedule has one "
         "of --cron, --rate and --at; keep --rate"),
        (["sweep", "--rate", "1 days"], '--rate is \'1 days\'; AWS wants the singular for 1 and the plural for more; '
         'write "1 day"'),
        (["monthly", "--rate", "1 day"], "--param is without month; monthly needs month; add --param month=…"),
        (["sweep", "--rate", "1 day", "--param", "mnth=1"], "--param mnth is not used by the job; sweep takes none; "
         "remove it"),
        (["sweep", "--at", "2020-01-01T00:00"], "--at is 2020-01-01T00:00, which has passed in Europe/Berlin; it is a "
         "time to come; write a later one"),
        (["sweep", "--at", "2030-03-31T02:30"], "--at is '2030-03-31T02:30', which the clock skips in Europe/Berlin; "
         "the time must exist there; write an hour more"),
        (["sweep", "--rate", "1 day", "--end", "2020-01-01T00:00"], "--end is 2020-01-01T00:00, which has passed in "
         "Europe/Berlin; it is a time to come; write a later one"),
        (["sweep", "--rate", "1 day", "--start", "2020-01-01T00:00"], "--start is 2020-01-01T00:00, which has passed "
         "in Europe/Berlin; it is a time to come; leave it out to start at once"),
        (["sweep", "--cron", "0 6 1 1 ? 2020"], "--cron is '0 6 1 1 ? 2020', which never comes; a schedule fires at "
         "least once, between --start and --end where they are given; change the time or the ends"),
        (["sweep", "--at", "2030-01-01T00:00", "--end", "2031-01-01T00:00"], "--end is given beside at; start and end "
         "are for times that come again; remove it"),
        (["sweep", "--rate", "1 day", "--name", "x" * 60], "--name is 66 characters with the owner and the point "
         "between; AWS takes 64; write a shorter one"),
        (["monthly", "--rate", "1 day", "--param", f"month={'x' * 31_000}"], "--param is 31,2"),
        (["monthly", "--rate", "1 day", "--param", "month=<aws.scheduler.time>"], "--param month is "
         "'<aws.scheduler.time>'; the scheduler replaces"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_problem(arguments: list[str], problem: str) -> None:
    (found,) = refused("add", *arguments, "--owner", "media")
    assert found.startswith(problem), found


def test_names_are_given_once_and_a_quota_is_kept() -> None:
    for number in range(2):
        add("--rate", "1 day", "--name", f"n{number}", job="sweep")
    assert refused("add", "sweep", "--owner", "media", "--rate", "1 day", "--name", "n0") == [
        "--name is media.n0, which is there already; a schedule's name is its own; write another --name, or remove "
        "that one first"
    ]
    add("--rate", "1 day", "--name", "n2", job="sweep")
    assert refused("add", "sweep", "--owner", "media", "--rate", "1 day", "--name", "n3") == [
        "--owner is media, who has 3 schedules; dev allows 3 an owner; remove one, or raise batchyard:schedules in the "
        "stage's settings"
    ]
    add("--rate", "1 day", job="sweep", owner="texts")
    assert "dev allows 1 an owner" in refused("add", "sweep", "--owner", "texts", "--name", "b", "--rate", "1 day")[0]


def test_who_comes_second_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two may ask at once; AWS decides."""
    add("--rate", "1 day", job="sweep")
    monkeypatch.setattr(schedule_entries, "names", lambda *_arguments, **_more: [])
    (found,) = refused("add", "sweep", "--owner", "media", "--rate", "1 day")
    assert found.startswith("media.sweep is there already")


def test_what_the_stage_no_longer_allows_is_shown_as_such(
    server: EmulatorContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    add("--rate", "1 day", job="sweep")
    jobs = {"monthly": EXPORTED["jobs"]["monthly"]}
    offer({**STAGE, "schedules": {**EXPORTED, "jobs": jobs}}, server, monkeypatch)
    (one,) = done("list")["schedules"]
    assert (one["job"], one["schedulable"]) == ("batchyard-dev-sweep", False)
    assert "not schedulable" in run("list").stdout


def test_a_stage_without_schedulable_jobs_says_so(server: EmulatorContext, monkeypatch: pytest.MonkeyPatch) -> None:
    offer({key: value for key, value in STAGE.items() if key != "schedules"}, server, monkeypatch)
    (found,) = refused("list")
    assert found.startswith("stage dev: lets users schedule no job; write schedulable: true")


def test_outputs_of_another_batchyard_are_a_sentence(server: EmulatorContext, monkeypatch: pytest.MonkeyPatch) -> None:
    younger = {key: value for key, value in EXPORTED.items() if key != "role_arn"}
    offer({**STAGE, "schedules": younger}, server, monkeypatch)
    (found,) = refused("list")
    assert found == "stack local: its `schedules` are incomplete at role_arn; bring it up with this Batchyard"


def test_numbers_of_the_engine_are_floats() -> None:
    assert StageSchedules.model_validate(json.loads(json.dumps(EXPORTED), parse_int=float)).per_owner == 3


def test_an_account_that_refuses_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_arguments: Any, **_more: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "[not] allowed"}}, "ListSchedules")

    monkeypatch.setattr(schedule_entries, "names", denied)
    (found,) = refused("list")
    assert found.startswith("stage local: EventBridge Scheduler says: ")
    assert "[not] allowed" in found


def test_a_stage_that_is_down_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_arguments: Any) -> StageAccess:
        raise StageUnavailableError("stage local: isn't up")

    monkeypatch.setattr(schedules, "open_stage", down)
    assert refused("list") == ["stage local: isn't up"]
