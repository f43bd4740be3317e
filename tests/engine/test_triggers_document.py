"""Every example of docs/triggers.md in one stage: brought up, and each kind of trigger starts its job."""

from __future__ import annotations

import itertools
import json
import re
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests
from typer.testing import CliRunner

from bench.platform_burst import Burst
from cli.main import app
from local.emulator.scheduler.routes import FIRE_PATH
from local.home import LANE_VARIABLE
from local.lane import Lane
from tests.engine.stages import DOCKERFILE, REPOSITORY, Project, Stack, wait_until

DOCUMENT = (REPOSITORY / "docs" / "triggers.md").read_text(encoding="utf-8")
FLIGHTS = """\
description: What the example of after waits for
owner: analytics
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 64}
command: ["Ref::key"]
parameters: {key: none}
"""
SCHEDULES = (REPOSITORY / "docs" / "schedules.md").read_text(encoding="utf-8")
SCHEDULABLE = re.findall(r"```yaml\n(.*?)```", SCHEDULES, re.DOTALL)[0]
NAMES = ("photo", "parts", "monthly", "sale", "chain", "paid", "orders", "receipt", "pack")
"""One for each example, in the document's order."""
NAME = "triggers"
TABLE = "shop-orders"


@pytest.fixture(scope="module")
def stack(lane: Lane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    project = Project.create(tmp_path_factory.mktemp("triggers") / "project", lane)
    examples = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)
    for name in ("echo", "count"):
        shutil.rmtree(project.folder / "jobs" / name)
    for name, text in zip((*NAMES, "flights", "customers"), (*examples, FLIGHTS, SCHEDULABLE), strict=True):
        folder = project.folder / "jobs" / name
        folder.mkdir()
        (folder / "job.yaml").write_text(re.sub(r"memory_mib: \d+", "memory_mib: 64", text))
        (folder / "Dockerfile").write_text(DOCKERFILE)
        # its own content, as in Project.create
        (folder / "main.py").write_text(f"import sys\nprint({str(folder)!r}, sys.argv)\n")
    tables = lane.client("dynamodb")
    tables.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    stack = project.stack(NAME, topics={"payments": {}}, tables={"orders": {"name": TABLE}})
    stack.up()
    yield stack
    stack.destroy()
    tables.delete_table(TableName=TABLE)


@pytest.fixture
def stage(stack: Stack) -> dict[str, Any]:
    return stack.outputs()


@pytest.fixture
def own() -> str:
    """Part of a name nobody else uses: a test that is run again finds nothing of its first run."""
    return secrets.token_hex(3)


def submitted(lane: Lane, job: str, own: str = "") -> list[dict[str, str]]:
    """Parameters of a job's runs that have `own` in one of them, first first."""
    batch = lane.client("batch")
    filters = [{"name": "JOB_NAME", "values": [f"batchyard-{NAME}-{job}"]}]
    found = batch.list_jobs(jobQueue=f"batchyard-{NAME}-standard", filters=filters)["jobSummaryList"]
    if not found:
        return []
    told = batch.describe_jobs(jobs=[one["jobId"] for one in found])["jobs"]
    parameters = [one["parameters"] for one in sorted(told, key=lambda one: one["createdAt"])]
    return [one for one in parameters if any(own in value for value in one.values())]


def test_it_is_up_and_stays_as_it_is(stack: Stack) -> None:
    stack.pulumi("preview", "--expect-no-changes")
    stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def test_uploads_of_the_right_key_and_size_start_their_jobs(lane: Lane, stage: dict[str, Any], own: str) -> None:
    s3, bucket = lane.client("s3"), stage["buckets"]["uploads"]
    s3.put_object(Bucket=bucket, Key=f"tables/{own}/part-0.csv", Body=b"")
    s3.put_object(Bucket=bucket, Key=f"tables/{own}/whole.csv", Body=b"x")
    s3.put_object(Bucket=bucket, Key=f"tables/{own}/part-1.csv", Body=b"x")
    s3.put_object(Bucket=bucket, Key=f"photos/{own}.png", Body=b"x")
    wait_until("both jobs", lambda: bool(submitted(lane, "parts", own) and submitted(lane, "photo", own)))
    assert submitted(lane, "parts", own) == [{"bucket": bucket, "key": f"tables/{own}/part-1.csv"}]
    assert submitted(lane, "photo", own) == [{"bucket": bucket, "key": f"photos/{own}.png"}]


