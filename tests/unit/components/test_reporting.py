"""What a stage has for its reports: the topic, `stage.json`, a job's access to both, and the way there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.build_context import prepare
from components.check import check
from components.names import Names
from components.network import NetworkArgs, endpoint_services
from components.report_facts import emulator_endpoint, report_facts
from components.settings import load_settings
from jobs.problems import Problems
from jobs.stage_facts import StageFacts
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, arn, record

TOPIC = arn("sns", "batchyard-dev-reports-1234567")


def test_the_topic_is_there_by_setting_and_the_address_subscribed(reporting_stage: Recording, stage: Recording) -> None:
    (topic,) = reporting_stage.of("Topic")
    assert topic.outputs["arn"] == TOPIC
    assert reporting_stage.outputs["topics"] == {"reports": TOPIC}
    (subscription,) = reporting_stage.of("TopicSubscription")
    assert subscription.inputs["topic"] == TOPIC
    assert subscription.inputs["endpoint"] == "ops@example.org"
    assert "reports" not in stage.outputs["topics"]


def test_a_job_gets_exactly_its_buckets_its_topic_and_two_requests(reporting_stage: Recording) -> None:
    policy = json.loads(reporting_stage.one("RolePolicy", "batchyard-dev-summary-job").inputs["policy"])
    ledger, reports = (f"arn:aws:s3:::batchyard-dev-{name}-1234567" for name in ("ledger", "reports"))
    assert policy["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": [ledger, reports]},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": [f"{ledger}/*", f"{reports}/*"],
        },
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:AbortMultipartUpload"], "Resource": [f"{reports}/*"]},
        {"Effect": "Allow", "Action": ["sns:Publish"], "Resource": [TOPIC]},
        {
            "Effect": "Allow",
            "Action": ["ce:GetCostAndUsage", "ec2:DescribeSpotPriceHistory", "pricing:GetProducts"],
            "Resource": ["*"],
        },
    ]


def test_a_job_finds_its_buckets_and_its_topic_in_its_environment(reporting_stage: Recording) -> None:
    definition = reporting_stage.one("JobDefinition", "batchyard-dev-summary")
    variables = {
        one["name"]: one["value"]
        for one in json.loads(definition.inputs["containerProperties"])["environment"]
        if one["name"].startswith(("BATCHYARD_BUCKET_", "BATCHYARD_TOPIC_"))
    }
    assert variables == {
        "BATCHYARD_BUCKET_LEDGER": "batchyard-dev-ledger-1234567",
        "BATCHYARD_BUCKET_REPORTS": "batchyard-dev-reports-1234567",
        "BATCHYARD_TOPIC_REPORTS": TOPIC,
    }


def test_stage_json_holds_the_outputs_and_what_a_report_is_asked_with(reporting_stage: Recording) -> None:
    (written,) = reporting_stage.of("BucketObjectv2")
    assert (written.inputs["bucket"], written.inputs["key"]) == ("batchyard-dev-reports-1234567", "stage.json")
    content: dict[str, Any] = json.loads(written.inputs["content"])
    facts = StageFacts.model_validate(content.pop("report"))
    assert content == json.loads(json.dumps(reporting_stage.outputs))
    assert facts == StageFacts(
        timezone="Europe/Paris",
        memory_now={"resize": 512, "summary": 4096},
        stage_budget="400.5",
        owner_budgets={"media": "120.0"},
        kinds={"spot": "ec2-spot", "on-demand": "ec2-on-demand", "fargate": "fargate"},
        largest_mib=facts.largest_mib,
    )
    assert 7000 < (facts.largest_mib or 0) < 8192, "an m7i.large has 8 GiB, its agent and kernel their share"


def test_without_a_bucket_for_reports_there_is_no_stage_json(stage: Recording) -> None:
    assert not stage.of("BucketObjectv2")


def test_a_stage_without_instances_has_no_largest_one() -> None:
    settings = load_settings(
        example.config(
            compute_environments={"fargate": {"kind": "fargate", "max_vcpus": 8}},
            queues={"serverless": {"priority": 1, "compute_environments": ["fargate"]}},
        ),
        stage="dev",
        file="Pulumi.dev.yaml",
    )
    assert report_facts(settings, {}) == StageFacts(timezone="Europe/Paris", kinds={"fargate": "fargate"})


def test_only_what_jobs_use_has_an_endpoint_and_what_they_seldom_use_in_one_zone(reporting_stage: Recording) -> None:
    zones = {
        one.inputs["serviceName"].removeprefix("com.amazonaws.us-east-1."): len(one.inputs.get("subnetIds", ()))
        for one in reporting_stage.of("VpcEndpoint")
    }
    assert zones == {
        "s3": 0, "ecr.api": 2, "ecr.dkr": 2, "logs": 2, "ecs": 2, "ecs-agent": 2, "ecs-telemetry": 2, "sns": 1, "ce": 1,
    }  # fmt: skip


@pytest.mark.parametrize(("region", "has_one"), [("us-east-1", True), ("eu-central-1", False)])
def test_cost_explorer_has_an_endpoint_where_it_is(region: str, has_one: bool) -> None:
    args = NetworkArgs(names=Names(stage="dev"), region=region, asks_costs=True, has_ec2=False)
    assert ("ce" in endpoint_services(args)) is has_one


# what a job includes


def _repository(folder: Path, *, include: str) -> Path:
    repository = example.write_repository(
        folder, {"summary": example.SUMMARY.replace("[shared, tools/one.py]", include)}
    )
    for name in (
        "shared/words.py",
        "shared/queries/one.sql",
        "shared/tests/test_words.py",
        "shared/__pycache__/words.pyc",
        "shared/README.md",
        "tools/one.py",
        "tools/two.py",
        "tests/world.py",
        "main.py",
    ):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(f"# {name}\n")
    return repository


def _prepare(repository: Path, *include: str) -> tuple[str, set[str]]:
    context = prepare(repository, "summary", base_image="a:1", platform="linux/amd64", include=include)
    folder = repository / context.path
    return context.tag, {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


OWN = {"Dockerfile", "main.py", "batchyard-probe"}


def test_included_folders_and_files_are_in_the_context_at_their_paths(tmp_path: Path) -> None:
    repository = _repository(tmp_path, include="[shared, tools/one.py]")
    _, files = _prepare(repository, "shared", "tools/one.py")
    assert files == OWN | {"shared/words.py", "shared/queries/one.sql", "tools/one.py"}


def test_a_file_that_is_named_is_there_even_where_its_folder_would_be_left_out(tmp_path: Path) -> None:
    repository = _repository(tmp_path, include="[shared]")
    assert _prepare(repository, "tests/world.py")[1] == OWN | {"tests/world.py"}


def test_what_is_included_is_in_the_tag_and_what_is_not_is_not(tmp_path: Path) -> None:
    repository = _repository(tmp_path, include="[shared]")
    before, _ = _prepare(repository, "shared")
    assert _prepare(repository)[0] != before
    (repository / "tools" / "one.py").write_text("another\n")
    (repository / "shared" / "tests" / "test_words.py").write_text("another\n")
    assert _prepare(repository, "shared")[0] == before
    (repository / "shared" / "words.py").write_text("another\n")
    assert _prepare(repository, "shared")[0] != before


def test_what_is_no_longer_included_leaves_the_context(tmp_path: Path) -> None:
    repository = _repository(tmp_path, include="[shared]")
    _prepare(repository, "shared", "tools/one.py")
    assert _prepare(repository, "tools")[1] == OWN | {"tools/one.py", "tools/two.py"}


def test_two_files_at_one_path_are_refused(tmp_path: Path) -> None:
    repository = _repository(tmp_path, include="[shared, main.py]")
    config = example.config(buckets={"reports": {}}, monitoring={"report_topic": True})
    with pytest.raises(Problems) as raised:
        check(config, stage="dev", file="Pulumi.dev.yaml", repository=repository)
    assert [str(problem) for problem in raised.value] == [
        "jobs/summary/job.yaml:7: include[1] is main.py, which brings main.py where the job has one of its own; "
        "a path of the build context is one file; rename the job's file"
    ]


def test_the_stage_builds_with_what_is_included(tmp_path: Path) -> None:
    repository = _repository(tmp_path, include="[shared]")
    config = example.config(buckets={"reports": {}}, monitoring={"report_topic": True})
    record(config, stack="dev", repository=repository)
    assert (repository / ".batchyard" / "build" / "summary" / "shared" / "words.py").is_file()


@pytest.mark.parametrize(
    ("environ", "endpoint"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:5001"}, "http://127.0.0.1:5001"),
        ({"AWS_ENDPOINT_URL": "http://localhost:5001"}, "http://localhost:5001"),
        ({"AWS_ENDPOINT_URL": "https://gateway.example.org"}, None),
        ({"AWS_ENDPOINT_URL": ""}, None),
        ({}, None),
    ],
)
def test_only_an_endpoint_on_this_machine_is_taken_for_an_emulator(
    environ: dict[str, str], endpoint: str | None
) -> None:
    assert emulator_endpoint(environ) == endpoint
