"""The stage as a whole: what every setting gives, tags, outputs, promotion."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest

from components.reference import StageReference
from components.tagging import can_carry_tags
from jobs import conventions
from jobs.problems import Problems
from tests.unit.components import example
from tests.unit.components.conftest import SOURCE_STACK
from tests.unit.components.mocked_engine import ACCOUNT, DIGEST, OUTPUTS, REGION, Recording, record


def _resource_class(token: str) -> type:
    module, name = token.removeprefix("aws:").rsplit(":", 1)
    found = getattr(getattr(aws, module.split("/", 1)[0]), name)
    assert isinstance(found, type)
    return found


def test_everything_that_can_carry_tags_carries_the_stage(stage: Recording) -> None:
    bare = [
        f"{one.type} {one.name}"
        for one in stage.resources
        if one.type.startswith("aws:")
        and can_carry_tags(_resource_class(one.type))
        and not {conventions.TAG_PROJECT, conventions.TAG_STAGE, conventions.TAG_OWNER}
        <= set(one.inputs.get("tags", {}))
    ]
    assert bare == []


def test_what_belongs_to_a_job_names_the_job_and_its_owner(stage: Recording) -> None:
    owners = {"resize": "media", "count": "texts", "sweep": "research"}
    tagged: Counter[str] = Counter()
    for one in stage.resources:
        tags = one.inputs.get("tags", {})
        job = tags.get(conventions.TAG_JOB)
        if job is not None:
            tagged[one.type.rsplit(":", 1)[-1]] += 1
            assert tags[conventions.TAG_OWNER] == owners[job], one.name
        elif tags:
            assert tags[conventions.TAG_OWNER] == "platform", one.name
    assert tagged["JobDefinition"] == tagged["LogGroup"] == tagged["Repository"] == 3
    assert tagged["Queue"] == 4, "one dead-letter queue a trigger"


def test_instances_and_their_disks_are_tagged_too(stage: Recording) -> None:
    for one in stage.of("ComputeEnvironment"):
        resources = one.inputs["computeResources"]
        if resources["type"] in ("EC2", "SPOT"):
            assert resources["tags"][conventions.TAG_STAGE] == "dev"
    for template in stage.of("LaunchTemplate"):
        (volumes,) = template.inputs["tagSpecifications"]
        assert volumes["resourceType"] == "volume"
        assert volumes["tags"][conventions.TAG_STAGE] == "dev"


def test_every_name_holds_the_stage(stage: Recording) -> None:
    strangers = [
        one.name
        for one in stage.resources
        if not one.name.startswith(("batchyard-dev", "batchyard/dev/", "/batchyard/dev/"))
    ]
    assert strangers == []


def test_logical_names_are_unique_in_their_type(stage: Recording) -> None:
    twice = [key for key, count in Counter((one.type, one.name) for one in stage.resources).items() if count > 1]
    assert twice == []


def test_explicit_names_only_where_people_type_them(stage: Recording) -> None:
    named = {
        one.type.rsplit(":", 1)[-1]
        for one in stage.resources
        if {"name", "bucket"} & one.inputs.keys() and one.inputs.get("name")
    }
    assert named == {"JobQueue", "JobDefinition", "LogGroup", "Repository", "LogSubscriptionFilter"}


def test_outputs_are_the_contract(stage: Recording) -> None:
    outputs = StageReference.parse(stage.outputs, stack="dev")
    assert (outputs.version, outputs.stage, outputs.region, outputs.account) == (1, "dev", REGION, ACCOUNT)
    assert set(outputs.queues) == {"critical", "standard", "serverless"}
    assert outputs.queues["standard"].endswith(":job-queue/batchyard-dev-standard")
    assert outputs.job_definitions["resize"].endswith(":job-definition/batchyard-dev-resize")
    assert outputs.images["count"].endswith(f"/batchyard/dev/count@{DIGEST}")
    assert set(outputs.buckets) == {"uploads", "results", "ledger"}
    assert outputs.owners == {"resize": "media", "count": "texts", "sweep": "research"}
    assert outputs.log_groups["sweep"] == "/batchyard/dev/sweep"
    assert set(outputs.dead_letters) == {
        "ledger", "resize/upload1", "resize/schedule1", "count/upload1", "sweep/schedule1",
    }  # fmt: skip
    assert set(outputs.topics) == {"failures"}
    assert outputs.ledger.bucket == outputs.buckets["ledger"]
    assert len(outputs.network.subnet_ids) == 2


def test_without_a_topic_there_is_no_alarm(private_stage: Recording) -> None:
    assert not private_stage.of("Topic")
    assert not private_stage.of("MetricAlarm")
    assert private_stage.outputs["topics"] == {}


def test_alarms_watch_every_dead_letter_queue(stage: Recording) -> None:
    queues = {one.outputs["name"] for one in stage.of("Queue")}
    assert {one.inputs["dimensions"]["QueueName"] for one in stage.of("MetricAlarm")} == queues
    (topic,) = stage.of("Topic")
    assert all(one.inputs["alarmActions"] == [topic.outputs["arn"]] for one in stage.of("MetricAlarm"))


def test_failures_reach_the_topic_and_its_address(stage: Recording) -> None:
    rule = stage.one("EventRule", "batchyard-dev-failures")
    pattern = json.loads(rule.inputs["eventPattern"])
    assert pattern["detail"] == {"status": ["FAILED"], "jobQueue": sorted(stage.outputs["queues"].values())}
    (subscription,) = stage.of("TopicSubscription")
    assert (subscription.inputs["protocol"], subscription.inputs["endpoint"]) == ("email", "ops@example.org")


def test_promotion_takes_digests_and_builds_nothing(stage: Recording, promoted_stage: Recording) -> None:
    assert promoted_stage.outputs["images"] == stage.outputs["images"]
    assert not promoted_stage.of("Image")
    assert not promoted_stage.of("Repository")
    assert "aws:ecr/getAuthorizationToken:getAuthorizationToken" not in promoted_stage.calls
    definition = promoted_stage.one("JobDefinition", "batchyard-prod-resize")
    assert json.loads(definition.inputs["containerProperties"])["image"] == stage.outputs["images"]["resize"]


def test_fargate_pulls_promoted_images_from_where_they_are(promoted_stage: Recording) -> None:
    policy = promoted_stage.one("RolePolicy", "batchyard-prod-count-execution").inputs["policy"]
    assert f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/batchyard/dev/count" in policy


def test_promotion_from_a_stage_without_the_job_names_every_such_job(
    example_repository: Path, source_outputs: dict[str, dict[str, object]]
) -> None:
    images = {"resize": "repository@" + DIGEST}
    source = {"stage": {**source_outputs["stage"], "images": images, "repositories": {"resize": "arn"}}}
    with pytest.raises(Problems) as caught:
        record(
            example.config(promote_from=SOURCE_STACK),
            stack="accept",
            repository=example_repository,
            stacks={SOURCE_STACK: source},
        )
    assert [str(problem) for problem in caught.value] == [
        f"Pulumi.accept.yaml: batchyard:promote_from is {SOURCE_STACK}, which has no image of {job}; "
        "its images are resize; bring that stage up with the job first, "
        f"or set batchyard:jobs.{job}.enabled to false here"
        for job in ("count", "sweep")
    ]


def test_promotion_needs_no_dockerfile(tmp_path: Path, source_outputs: dict[str, object]) -> None:
    repository = example.write_repository(tmp_path)
    (repository / "jobs" / "resize" / "Dockerfile").unlink()
    record(
        example.config(promote_from=SOURCE_STACK),
        stack="prod",
        repository=repository,
        stacks={SOURCE_STACK: source_outputs},
    )


def test_the_stacks_name_changes_names_and_nothing_else(example_repository: Path, stage: Recording) -> None:
    other = record(example.config(), stack="local", repository=example_repository)

    def normal(recording: Recording, stack: str) -> list[str]:
        return sorted(
            json.dumps([one.type, one.name, one.inputs], sort_keys=True)
            .replace(f"batchyard-{stack}", "")
            .replace(f"batchyard/{stack}", "")
            .replace(f'"{stack}"', "")
            .replace(f'\\"{stack}\\"', "")
            .replace(f"Batchyard {stack}", "")
            for one in recording.resources
        )

    assert normal(other, "local") == normal(stage, "dev")


def test_the_mocks_know_no_type_that_nothing_uses(
    stage: Recording,
    private_stage: Recording,
    reporting_stage: Recording,
    kinds: Recording,
    results_stage: Recording,
    example_repository: Path,
) -> None:
    sharing = example.config()["batchyard:queues"]
    sharing["shared"] = {"priority": 1, "compute_environments": ["spot"], "fair_share": {"shares": {"a": 1}}}
    config = example.config(network={"private": True, "egress": "nat"}, queues=sharing)
    nat = record(config, stack="dev", repository=example_repository)
    used = {
        one.type
        for recording in (stage, private_stage, reporting_stage, kinds, results_stage, nat)
        for one in recording.resources
    }
    assert set(OUTPUTS) == used


def test_another_region_than_the_providers_is_refused(example_repository: Path) -> None:
    config = {**example.config(), "aws:region": "eu-central-1"}
    with pytest.raises(pulumi.RunError) as caught:
        record(config, stack="dev", repository=example_repository)
    assert str(caught.value) == (
        "the stage's region is eu-central-1, the AWS provider's us-east-1; a stage is made in one region; "
        "set aws:region to eu-central-1"
    )


def test_more_zones_than_the_region_has_are_refused(example_repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.components.mocked_engine.ZONES", "a")
    with pytest.raises(pulumi.RunError, match=r"availability_zones is 2; us-east-1 has 1 .*; lower the number"):
        record(example.config(), stack="dev", repository=example_repository)
