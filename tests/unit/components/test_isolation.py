"""Isolated jobs: environments, a queue and a security group of their own, and no way out but the declared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.check import check
from jobs.problems import Problems
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, record

ISOLATED = """\
isolated:
  max_vcpus: 4
  egress:
    - {cidr: 198.51.100.7/32, port: 443}
    - {security_group: sg-0123456789abcdef0, port: 5432}
"""
PAID = {"cidr": "10.30.0.0/16", "isolated_endpoints": True}
EXISTING = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}


def job(text: str, queue: str = "standard", platform: str = "ec2") -> str:
    return (
        f"description: x\nowner: media\nplatform: {platform}\nqueue: {queue}\n"
        f"resources: {{vcpus: 1, memory_mib: 2048}}\n{text}"
    )


def recorded(folder: Path, text: str, network: Any = PAID, **changes: Any) -> Recording:
    repository = example.write_repository(folder, {"resize": example.RESIZE, "crawl": text})
    return record(example.config(network=network, **changes), stack="dev", repository=repository)


def refused(folder: Path, text: str, network: Any = PAID, **changes: Any) -> list[str]:
    repository = example.write_repository(folder, {"crawl": text})
    with pytest.raises(Problems) as raised:
        check(example.config(network=network, **changes), stage="dev", file="Pulumi.dev.yaml", repository=repository)
    return [str(problem) for problem in raised.value]


def rules(recording: Recording, kind: str) -> dict[str, dict[str, Any]]:
    """Name → what a rule says, of a job's group or of what lets it in."""
    ours = [one for one in recording.of(f"SecurityGroup{kind}Rule") if "-crawl-" in one.name]
    left_out = ("description", "tags")
    return {one.name: {key: value for key, value in one.inputs.items() if key not in left_out} for one in ours}


