from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from local.emulator import scheduler
from local.emulator.context import EmulatorContext
from local.emulator.scheduler.backend import input_shape
from local.emulator.scheduler.routes import FIRE_PATH
from local.emulator.scheduler.universal_target import (
    SUBMIT_JOB,
    Action,
    InputError,
    action_of,
    call_arguments,
    with_context,
)
from tests.unit.local.emulator.moto_server import (
    ACCOUNT,
    REGION,
    client,
    eventually,
    make_queue,
    make_role,
    messages,
    serving,
    stopped,
)

SAMPLE = (Path(__file__).parent / "scheduler-universal-target-submitjob-input.json").read_text()
QUEUE = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-queue/standard"
DEFINITION = f"arn:aws:batch:{REGION}:{ACCOUNT}:job-definition/flights"
SHAPE = input_shape(Action(service="batch", operation="SubmitJob"))


def test_the_sample_becomes_submit_jobs_arguments() -> None:
    assert action_of(SUBMIT_JOB) == Action(service="batch", operation="SubmitJob")
    assert action_of(QUEUE) is None
    assert call_arguments(SAMPLE, SHAPE) == {
        "jobName": "my-scheduled-job",
        "jobQueue": "my-job-queue",
        "jobDefinition": "my-job-definition",
        "arrayProperties": {"size": 10},
        "retryStrategy": {"attempts": 3},
    }


def test_keys_of_maps_stay_as_they_are() -> None:
    given = {
        "JobName": "a",
        "JobQueue": "b",
        "JobDefinition": "c",
        "Parameters": {"bucket": "x", "Key": "y"},
        "ContainerOverrides": {"Environment": [{"Name": "N", "Value": "V"}], "Command": ["x"]},
    }
    arguments = call_arguments(json.dumps(given), SHAPE)
    assert arguments["parameters"] == {"bucket": "x", "Key": "y"}
    assert arguments["containerOverrides"] == {"environment": [{"name": "N", "value": "V"}], "command": ["x"]}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (
            {"jobName": "a", "jobQueue": "b", "jobDefinition": "c"},
            "Invalid RequestJson provided. Reason Request payload is missing the following field(s): "
            "JobName, JobQueue, JobDefinition",
        ),
        ({"JobName": "a", "JobQueue": "b", "JobDefinition": "c", "timeout": {}}, "has no field timeout"),
        ([], "is not a JSON object"),
    ],
)
def test_refused_inputs(given: Any, text: str) -> None:
    with pytest.raises(InputError) as refused:
        call_arguments(json.dumps(given), SHAPE)
    assert text in str(refused.value)


def test_context_keywords_are_filled_in_anywhere() -> None:
    text = '{"a": "<aws.scheduler.scheduled-time> <aws.scheduler.execution-id>", "b": "<aws.scheduler.attempt-number>"}'
    filled = with_context(text, schedule_arn="s", scheduled_time="T", execution_id="e", attempt_number=2)
    assert json.loads(filled) == {"a": "T e", "b": "2"}


class FakeBatch:
    def __init__(self) -> None:
        self.submitted: list[dict[str, Any]] = []
        self.meta = self
        self.method_to_api_mapping = {"submit_job": "SubmitJob"}

    def submit_job(self, **job: Any) -> None:
        self.submitted.append(job)


