"""Least privilege: every policy document of every example stage, walked statement by statement."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.access import bucket_statements
from tests.unit.components import example
from tests.unit.components.mocked_engine import ACCOUNT, REGION, Recording, arn, record

# action → why AWS has no narrower resource for it
ONLY_ON_EVERYTHING = {
    "ecr:GetAuthorizationToken": "the token is the registry's, of the whole account",
    "ce:GetCostAndUsage": "the bill is the account's",
    "pricing:GetProducts": "the price list is everybody's",
    "ec2:DescribeSpotPriceHistory": "the history of prices is everybody's",
}


@pytest.fixture(
    scope="module", params=["stage", "private_stage", "promoted_stage", "reporting_stage", "kinds", "results_stage"]
)
def recording(request: pytest.FixtureRequest) -> Recording:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Recording)
    return found


def statements(recording: Recording) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for place, document in recording.policies():
        assert document["Version"] == "2012-10-17", place
        for statement in document["Statement"]:
            yield place, statement


def listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_no_statement_is_for_everything(recording: Recording) -> None:
    found = [
        f"{place}: {action} on {resource}"
        for place, statement in statements(recording)
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        for resource in listed(statement.get("Resource", []))
        if resource == "*" and action not in ONLY_ON_EVERYTHING
    ]
    assert found == []


def test_no_wildcard_stands_for_a_name(recording: Recording) -> None:
    """A `*` may stand for a bucket's objects, a definition's revisions, a log group's streams: what has no name yet."""
    below_a_name = ("/*", ":*", ":log-stream:*")
    found = [
        f"{place}: {resource}"
        for place, statement in statements(recording)
        for resource in listed(statement.get("Resource", []))
        if "*" in resource and resource != "*" and not (resource.count("*") == 1 and resource.endswith(below_a_name))
    ]
    assert found == []


def test_no_action_is_a_wildcard(recording: Recording) -> None:
    found = [
        f"{place}: {action}"
        for place, statement in statements(recording)
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
        if "*" in action
    ]
    assert found == []


def test_whoever_takes_a_role_comes_for_this_account(recording: Recording) -> None:
    """Instances are named by their profile, and Lambda says nothing; every other service says on whose behalf."""
    for place, statement in statements(recording):
        if statement["Action"] != "sts:AssumeRole":
            continue
        service = statement["Principal"]["Service"]
        if service in ("ec2.amazonaws.com", "lambda.amazonaws.com"):
            continue
        condition = json.dumps(statement["Condition"])
        assert ACCOUNT in condition, place


def test_resources_of_roles_are_all_of_this_stage_or_its_source(recording: Recording) -> None:
    for place, statement in statements(recording):
        for resource in listed(statement.get("Resource", [])):
            # the account has one default bus; what may be put on it is the condition's. A table is somebody else's: the
            # one the settings name, and only its stream
            table = resource.startswith(arn("dynamodb", "table/shop-orders/stream/"))
            # and a warehouse or a parameter, which a specification names
            others = ":redshift" in resource or resource == arn("ssm", "parameter/quick/token")
            known = resource == "*" or table or others or resource.endswith(":event-bus/default")
            assert known or "batchyard-" in resource or "batchyard/" in resource, (place, resource)


def test_only_services_and_the_tls_rule_are_principals(recording: Recording) -> None:
    for place, statement in statements(recording):
        principal = statement.get("Principal")
        if principal == "*":
            assert statement["Effect"] == "Deny", place
        elif principal is not None:
            assert set(principal) == {"Service"}, place


def test_a_job_may_do_what_its_spec_declares(stage: Recording) -> None:
    document = json.loads(stage.one("RolePolicy", "batchyard-dev-resize-job").inputs["policy"])
    uploads, results = (f"arn:aws:s3:::batchyard-dev-{name}-1234567" for name in ("uploads", "results"))
    assert document["Statement"] == [
        {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetBucketLocation"], "Resource": [uploads]},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": [f"{uploads}/*"]},
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:AbortMultipartUpload"], "Resource": [f"{results}/*"]},
    ]


def test_a_job_that_declares_nothing_may_do_nothing(stage: Recording) -> None:
    assert stage.one("Role", "batchyard-dev-sweep-job")
    assert not [one for one in stage.of("RolePolicy") if one.name == "batchyard-dev-sweep-job"]
    assert bucket_statements({}, {}) == []


def test_a_trigger_submits_one_job_to_one_queue(stage: Recording) -> None:
    document = json.loads(stage.one("RolePolicy", "batchyard-dev-resize-upload1").inputs["policy"])
    definition = arn("batch", "job-definition/batchyard-dev-resize")
    assert document["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["batch:SubmitJob"],
            "Resource": [arn("batch", "job-queue/batchyard-dev-standard"), definition, f"{definition}:*"],
        }
    ]


def test_only_the_rule_may_write_to_its_dead_letters(stage: Recording) -> None:
    policy = json.loads(stage.one("QueuePolicy", "batchyard-dev-resize-upload1").inputs["policy"])
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    rule = stage.one("EventRule", "batchyard-dev-resize-upload1").outputs["arn"]
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": [rule]}}


def test_fargate_pulls_one_repository_and_writes_one_log(stage: Recording) -> None:
    document = json.loads(stage.one("RolePolicy", "batchyard-dev-count-execution").inputs["policy"])
    resources = [statement["Resource"] for statement in document["Statement"]]
    assert resources == [
        ["*"],
        [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/batchyard/dev/count"],
        [f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/batchyard/dev/count:log-stream:*"],
    ]
    assert not [one for one in stage.of("Role") if one.name.endswith("resize-execution")], "EC2 needs none"


def test_instances_have_awss_own_policy_only(stage: Recording) -> None:
    (attachment,) = stage.of("RolePolicyAttachment")
    assert attachment.inputs["policyArn"].endswith(":aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role")


def test_a_stage_of_fargate_has_no_instance_role(tmp_path: Path) -> None:
    repository = example.write_repository(tmp_path, {"count": example.COUNT})
    config = example.config(
        compute_environments={"fargate": {"kind": "fargate-spot", "max_vcpus": 4}},
        queues={"serverless": {"priority": 1, "compute_environments": ["fargate"]}},
    )
    recording = record(config, stack="dev", repository=repository)
    assert not recording.of("InstanceProfile")
    assert not recording.of("LaunchTemplate")