@pytest.fixture(scope="module")
def crawling(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return recorded(tmp_path_factory.mktemp("crawl"), job(ISOLATED))


def test_it_has_environments_like_its_queues_and_nobody_else_uses_them(crawling: Recording) -> None:
    queue = crawling.one("JobQueue", "batchyard-dev-crawl_isolated")
    orders = [one["computeEnvironment"] for one in queue.inputs["computeEnvironmentOrders"]]
    own = [crawling.one("ComputeEnvironment", f"batchyard-dev-crawl_isolated_{like}") for like in ("spot", "on-demand")]
    assert orders == [one.outputs["arn"] for one in own]
    assert [one.inputs["computeResources"]["type"] for one in own] == ["SPOT", "EC2"]
    assert [one.inputs["computeResources"]["maxVcpus"] for one in own] == [4, 4]
    assert [one.inputs["computeResources"]["minVcpus"] for one in own] == [0, 0]
    others = [one for one in crawling.of("JobQueue") if one.name != queue.name]
    assert not {
        entry["computeEnvironment"] for one in others for entry in one.inputs["computeEnvironmentOrders"]
    } & set(orders)
    assert queue.inputs["jobStateTimeLimitActions"]


def test_only_its_own_security_group_is_on_its_instances(crawling: Recording) -> None:
    groups = {one.name: one.inputs["computeResources"]["securityGroupIds"] for one in crawling.of("ComputeEnvironment")}
    own = ["sg-batchyard-dev-crawl-isolated"]
    assert groups.pop("batchyard-dev-crawl_isolated_spot") == own
    assert groups.pop("batchyard-dev-crawl_isolated_on-demand") == own
    assert set(map(tuple, groups.values())) == {("sg-batchyard-dev-jobs",)}
    assert crawling.outputs["security_groups"] == {"crawl": own[0]}


def test_it_reaches_s3_the_endpoints_and_what_it_declares(crawling: Recording) -> None:
    own, https = {"securityGroupId": "sg-batchyard-dev-crawl-isolated"}, {"fromPort": 443, "toPort": 443}
    name = "batchyard-dev-crawl-isolated"
    assert rules(crawling, "Egress") == {
        f"{name}-s3": {**own, **https, "ipProtocol": "tcp", "prefixListId": "pl-batchyard-dev-s3"},
        f"{name}-endpoints": {
            **own,
            **https,
            "ipProtocol": "tcp",
            "referencedSecurityGroupId": "sg-batchyard-dev-endpoints",
        },
        f"{name}-198.51.100.7_32-tcp-443": {**own, **https, "ipProtocol": "tcp", "cidrIpv4": "198.51.100.7/32"},
        f"{name}-sg-0123456789abcdef0-tcp-5432": {
            **own,
            "fromPort": 5432,
            "toPort": 5432,
            "ipProtocol": "tcp",
            "referencedSecurityGroupId": "sg-0123456789abcdef0",
        },
    }


def test_nothing_comes_in_and_the_endpoints_let_both_groups_in(crawling: Recording) -> None:
    """Their private names lead the stage's other containers to them, too."""
    let_in = {
        (one.inputs["securityGroupId"], one.inputs["referencedSecurityGroupId"])
        for one in crawling.of("SecurityGroupIngressRule")
    }
    endpoints = "sg-batchyard-dev-endpoints"
    assert let_in == {(endpoints, "sg-batchyard-dev-jobs"), (endpoints, "sg-batchyard-dev-crawl-isolated")}


@pytest.mark.parametrize(
    ("text", "queue", "platform", "services"),
    [
        ("isolated: true\n", "serverless", "fargate", {"ecr.api", "ecr.dkr", "logs"}),
        (
            "isolated: true\nsecrets: {A: {secret: a}, B: {parameter: /b}}\n",
            "standard",
            "ec2",
            {"ecr.api", "ecr.dkr", "logs", "ecs", "ecs-agent", "ecs-telemetry", "secretsmanager", "ssm"},
        ),
    ],
)
def test_endpoints_are_made_for_what_isolated_jobs_use(
    tmp_path: Path, text: str, queue: str, platform: str, services: set[str]
) -> None:
    made = recorded(tmp_path, job(text, queue, platform)).of("VpcEndpoint")
    found = {one.inputs["serviceName"].removeprefix("com.amazonaws.us-east-1.") for one in made}
    assert found == {"s3", *services}


def test_no_isolated_job_no_endpoint(tmp_path: Path) -> None:
    """The setting pays for them; a job asks for them."""
    recording = recorded(tmp_path, job(""))
    assert [one.inputs["vpcEndpointType"] for one in recording.of("VpcEndpoint")] == ["Gateway"]
    assert recording.outputs["security_groups"] == {}


@pytest.mark.parametrize(
    ("egress", "address"), [("", "DISABLED"), ("\n  egress: [{cidr: 198.51.100.7/32, port: 443}]", "ENABLED")]
)
def test_a_fargate_task_has_an_address_where_it_may_go_out(tmp_path: Path, egress: str, address: str) -> None:
    recording = recorded(tmp_path, job(f"isolated:\n  enabled: true{egress}\n", "serverless", "fargate"))
    text = recording.one("JobDefinition", "batchyard-dev-crawl").inputs["containerProperties"]
    assert json.loads(text)["networkConfiguration"] == {"assignPublicIp": address}


def test_nodes_reach_each_other(tmp_path: Path) -> None:
    recording = recorded(tmp_path, job("isolated: true\nnodes: {count: 2}\n", "critical"))
    own = "sg-batchyard-dev-crawl-isolated"
    among = {"securityGroupId": own, "referencedSecurityGroupId": own, "ipProtocol": "-1"}
    assert rules(recording, "Egress")["batchyard-dev-crawl-isolated-nodes"] == among
    assert rules(recording, "Ingress")["batchyard-dev-crawl-isolated-nodes"] == among


def test_its_triggers_submit_to_its_own_queue(tmp_path: Path) -> None:
    recording = recorded(tmp_path, job("isolated: true\ntriggers:\n  - schedule: {rate: 1 day}\n"))
    queue = recording.one("JobQueue", "batchyard-dev-crawl_isolated").outputs["arn"]
    schedule = next(one for one in recording.of("Schedule") if "-crawl-" in one.name)
    assert json.loads(schedule.inputs["target"]["input"])["JobQueue"] == queue
    (granted,) = [document for name, document in recording.policies() if "RolePolicy batchyard-dev-crawl-sch" in name]
    assert queue in granted["Statement"][0]["Resource"]


def test_its_queue_has_no_shares(tmp_path: Path) -> None:
    """It is alone in it; the queue it names may have some, and the job needs to name none."""
    queues = {
        "standard": {"priority": 1, "compute_environments": ["spot"], "fair_share": {"shares": {"a": 1}}},
    }
    repository = example.write_repository(tmp_path, {"crawl": job("isolated: true\n")})
    recording = record(example.config(network=PAID, queues=queues), stack="dev", repository=repository)
    assert "schedulingPolicyArn" not in recording.one("JobQueue", "batchyard-dev-crawl_isolated").inputs


def test_an_existing_vpc_gives_its_own_endpoints(tmp_path: Path) -> None:
    known = {"endpoints_security_group_id": "sg-0fedcba9876543210", "s3_prefix_list_id": "pl-63a5400a"}
    recording = recorded(tmp_path, job("isolated: true\n"), {**EXISTING, **known})
    found = rules(recording, "Egress")
    assert found["batchyard-dev-crawl-isolated-s3"]["prefixListId"] == "pl-63a5400a"
    assert found["batchyard-dev-crawl-isolated-endpoints"]["referencedSecurityGroupId"] == "sg-0fedcba9876543210"
    assert rules(recording, "Ingress") == {}, "their group is their owner's"
    assert not recording.of("VpcEndpoint")


def test_a_stage_may_let_it_run_like_any_other(tmp_path: Path) -> None:
    recording = recorded(tmp_path, job(ISOLATED), None, jobs={"crawl": {"isolated": False}})
    assert [one.name for one in recording.of("SecurityGroup")] == ["batchyard-dev-jobs"]
    assert len(recording.of("JobQueue")) == 3


def test_a_stage_may_open_another_way(tmp_path: Path) -> None:
    change = {"crawl": {"isolated": {"egress": [{"prefix_list": "pl-02cd2c6b", "port": 443}]}}}
    recording = recorded(tmp_path, job(ISOLATED), jobs=change)
    declared = set(rules(recording, "Egress")) - {f"batchyard-dev-crawl-isolated-{own}" for own in ("s3", "endpoints")}
    assert declared == {"batchyard-dev-crawl-isolated-pl-02cd2c6b-tcp-443"}
    environment = recording.one("ComputeEnvironment", "batchyard-dev-crawl_isolated_spot")
    assert environment.inputs["computeResources"]["maxVcpus"] == 4, "what it doesn't change stays the job's"


OTHERWISE = "or let it run in its queue here with batchyard:jobs.crawl.isolated: false"


@pytest.mark.parametrize(
    ("network", "text", "problem"),
    [
        ({}, "isolated: true\n", "isolated is given; it reaches AWS by interface endpoints, which the stage's network "
         "doesn't have: they cost by the hour; write isolated_endpoints: true below batchyard:network, " + OTHERWISE),
        (EXISTING, "isolated: true\n", "isolated is given; in an existing VPC it reaches AWS by that VPC's endpoints, "
         "which the settings name; write endpoints_security_group_id and s3_prefix_list_id below batchyard:network, "
         + OTHERWISE),
        ({"private": True, "egress": "interface-endpoints"}, "isolated: {egress: [{cidr: 8.8.8.8/32, port: 443}]}\n",
         "isolated is given with egress to 8.8.8.8/32; a new VPC with egress: interface-endpoints has no way to the "
         "internet; remove the rule, or write egress: nat and isolated_endpoints: true below batchyard:network"),
    ],
)  # fmt: skip
def test_a_network_that_cannot_give_it_is_refused(tmp_path: Path, network: Any, text: str, problem: str) -> None:
    assert refused(tmp_path, job(text), network) == [f"jobs/crawl/job.yaml:6: {problem}"]


def test_a_job_larger_than_its_own_environments_is_refused(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, job("isolated: {max_vcpus: 1}\n"))
    assert "the largest available in queue crawl_isolated is crawl_isolated_spot: no type within its 1 vCPU" in found


def test_its_file_system_is_declared_too(tmp_path: Path) -> None:
    text = job("isolated: true\nstorage: {efs: [{id: fs-01234567, path: /models}]}\n")
    (found,) = refused(tmp_path, text)
    assert "isolated is given beside storage.efs, and nothing lets TCP port 2049 out" in found
    declared = "isolated: {egress: [{security_group: sg-01234567, port: 2049}]}"
    recorded(tmp_path / "declared", text.replace("isolated: true", declared))


@pytest.mark.parametrize(
    ("network", "problem"),
    [
        ({"s3_prefix_list_id": "pl-63a5400a"}, "s3_prefix_list_id is given without vpc_id"),
        ({**EXISTING, "isolated_endpoints": True}, "isolated_endpoints is true with vpc_id"),
    ],
)
def test_settings_of_one_network_do_not_stand_beside_the_others(tmp_path: Path, network: Any, problem: str) -> None:
    (found,) = refused(tmp_path, job(""), network)
    assert problem in found
