"""Secrets of jobs: named in the definition, readable to one role each, never held."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.problems import Problems
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, arn, record

SECRET = arn("secretsmanager", "secret:crawler/key-AbCdEf")
PARAMETER = arn("ssm", "parameter/crawler/url")
CRAWL = """\
description: Fetch pages
owner: media
platform: ec2
queue: standard
resources: {vcpus: 1, memory_mib: 512}
secrets:
  API_KEY: {secret: crawler/key}
  PASSWORD: {secret: crawler/key, key: password}
  URL: {parameter: /crawler/url}
"""


@pytest.fixture(scope="module")
def crawling(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    jobs = {"crawl": CRAWL, "resize": example.RESIZE}
    repository = example.write_repository(tmp_path_factory.mktemp("crawling"), jobs)
    network = {"private": True, "egress": "interface-endpoints", "availability_zones": 2}
    return record(example.config(network=network), stack="dev", repository=repository)


def test_a_definition_names_where_values_are_kept(crawling: Recording) -> None:
    definition = crawling.one("JobDefinition", "batchyard-dev-crawl").inputs
    properties = json.loads(definition["containerProperties"])
    assert properties["secrets"] == [
        {"name": "API_KEY", "valueFrom": SECRET},
        {"name": "PASSWORD", "valueFrom": f"{SECRET}:password::"},
        {"name": "URL", "valueFrom": PARAMETER},
    ]
    assert properties["executionRoleArn"].endswith("role/batchyard-dev-crawl-execution-1234567")
    assert "networkConfiguration" not in properties, "an execution role makes no Fargate job"


def test_one_role_may_read_exactly_these(crawling: Recording) -> None:
    readers = {
        place: [statement["Resource"] for statement in document["Statement"]]
        for place, document in crawling.policies()
        if "GetSecretValue" in json.dumps(document) or "GetParameters" in json.dumps(document)
    }
    assert list(readers) == ["RolePolicy batchyard-dev-crawl-execution.policy"]
    (resources,) = readers.values()
    assert resources[-2:] == [[SECRET], [PARAMETER]]


def test_a_job_without_secrets_has_no_execution_role_on_ec2(crawling: Recording) -> None:
    definition = crawling.one("JobDefinition", "batchyard-dev-resize").inputs
    assert not {"secrets", "executionRoleArn"} & json.loads(definition["containerProperties"]).keys()


def test_a_private_stage_reaches_both_stores(crawling: Recording) -> None:
    services = {endpoint.inputs["serviceName"].split(".", 3)[-1] for endpoint in crawling.of("VpcEndpoint")}
    assert {"secretsmanager", "ssm"} <= services


def test_a_secret_that_does_not_exist_is_refused_before_anything_is_touched(tmp_path: Path) -> None:
    text = CRAWL.replace("crawler/key}", "crawler/missing}").replace("crawler/key,", "crawler/missing,")
    with pytest.raises(Problems) as refused:
        record(example.config(), stack="dev", repository=example.write_repository(tmp_path, {"crawl": text}))
    assert [str(problem) for problem in refused.value] == [
        f"jobs/crawl/job.yaml: secrets.{variable}.secret is crawler/missing, which Secrets Manager doesn't show in "
        "us-east-1; a secret is made and filled outside of Batchyard, before the stage comes up; "
        "aws secretsmanager create-secret --name crawler/missing, or correct the name"
        for variable in ("API_KEY", "PASSWORD")
    ]


def test_a_stage_may_keep_its_own_secrets(tmp_path: Path) -> None:
    jobs = {"crawl": {"secrets": {"URL": {"secret": "crawler/key"}}}}
    repository = example.write_repository(tmp_path, {"crawl": CRAWL})
    recording = record(example.config(jobs=jobs), stack="dev", repository=repository)
    definition = recording.one("JobDefinition", "batchyard-dev-crawl").inputs
    assert {"name": "URL", "valueFrom": SECRET} in json.loads(definition["containerProperties"])["secrets"]