def test_times_start_their_job_with_their_parameters(lane: Lane, stage: dict[str, Any]) -> None:
    running = lane.running()
    assert running is not None
    before = len(submitted(lane, "sale")) + len(submitted(lane, "monthly"))
    schedules = lane.client("scheduler").list_schedules()["Schedules"]
    for one in schedules:
        if f"-{NAME}-sale-" in one["Name"] or f"-{NAME}-monthly-" in one["Name"]:
            asked = {"group": one["GroupName"], "name": one["Name"]}
            assert requests.post(running.endpoint + FIRE_PATH, json=asked, timeout=240).ok
    wait_until("three jobs", lambda: len(submitted(lane, "sale")) + len(submitted(lane, "monthly")) == before + 3)
    assert {one["task"] for one in submitted(lane, "sale")} == {"close", "watch"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", submitted(lane, "monthly")[-1]["at"])


def test_a_jobs_end_starts_the_next_with_its_parameters(lane: Lane, stage: dict[str, Any]) -> None:
    batch = lane.client("batch")
    made = batch.submit_job(
        jobName="by-hand",
        jobQueue=stage["queues"]["standard"],
        jobDefinition=stage["job_definitions"]["flights"],
        parameters={"key": "2013-01.csv"},
    )
    wait_until("the next job", lambda: bool(submitted(lane, "chain", made["jobId"])))
    assert submitted(lane, "chain", made["jobId"]) == [
        {
            "after_exit_code": "0",
            "after_job": "flights",
            "after_job_id": made["jobId"],
            "after_job_name": "by-hand",
            "after_results": f"flights/manifests/{made['jobId']}/",
            "key": "2013-01.csv",
            "task": "draw",
        }
    ]


def test_an_event_that_matches_starts_its_job(lane: Lane, stage: dict[str, Any], own: str) -> None:
    def order(**detail: Any) -> dict[str, str]:
        return {"Source": "shop.orders", "DetailType": "Order Paid", "Detail": json.dumps(detail)}

    free = order(order=f"{own}-1", lines=1, total_cents=0)
    paid = order(order=f"{own}-2", lines=2, total_cents=5)
    lane.client("events").put_events(Entries=[free, paid])
    wait_until("the job", lambda: bool(submitted(lane, "paid", own)))
    assert submitted(lane, "paid", own) == [{"lines": "2", "order": f"{own}-2"}]


def test_a_burst_loses_no_event_and_the_ledger_shows_the_doubled(lane: Lane, stage: dict[str, Any]) -> None:
    def paid(order: str) -> dict[str, str]:
        detail = {"order": order, "lines": 1, "total_cents": 5}
        return {"Source": "shop.orders", "DetailType": "Order Paid", "Detail": json.dumps(detail)}

    burst = Burst(
        event=paid,
        client=lane.client,
        queue=stage["queues"]["standard"],
        stage=NAME,
        ledger_bucket=stage["ledger"]["bucket"],
    )
    came = burst.events(200, again=10)
    assert (came.lost, came.doubled, came.doubled_unseen) == (0, 10, 0)
    assert sum(map(len, came.submissions.values())) == 210
    assert {one: sorted(jobs) for one, jobs in came.recorded.items()} == {
        one: sorted(jobs) for one, jobs in came.submissions.items()
    }


def dead_letters(lane: Lane, url: str, own: str = "") -> list[str]:
    """Takes out what arrives in a dead-letter queue first and has `own` in it: the bodies."""
    letters: list[str] = []
    sqs = lane.client("sqs")

    def arrived() -> bool:
        for one in sqs.receive_message(QueueUrl=url).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            letters.extend([one["Body"]] if own in one["Body"] else [])
        return bool(letters)

    wait_until("the dead letter", arrived)
    return letters


def reasons(lane: Lane, pipe: str) -> set[str]:
    """Why a pipe submitted nothing, by its log; `orders/queue1`."""
    lines = lane.client("logs").filter_log_events(logGroupName=f"/batchyard/{NAME}/{pipe}")["events"]
    return {json.loads(line["message"])["error"]["message"] for line in lines}


def test_each_message_starts_a_job_and_a_poison_one_is_a_dead_letter(
    lane: Lane, stage: dict[str, Any], own: str
) -> None:
    sqs, url = lane.client("sqs"), stage["message_queues"]["orders/queue1"]
    for number in range(3):
        body = json.dumps({"order": {"number": f"{own}-{number}"}, "customer": "c"})
        sqs.send_message(QueueUrl=url, MessageBody=body)
    sqs.send_message(QueueUrl=url, MessageBody=f"poison {own}")
    wait_until("three jobs", lambda: len(submitted(lane, "orders", own)) == 3)
    assert sorted(one["order"] for one in submitted(lane, "orders", own)) == [f"{own}-{n}" for n in range(3)]
    assert {one["mode"] for one in submitted(lane, "orders", own)} == {"paid"}
    assert dead_letters(lane, stage["dead_letters"]["orders/queue1"], own) == [f"poison {own}"]
    said = reasons(lane, "orders/queue1")
    assert all("the event has nothing at $.body." in reason for reason in said)
    assert said


def test_notifications_that_pass_the_filter_start_a_job_and_a_poison_one_is_a_dead_letter(
    lane: Lane, stage: dict[str, Any], own: str
) -> None:
    def publish(text: str, kind: str, cents: int = 5) -> None:
        attributes = {
            "kind": {"DataType": "String", "StringValue": kind},
            "cents": {"DataType": "Number", "StringValue": str(cents)},
        }
        topic = stage["topics"]["payments"]
        lane.client("sns").publish(TopicArn=topic, Message=text, MessageAttributes=attributes)

    publish(json.dumps({"payment": f"{own}-1"}), "paid")
    publish(json.dumps({"payment": f"{own}-2"}), "open")
    publish(json.dumps({"payment": f"{own}-3"}), "paid", cents=0)
    publish(json.dumps({"payment": f"{own}-4"}), "refunded")
    publish(f"poison {own}", "paid")
    wait_until("two jobs", lambda: len(submitted(lane, "receipt", own)) == 2)
    told = sorted((one["payment"], one["kind"]) for one in submitted(lane, "receipt", own))
    assert told == [(f"{own}-1", "paid"), (f"{own}-4", "refunded")]
    assert dead_letters(lane, stage["dead_letters"]["receipt/topic1"], own) == [f"poison {own}"]
    assert reasons(lane, "receipt/topic1") == {"payment: the event has nothing at $.body.payment"}


def test_changes_of_a_table_start_jobs_in_their_order_and_a_poison_one_is_a_dead_letter(
    lane: Lane, stage: dict[str, Any], own: str
) -> None:
    table = lane.client("dynamodb")

    def put(order: str, status: str, **more: Any) -> None:
        table.put_item(TableName=TABLE, Item={"id": {"S": order}, "status": {"S": status}, **more})

    put(f"{own}-1", "open")
    put(f"{own}-1", "paid", cents={"N": "5"})
    put(f"{own}-2", "paid")  # without its cents
    put(f"{own}-3", "paid", cents={"N": "7"})
    table.delete_item(TableName=TABLE, Key={"id": {"S": f"{own}-3"}})
    wait_until("two jobs", lambda: len(submitted(lane, "pack", own)) == 2)
    told = [(one["order"], one["cents"], one["event_name"]) for one in submitted(lane, "pack", own)]
    assert told == [(f"{own}-1", "5", "MODIFY"), (f"{own}-3", "7", "INSERT")]
    (letter,) = map(json.loads, dead_letters(lane, stage["dead_letters"]["pack/stream1"]))
    assert letter["context"]["condition"] == "RetryAttemptsExhausted"
    assert f":table/{TABLE}/stream/" in letter["DDBStreamBatchInfo"]["streamArn"]
    assert reasons(lane, "pack/stream1") == {"cents: the event has nothing at $.dynamodb.NewImage.cents.N"}


@pytest.fixture
def schedules(stack: Stack, lane: Lane, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`batchyard schedules` on this stage; gives what it said."""
    monkeypatch.setenv(LANE_VARIABLE, lane.name)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["schedules", *words, "--stack", NAME])
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    return run


def test_a_users_schedule_runs_its_job(lane: Lane, stage: dict[str, Any], schedules: Callable[..., str]) -> None:
    """Made and removed while the stage is up; the local clock fires it, and the container gets its parameters."""
    given = ["--param", "customer=acme; echo $HOME", "--param", "month=<aws.scheduler.scheduled-time>"]
    schedules("add", "customers", "--owner", "anna", "--name", "often", "--rate", "1 minute", *given)
    # not due before it is paused, however slow the machine: a day of the emulated clock
    schedules("add", "customers", "--owner", "anna", "--name", "resting", "--rate", "1 day", "--param", "customer=x")
    schedules("pause", "anna.resting")
    wait_until("two runs", lambda: len(submitted(lane, "customers")) >= 2)
    assert schedules("remove", "anna.often", "anna.resting") == "removed anna.often\nremoved anna.resting\n"
    runs = submitted(lane, "customers")
    assert {one["customer"] for one in runs} == {"acme; echo $HOME"}
    times = sorted(datetime.fromisoformat(one["month"]) for one in runs)
    between = [later - earlier for earlier, later in itertools.pairwise(times)]
    # of runs that are late together one may still be under way
    assert min(between) >= timedelta(minutes=1)
    assert {one % timedelta(minutes=1) for one in between} == {timedelta(0)}
    batch = lane.client("batch")
    filters = [{"name": "JOB_NAME", "values": [f"batchyard-{NAME}-customers"]}]

    def ended() -> list[dict[str, Any]]:
        found = batch.list_jobs(jobQueue=stage["queues"]["standard"], filters=filters)["jobSummaryList"]
        return [one for one in found if one["status"] in ("SUCCEEDED", "FAILED")]

    wait_until("both have run", lambda: len(ended()) >= 2)
    assert {one["status"] for one in ended()} == {"SUCCEEDED"}
    told = batch.describe_jobs(jobs=[ended()[0]["jobId"]])["jobs"][0]["container"]
    (line,) = lane.client("logs").get_log_events(
        logGroupName=stage["log_groups"]["customers"], logStreamName=told["logStreamName"]
    )["events"][:1]
    assert "'--customer', 'acme; echo $HOME', '--month', '20" in line["message"]


def test_the_pages_commands_do_what_they_say(stage: dict[str, Any], schedules: Callable[..., str]) -> None:
    shown = re.findall(r"```console\n(.*?)```", SCHEDULES, re.DOTALL)[0].splitlines()
    said = [schedules(*shlex.split(line.removeprefix("$ batchyard schedules"))) for line in shown]
    assert said[0].startswith("anna.acme starts customers, next ")
    assert "anna has 2 of 100" in said[3]
    assert "paused" in said[4]
    assert "awake, next" in said[5]
    (left,) = json.loads(said[-1])["schedules"]
    assert (left["name"], left["parameters"]) == ("anna.acme", {"customer": "acme"})
    schedules("remove", "anna.acme")
