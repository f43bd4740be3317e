"""`batchyard events test`: what an event starts, and why the others don't."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import events
from cli.main import app
from local.home import REPOSITORY, Home
from reports.stage import StageAccess, StageUnavailableError

PHOTO = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "uploads"}, "object": {"key": "photos/a.jpg", "size": 3}},
}
RESTING = """\
description: Waits for the same photographs, but rests
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
command: ["Ref::key", "Ref::size"]
parameters: {size: small}
triggers:
  - s3: {bucket: uploads, prefix: photos/}
    enabled: false
"""


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped jobs and the local stage's settings, with a job more; no stage is up."""
    for job in ("flights", "thumbnails"):
        (tmp_path / "jobs" / job).mkdir(parents=True)
        (tmp_path / "jobs" / job / "job.yaml").write_text((REPOSITORY / "jobs" / job / "job.yaml").read_text())
    (tmp_path / "jobs" / "resting").mkdir()
    (tmp_path / "jobs" / "resting" / "job.yaml").write_text(RESTING)
    (tmp_path / "Pulumi.local.yaml").write_text((REPOSITORY / "Pulumi.local.yaml").read_text())
    monkeypatch.setattr(Home, "default", classmethod(lambda _cls: Home(root=tmp_path, repository=tmp_path)))
    return tmp_path


def asked(event: object, *options: str) -> Any:
    return CliRunner().invoke(app, ["events", "test", "-", *options], input=json.dumps(event))


def verdicts(event: object, *options: str) -> dict[str, Mapping[str, Any]]:
    done = asked(event, "--json", *options)
    assert done.exit_code == 0, done.output
    return {f"{one['job']}/{one['trigger']}": one for one in json.loads(done.stdout)["answers"]}


def test_an_upload_starts_its_job_with_its_key_and_the_others_say_why_not() -> None:
    found = verdicts(PHOTO)
    assert {name: one["verdict"] for name, one in found.items()} == {
        "flights/schedule1": "other",
        "flights/upload1": "other",
        "resting/upload1": "rests",
        "thumbnails/upload1": "starts",
    }
    assert found["thumbnails/upload1"]["parameters"] == {"bucket": "uploads", "key": "photos/a.jpg"}
    assert found["resting/upload1"]["parameters"] == {"bucket": "uploads", "key": "photos/a.jpg", "size": "small"}
    (different,) = found["flights/upload1"]["mismatches"]
    assert (different["field"], different["got"]) == ("detail.object.key", "photos/a.jpg")
    assert different["wanted"] == [{"wildcard": "flights/*.csv"}]


def test_people_read_the_same_as_a_table() -> None:
    done = asked(PHOTO)
    assert "1 run would start in local" in done.stdout
    assert 'detail.object.key is "photos/a.jpg", wanted [{"wildcard": "flights/*.csv"}]' in done.stdout
    assert "buckets by their names in the settings" in done.stdout


def with_bucket(name: str) -> dict[str, Any]:
    return {**PHOTO, "detail": {**PHOTO["detail"], "bucket": {"name": name}}}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("bucket", "verdict"),
    [
        ("batchyard-local-uploads-0a1b2c3", "starts"),
        ("batchyard-dev-uploads-0a1b2c3", "other"),
        ("batchyard-local-results-0a1b2c3", "other"),
        ("uploads-2", "other"),
    ],
)
def test_a_stage_that_is_down_knows_the_names_it_would_give_its_buckets(bucket: str, verdict: str) -> None:
    assert verdicts(with_bucket(bucket))["thumbnails/upload1"]["verdict"] == verdict


def test_a_stage_that_is_up_compares_physical_names(monkeypatch: pytest.MonkeyPatch) -> None:
    access = StageAccess(
        stage="local",
        region="us-east-1",
        buckets={"uploads": "batchyard-local-uploads-1111111"},
        owners={},
        client=lambda _service: None,
    )
    monkeypatch.setattr(events, "open_stage", lambda *_arguments: access)
    own = verdicts(with_bucket("batchyard-local-uploads-1111111"))["thumbnails/upload1"]
    assert own["parameters"]["bucket"] == "batchyard-local-uploads-1111111"
    assert verdicts(PHOTO)["thumbnails/upload1"] == own
    former = verdicts(with_bucket("batchyard-local-uploads-2222222"))["thumbnails/upload1"]
    assert [one["field"] for one in former["mismatches"]] == ["detail.bucket.name"]


def test_a_key_that_breaks_the_template_is_dead_lettered() -> None:
    event = {**PHOTO, "detail": {"bucket": {"name": "uploads"}, "object": {"key": 'photos/a".jpg'}}}
    found = verdicts(event)["thumbnails/upload1"]
    assert found["verdict"] == "dead-letters"
    assert "isn't JSON" in found["why"]


def test_an_event_of_another_region_starts_nothing() -> None:
    found = verdicts({**PHOTO, "region": "eu-west-1"})["thumbnails/upload1"]
    assert found["mismatches"] == [{"field": "region", "got": "eu-west-1", "missing": False, "wanted": ["us-east-1"]}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "standard input is no JSON"),
        ("[" * 100_000, "standard input is no JSON"),
        ("[]", "standard input is a list; an event is one JSON object"),
        ('{"source": 1, "detail": {}}', "standard input: source is of the type int"),
        ('{"source": "x", "detail-type": "y"}', "standard input: detail is missing"),
    ],
)
def test_what_is_no_event_is_a_sentence(text: str, said: str) -> None:
    done = CliRunner().invoke(app, ["events", "test", "-"], input=text)
    assert done.exit_code == 1
    assert said in " ".join(done.stderr.split())


