"""A stage over its life, with the real engine: up, unchanged, changed, damaged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jobs import conventions
from local.lane import Lane
from tests.engine.stages import DOCKERFILE, ECHO, Project, Stack

PINNED = ["EventTarget", "JobDefinition", "Schedule"]


@pytest.fixture(scope="module")
def stack(lane: Lane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Project.create(tmp_path_factory.mktemp("lifecycle") / "project", lane).stack("lifecycle")
    stack.up()
    yield stack
    stack.destroy()


@pytest.fixture
def stage(stack: Stack) -> dict[str, Any]:
    """The stage as its files say, whatever an earlier test left."""
    (stack.project.folder / "jobs" / "echo" / "job.yaml").write_text(ECHO)
    (stack.project.folder / "jobs" / "echo" / "Dockerfile").write_text(DOCKERFILE)
    return stack.up("--refresh")


def test_a_second_up_changes_nothing(stack: Stack, stage: dict[str, Any]) -> None:
    stack.pulumi("preview", "--expect-no-changes")
    stack.pulumi("up", "--yes", "--skip-preview", "--expect-no-changes")
    stack.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert stack.outputs() == stage


def test_each_environment_tells_its_cluster_and_one_rule_listens_to_them(stack: Stack, stage: dict[str, Any]) -> None:
    environments = stage["environments"]
    assert {name: one["kind"] for name, one in environments.items()} == {"spot": "ec2-spot", "fargate": "fargate"}
    assert {name: one["arn"] for name, one in environments.items()} == stage["compute_environments"]
    ecs = stack.project.lane.client("ecs")
    clusters = sorted(one["ecs_cluster_arn"] for one in environments.values())
    assert sorted(one["clusterArn"] for one in ecs.describe_clusters(clusters=clusters)["clusters"]) == clusters
    events = stack.project.lane.client("events")
    (rule,) = events.list_rules(NamePrefix="batchyard-lifecycle-ledger-ecs")["Rules"]
    assert sorted(json.loads(rule["EventPattern"])["detail"]["clusterArn"]) == clusters
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert ":deliverystream/batchyard-lifecycle-ledger-ecs-" in target["Arn"]


def test_a_changed_timeout_is_a_new_revision_in_place(stack: Stack, stage: dict[str, Any]) -> None:
    batch = stack.project.lane.client("batch")
    before = _newest(batch, stage["job_definitions"]["echo"])
    (stack.project.folder / "jobs" / "echo" / "job.yaml").write_text(ECHO.replace("timeout_s: 600", "timeout_s: 660"))
    assert stack.planned() == {"update": PINNED}, "the definition, and the triggers that pin its revision"

    after = stack.up()

    assert after == stage
    newest = _newest(batch, stage["job_definitions"]["echo"])
    assert newest["timeout"] == {"attemptDurationSeconds": 660}
    assert newest["revision"] == before["revision"] + 1
    assert newest["containerProperties"]["image"] == before["containerProperties"]["image"]
    schedules = stack.project.lane.client("scheduler")
    (schedule,) = [one for one in schedules.list_schedules()["Schedules"] if "-lifecycle-echo-" in one["Name"]]
    target = schedules.get_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])["Target"]
    assert json.loads(target["Input"])["JobDefinition"] == newest["jobDefinitionArn"]


def test_what_vanished_comes_back(stack: Stack, stage: dict[str, Any]) -> None:
    logs = stack.project.lane.client("logs")
    name = stage["log_groups"]["echo"]
    logs.delete_log_group(logGroupName=name)

    stack.up("--refresh")

    (group,) = [one for one in logs.describe_log_groups()["logGroups"] if one["logGroupName"] == name]
    assert group["retentionInDays"] == 30
    (subscription,) = logs.describe_subscription_filters(logGroupName=name)["subscriptionFilters"]
    assert subscription["filterPattern"] == '{ $.type = "usage" }'


def test_tags_are_on_what_was_made(stack: Stack, stage: dict[str, Any]) -> None:
    batch = stack.project.lane.client("batch")
    tags = batch.list_tags_for_resource(resourceArn=stage["queues"]["standard"])["tags"]
    assert tags == {
        conventions.TAG_PROJECT: "batchyard",
        conventions.TAG_STAGE: "lifecycle",
        conventions.TAG_OWNER: "platform",
    }
    (definition,) = batch.describe_job_definitions(
        jobDefinitions=[_newest(batch, stage["job_definitions"]["echo"])["jobDefinitionArn"]]
    )["jobDefinitions"]
    assert definition["tags"][conventions.TAG_JOB] == "echo"
    assert definition["tags"][conventions.TAG_OWNER] == "media"
    assert definition["propagateTags"] is True


def test_mistakes_touch_nothing_and_show_no_traceback(stack: Stack, stage: dict[str, Any]) -> None:
    text = ECHO.replace("timeout_s: 600", "timeout_s: 6").replace("queue: standard", "queue: standart")
    (stack.project.folder / "jobs" / "echo" / "job.yaml").write_text(text)

    failed = stack.pulumi("up", "--yes", "--skip-preview", check=False)

    output = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert "nothing was touched" in output
    assert "jobs/echo/job.yaml:6: timeout_s is 6" in output
    assert "Traceback" not in output
    assert stack.outputs() == stage


def test_a_dockerfile_that_fails_shows_its_last_lines_and_leaves_the_stage(stack: Stack, stage: dict[str, Any]) -> None:
    steps = "RUN echo what went before && echo the reason it fails >&2 && exit 7\n"
    (stack.project.folder / "jobs" / "echo" / "Dockerfile").write_text(DOCKERFILE + steps)

    failed = stack.pulumi("up", "--yes", "--skip-preview", check=False)

    output = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert "the reason it fails" in output
    assert "Traceback" not in output
    batch = stack.project.lane.client("batch")
    newest = _newest(batch, stage["job_definitions"]["echo"])
    assert newest["containerProperties"]["image"] == stage["images"]["echo"]


def _newest(batch: Any, arn_prefix: str) -> dict[str, Any]:
    name = arn_prefix.rsplit("/", 1)[1]
    found = batch.describe_job_definitions(jobDefinitionName=name, status="ACTIVE")["jobDefinitions"]
    newest: dict[str, Any] = max(found, key=lambda one: one["revision"])
    return newest
