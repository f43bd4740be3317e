"""The network: what each kind of egress makes, and where subnets lie."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.network import subnet_cidr
from tests.unit.components import example
from tests.unit.components.mocked_engine import Recording, record


@given(prefix=st.integers(16, 24), zones=st.integers(1, 8))
def test_subnets_lie_in_the_vpc_and_apart(prefix: int, zones: int) -> None:
    vpc = ipaddress.ip_network(f"10.20.0.0/{prefix}")
    blocks = [
        ipaddress.ip_network(subnet_cidr(str(vpc), zone=zone, public=public))
        for zone in range(zones)
        for public in (False, True)
    ]
    assert all(isinstance(block, ipaddress.IPv4Network) and block.prefixlen <= 28 for block in blocks)
    assert all(int(block.network_address) in range(int(vpc[0]), int(vpc[-1]) + 1) for block in blocks)
    assert not any(one.overlaps(other) for position, one in enumerate(blocks) for other in blocks[:position])


def test_a_zone_too_many_is_refused() -> None:
    with pytest.raises(ValueError, match="zone is 8"):
        subnet_cidr("10.20.0.0/16", zone=8, public=False)


def test_public_ip_costs_nothing_idle(stage: Recording) -> None:
    subnets = stage.of("Subnet")
    assert [one.inputs["mapPublicIpOnLaunch"] for one in subnets] == [True, True]
    assert [one.inputs["availabilityZone"] for one in subnets] == ["us-east-1a", "us-east-1b"]
    assert len(stage.of("InternetGateway")) == 1
    assert not stage.of("NatGateway")
    assert [one.inputs["vpcEndpointType"] for one in stage.of("VpcEndpoint")] == ["Gateway"]


def test_interface_endpoints_serve_private_subnets(private_stage: Recording) -> None:
    assert not private_stage.of("InternetGateway")
    assert [one.inputs["mapPublicIpOnLaunch"] for one in private_stage.of("Subnet")] == [False] * 3
    services = {
        one.inputs["serviceName"].removeprefix("com.amazonaws.us-east-1.") for one in private_stage.of("VpcEndpoint")
    }
    assert services == {"s3", "ecr.api", "ecr.dkr", "logs", "ecs", "ecs-agent", "ecs-telemetry"}
    (ingress,) = private_stage.of("SecurityGroupIngressRule")
    assert (ingress.inputs["fromPort"], ingress.inputs["toPort"], ingress.inputs["ipProtocol"]) == (443, 443, "tcp")
    assert "cidrIpv4" not in ingress.inputs


def test_nat_is_one_gateway_in_a_public_subnet(example_repository: Path) -> None:
    network = {"private": True, "egress": "nat"}
    recording = record(example.config(network=network), stack="dev", repository=example_repository)
    (gateway,) = recording.of("NatGateway")
    assert gateway.inputs["subnetId"] == "subnet-batchyard-dev-public-1"
    routes = {one.inputs["routeTableId"]: one.inputs for one in recording.of("Route")}
    assert routes["rtb-batchyard-dev-private"]["natGatewayId"] == "nat-batchyard-dev-nat"
    assert routes["rtb-batchyard-dev-public"]["gatewayId"] == "igw-batchyard-dev-internet"
    environments = [one.inputs["computeResources"]["subnets"] for one in recording.of("ComputeEnvironment")]
    assert environments == [["subnet-batchyard-dev-private-1", "subnet-batchyard-dev-private-2"]] * 3


def test_an_existing_vpc_gets_a_security_group_only(example_repository: Path) -> None:
    network = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}
    recording = record(example.config(network=network), stack="dev", repository=example_repository)
    made = {one.type for one in recording.resources if one.type.startswith(("aws:ec2/", "aws:vpc/"))}
    assert made == {
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    }
    (group,) = recording.of("SecurityGroup")
    assert group.inputs["vpcId"] == "vpc-0123456789abcdef0"
    assert recording.outputs["network"]["subnet_ids"] == ["subnet-0123456789abcdef0"]
    assert "aws:index/getAvailabilityZones:getAvailabilityZones" not in recording.calls


def test_nothing_comes_in(stage: Recording) -> None:
    assert not stage.of("SecurityGroupIngressRule")
    assert all("ingress" not in one.inputs for one in stage.of("SecurityGroup"))