def test_files_and_stacks_that_are_not_there() -> None:
    assert "can't be read" in CliRunner().invoke(app, ["events", "test", "none.json"]).stderr
    assert asked(PHOTO, "--stack", "nowhere").exit_code == 2


def test_the_file_is_read(repository: Path) -> None:
    (repository / "event.json").write_text(json.dumps(PHOTO))
    done = CliRunner().invoke(app, ["events", "test", str(repository / "event.json")])
    assert "1 run would start" in done.stdout


def test_the_stage_may_be_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable(*_arguments: Any) -> StageAccess:
        raise StageUnavailableError("stage local: [down]")

    monkeypatch.setattr(events, "open_stage", unavailable)
    assert "stage local: [down]" in asked(PHOTO).stdout


CHAINED = """\
description: Comes after the photographs, and after orders
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
command: ["Ref::photo", "Ref::after_exit_code", "Ref::lines"]
parameters: {photo: none, after_exit_code: none, lines: "0"}
triggers:
  - after: {job: thumbnails, take: {photo: key}}
  - event:
      bus: shop
      pattern: {source: [shop.orders]}
      sample: {source: shop.orders, detail: {lines: 3}}
      take: {lines: $.detail.lines}
"""


def ended(**changes: Any) -> dict[str, Any]:
    detail = {
        "jobId": "1",
        "jobName": "n",
        "status": "SUCCEEDED",
        "jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/batchyard-local-standard",
        "jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-local-thumbnails:7",
        "parameters": {"key": "photos/a.jpg"},
        "container": {"exitCode": 0},
    }
    return {"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": {**detail, **changes}}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, None),
        ({"status": "FAILED"}, "detail.status"),
        ({"jobQueue": "arn:aws:batch:us-east-1:123456789012:job-queue/batchyard-dev-standard"}, "detail.jobQueue"),
        (
            {"jobDefinition": "arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-local-thumbnails-2:1"},
            "detail.jobDefinition",
        ),
        ({"arrayProperties": {"index": 3}}, "detail.arrayProperties.index"),
        ({"arrayProperties": {"size": 3}}, None),
    ],
)
def test_a_chain_takes_the_whole_end_of_its_own_stages_job(
    repository: Path, changes: dict[str, Any], field: str | None
) -> None:
    (repository / "jobs" / "chained").mkdir()
    (repository / "jobs" / "chained" / "job.yaml").write_text(CHAINED)
    found = verdicts(ended(**changes))["chained/after1"]
    assert [one["field"] for one in found["mismatches"]] == ([] if field is None else [field])
    if field is None:
        assert found["parameters"] == {
            "after_exit_code": "0",
            "after_job": "thumbnails",
            "after_job_id": "1",
            "after_job_name": "n",
            "after_results": "thumbnails/manifests/1/",
            "lines": "0",
            "photo": "photos/a.jpg",
        }


def test_a_bus_is_part_of_the_question(repository: Path) -> None:
    (repository / "jobs" / "chained").mkdir()
    (repository / "jobs" / "chained" / "job.yaml").write_text(CHAINED)
    order = {"source": "shop.orders", "detail-type": "Paid", "detail": {"lines": 3}}
    assert verdicts(order, "--bus", "shop")["chained/event1"]["parameters"]["lines"] == "3"
    assert verdicts(order)["chained/event1"]["mismatches"] == [
        {"field": "bus", "got": "default", "missing": False, "wanted": ["shop"]}
    ]


def test_the_end_of_a_function_starts_what_comes_after_it(repository: Path) -> None:
    spec = (repository / "jobs" / "thumbnails" / "job.yaml").read_text()
    spec = spec.replace("platform: ec2", "platform: lambda").replace("vcpus: 1,", "vcpus: 0.25,")
    (repository / "jobs" / "thumbnails" / "job.yaml").write_text(spec)
    after = RESTING.partition("command:")[0] + 'command: ["Ref::key"]\ntriggers:\n'
    (repository / "jobs" / "resting" / "job.yaml").write_text(
        f"{after}  - after: {{job: thumbnails, take: {{key: key}}}}\n"
    )
    function = "arn:aws:lambda:us-east-1:123456789012:function:batchyard-local-thumbnails:$LATEST"
    event = {
        "source": "lambda",
        "detail-type": "Lambda Function Invocation Result - Success",
        "account": "123456789012",
        "region": "us-east-1",
        "detail": {
            "requestContext": {"functionArn": function},
            "responsePayload": {"job_id": "r.1", "exit_code": 0, "parameters": {"key": "photos/a.jpg"}},
        },
    }
    found = verdicts(event)["resting/after1"]
    assert (found["verdict"], found["parameters"]["key"]) == ("starts", "photos/a.jpg")
    assert found["parameters"]["after_job_name"] == "batchyard-local-thumbnails"
    failed = {**event, "detail-type": "Lambda Function Invocation Result - Failure"}
    assert verdicts(failed)["resting/after1"]["verdict"] == "other"