Lane = tuple[EmulatorContext, Any, FakeBatch]


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    """A server of its own: what another test's schedules still have under way doesn't arrive here."""
    with serving(tmp_path, [scheduler.install], second_scale=0.01) as (context, (service,)):
        batch = FakeBatch()
        service._clients._clients["batch"] = batch
        make_role(
            context,
            "schedules",
            service="scheduler.amazonaws.com",
            actions=["batch:SubmitJob", "sqs:SendMessage"],
            resources=[QUEUE, f"{DEFINITION}:*", f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead-letters"],
        )
        yield context, service, batch


def make(context: EmulatorContext, name: str, expression: str = "rate(1 minute)", **more: Any) -> None:
    given = {"JobName": "n-<aws.scheduler.execution-id>", "JobQueue": QUEUE, "JobDefinition": DEFINITION}
    target = {
        "Arn": SUBMIT_JOB,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/schedules",
        "Input": json.dumps({**given, "Parameters": {"day": "<aws.scheduler.scheduled-time>"}}),
        **more.pop("target", {}),
    }
    client(context, "scheduler").create_schedule(
        Name=name, ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"}, Target=target, **more
    )


def test_a_rate_submits_again_and_again_until_it_is_deleted(lane: Lane) -> None:
    context, service, batch = lane
    make(context, "minutely")
    eventually("two jobs", lambda: len(batch.submitted) >= 2)
    first, second = batch.submitted[:2]
    assert first["jobQueue"] == QUEUE
    assert first["jobName"] != second["jobName"]
    # two workers: what is late may come in either order
    times = [datetime.fromisoformat(job["parameters"]["day"]) for job in (first, second)]
    assert max(times) - min(times) >= timedelta(minutes=1)
    client(context, "scheduler").delete_schedule(Name="minutely")
    assert service.timetable.waiting() == 0


def test_disabled_schedules_wait_and_can_be_fired_by_hand(lane: Lane) -> None:
    context, service, batch = lane
    client(context, "scheduler").create_schedule_group(Name="mine")
    make(context, "daily", "cron(0 6 ? * MON *)", GroupName="mine", State="DISABLED")
    assert service.timetable.waiting() == 0
    answer = requests.post(context.endpoint + FIRE_PATH, json={"group": "mine", "name": "daily"}, timeout=240)
    assert answer.status_code == 200, answer.text
    job = eventually("the job", lambda: batch.submitted)[0]
    assert job["jobName"] == f"n-{answer.json()['execution_id']}"
    missing = requests.post(context.endpoint + FIRE_PATH, json={"name": "nope"}, timeout=240)
    assert (missing.status_code, missing.json()["message"]) == (404, "Schedule nope does not exist.")
    assert requests.post(context.endpoint + FIRE_PATH, data="x", timeout=240).status_code == 400


def test_at_fires_once_and_deletes_itself(lane: Lane) -> None:
    context, service, batch = lane
    with stopped(service.clock) as now:
        soon = now + timedelta(minutes=2)
        make(context, "once", f"at({soon:%Y-%m-%dT%H:%M:%S})", ActionAfterCompletion="DELETE")
    eventually("the job", lambda: batch.submitted)
    api = client(context, "scheduler")
    eventually("the schedule's end", lambda: not api.list_schedules()["Schedules"])
    assert [job["parameters"]["day"] for job in batch.submitted] == [f"{soon:%Y-%m-%dT%H:%M:%SZ}"]


def test_dates_bound_a_schedule(lane: Lane) -> None:
    context, service, batch = lane
    with stopped(service.clock) as now:
        start, end = now + timedelta(minutes=1), now + timedelta(minutes=3, seconds=30)
        make(context, "bounded", StartDate=start, EndDate=end)
    eventually("the end", lambda: service.timetable.waiting() == 0)
    eventually("three jobs", lambda: len(batch.submitted) == 3)
    times = [datetime.fromisoformat(job["parameters"]["day"]) for job in batch.submitted]
    assert sorted(times) == [start + timedelta(minutes=number) for number in range(3)]


def test_what_can_not_be_submitted_goes_to_the_dead_letter_queue(lane: Lane) -> None:
    context, _, batch = lane
    url, dead_letters = make_queue(context, "dead-letters")
    other = json.dumps({"JobName": "n", "JobQueue": QUEUE.replace("standard", "other"), "JobDefinition": DEFINITION})
    make(context, "forbidden", target={"Input": other, "DeadLetterConfig": {"Arn": dead_letters}})
    (message,) = eventually("the dead letter", lambda: messages(context, url))[:1]
    assert json.loads(message["Body"]) == json.loads(other)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert attributes["SCHEDULE_ARN"].endswith(":schedule/default/forbidden")
    assert attributes["RETRY_ATTEMPTS"] == "0"
    assert batch.submitted == []


def test_refused_schedules(lane: Lane) -> None:
    context, _, _ = lane

    def refused(**given: Any) -> str:
        with pytest.raises(ClientError) as error:
            make(context, "bad", **given)
        assert error.value.response["Error"]["Code"] == "ValidationException"
        return str(error.value.response["Error"]["Message"])

    assert refused(target={"Input": '{"jobName": "x"}'}) == (
        "Invalid RequestJson provided. Reason Request payload is missing the following field(s): "
        "JobName, JobQueue, JobDefinition"
    )
    assert refused(expression="cron(0 6 * * * *)").startswith("Invalid Schedule Expression cron(0 6 * * * *).")
    assert refused(expression="cron(0 6 ? * * *)", ScheduleExpressionTimezone="Mars/Base").startswith(
        "Invalid Schedule Expression Timezone Mars/Base."
    )
    stranger = make_role(context, "stranger", service="events.amazonaws.com", actions=["a:b"], resources=[QUEUE])
    assert refused(target={"RoleArn": stranger}).startswith("The execution role you provide must allow")
    assert refused(target={"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}).endswith("does not exist)")


def test_groups(lane: Lane) -> None:
    context, service, _ = lane
    api = client(context, "scheduler")
    api.create_schedule_group(Name="stage")
    with pytest.raises(ClientError, match="already exists"):
        api.create_schedule_group(Name="stage")
    make(context, "in-it", "cron(0 6 ? * MON *)", GroupName="stage")
    assert service.timetable.waiting() == 1
    api.delete_schedule_group(Name="stage")
    assert service.timetable.waiting() == 0
    with pytest.raises(ClientError, match="can't be deleted"):
        api.delete_schedule_group(Name="default")


def test_an_update_replaces_the_times(lane: Lane) -> None:
    context, service, batch = lane
    make(context, "changed", "cron(0 6 ? * MON *)")
    api = client(context, "scheduler")
    known = api.get_schedule(Name="changed")
    api.update_schedule(
        Name="changed",
        ScheduleExpression="rate(1 minute)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=known["Target"],
        ActionAfterCompletion="DELETE",
    )
    assert api.get_schedule(Name="changed")["ActionAfterCompletion"] == "DELETE"
    eventually("a job", lambda: batch.submitted)
    assert service.timetable.waiting() == 1
