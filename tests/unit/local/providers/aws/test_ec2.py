"""EC2's and the VPC's tables against moto."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.providers.framework.errors import ProviderError

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
GATEWAY = "aws:ec2/internetGateway:InternetGateway"
NAT = "aws:ec2/natGateway:NatGateway"
ADDRESS = "aws:ec2/eip:Eip"
TABLE = "aws:ec2/routeTable:RouteTable"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


@pytest.fixture
def vpc(stand_in: Any) -> Any:
    return stand_in.create(VPC, cidrBlock="10.20.0.0/16", enableDnsHostnames=True, tags={"a": "1"})


@pytest.fixture
def subnet(stand_in: Any, vpc: Any) -> Any:
    return stand_in.create(SUBNET, vpcId=vpc.id, cidrBlock="10.20.1.0/24", availabilityZone="us-east-1a")


def test_a_vpc_is_made_changed_and_removed(stand_in: Any, vpc: Any) -> None:
    assert vpc.id.startswith("vpc-")
    assert vpc.state["enableDnsSupport"] is True
    assert vpc.state["enableDnsHostnames"] is True
    assert vpc.state["mainRouteTableId"].startswith("rtb-")
    assert vpc.state["defaultSecurityGroupId"].startswith("sg-")
    assert vpc.state["tagsAll"] == {"a": "1"}

    changed = stand_in.update(VPC, vpc, cidrBlock="10.20.0.0/16", enableDnsSupport=False, tags={"b": "2"})
    assert changed.state["enableDnsSupport"] is False
    assert changed.state["enableDnsHostnames"] is False
    assert changed.state["tags"] == {"b": "2"}
    assert stand_in.differences(VPC, changed, cidrBlock="10.30.0.0/16", enableDnsSupport=False, tags={"b": "2"}) == {
        "cidrBlock": "update+replace"
    }
    stand_in.delete(VPC, changed)


def test_an_imported_vpc_asks_for_nothing_more(stand_in: Any, vpc: Any) -> None:
    found = stand_in.import_(VPC, vpc.id)
    assert found.inputs["cidrBlock"] == "10.20.0.0/16"
    assert found.inputs["tags"] == {"a": "1"}
    same = {"cidrBlock": "10.20.0.0/16", "enableDnsHostnames": True, "tags": {"a": "1"}}
    assert stand_in.differences(VPC, found, **same) == {}
    assert stand_in.import_(VPC, "vpc-00000000") is None


def test_a_subnet_is_replaced_by_its_place_and_changed_by_its_switches(stand_in: Any, subnet: Any) -> None:
    where = {key: subnet.state[key] for key in ("vpcId", "cidrBlock", "availabilityZone")}
    changed = stand_in.update(SUBNET, subnet, **where, mapPublicIpOnLaunch=True)
    assert changed.state["mapPublicIpOnLaunch"] is True
    assert stand_in.differences(SUBNET, changed, **where) == {"mapPublicIpOnLaunch": "update"}
    elsewhere = {**where, "availabilityZone": "us-east-1b", "mapPublicIpOnLaunch": True}
    assert stand_in.differences(SUBNET, changed, **elsewhere) == {"availabilityZone": "update+replace"}
    stand_in.delete(SUBNET, changed)


def test_a_network_in_use_cannot_go_before_what_uses_it(stand_in: Any, vpc: Any, subnet: Any) -> None:
    with pytest.raises(
        ProviderError, match=r"deleting EC2 VPC \(vpc-\w+\): operation error EC2: DeleteVpc, .*api error"
    ):
        stand_in.delete(VPC, vpc, timeout_s=0.2)
    stand_in.delete(SUBNET, subnet)
    stand_in.delete(VPC, vpc)


def test_an_internet_gateway_moves_between_networks(stand_in: Any, vpc: Any) -> None:
    other = stand_in.create(VPC, cidrBlock="10.40.0.0/16")
    gateway = stand_in.create(GATEWAY, vpcId=vpc.id)
    assert stand_in.differences(GATEWAY, gateway, vpcId=other.id) == {"vpcId": "update"}
    moved = stand_in.update(GATEWAY, gateway, vpcId=other.id)
    assert moved.state["vpcId"] == other.id
    stand_in.delete(GATEWAY, moved)


def test_a_nat_gateway_has_its_address(stand_in: Any, subnet: Any) -> None:
    address = stand_in.create(ADDRESS, domain="vpc", tags={"a": "1"})
    assert address.state["allocationId"] == address.id
    nat = stand_in.create(NAT, subnetId=subnet.id, allocationId=address.id)
    assert nat.state["publicIp"] == address.state["publicIp"]
    assert nat.state["connectivityType"] == "public"
    stand_in.delete(NAT, nat)
    stand_in.delete(ADDRESS, stand_in.read(ADDRESS, address))


def test_routes_of_a_table_and_as_resources(stand_in: Any, vpc: Any, subnet: Any) -> None:
    gateway = stand_in.create(GATEWAY, vpcId=vpc.id)
    inline = stand_in.create(TABLE, vpcId=vpc.id, routes=[{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}])
    emptied = stand_in.update(TABLE, inline, vpcId=vpc.id, routes=[])
    assert emptied.state["routes"] == []

    table = stand_in.create(TABLE, vpcId=vpc.id, tags={"a": "1"})
    wanted = {"routeTableId": table.id, "destinationCidrBlock": "0.0.0.0/0", "gatewayId": gateway.id}
    route = stand_in.create(ROUTE, **wanted)
    assert route.id.startswith(f"r-{table.id}")
    assert stand_in.differences(TABLE, stand_in.read(TABLE, table), vpcId=vpc.id, tags={"a": "1"}) == {}
    with pytest.raises(ProviderError, match="RouteAlreadyExists"):
        stand_in.create(ROUTE, **wanted)
    imported = stand_in.import_(ROUTE, f"{table.id}_0.0.0.0/0")
    assert imported.id == route.id
    assert stand_in.differences(ROUTE, imported, **wanted) == {}

    association = stand_in.create(ASSOCIATION, routeTableId=table.id, subnetId=subnet.id)
    moved = stand_in.update(ASSOCIATION, association, routeTableId=inline.id, subnetId=subnet.id)
    assert moved.id == association.id
    assert moved.state["id"] != association.id
    stand_in.delete(ASSOCIATION, moved)
    stand_in.delete(ROUTE, route)
    stand_in.delete(TABLE, table)


def test_a_security_group_has_only_the_rules_it_was_given(stand_in: Any, vpc: Any) -> None:
    group = stand_in.create(GROUP, called="jobs", vpcId=vpc.id)
    assert group.state["name"].startswith("jobs-")
    assert group.state["description"] == "Managed by Pulumi"
    assert group.state["egress"] == []

    everywhere = [{"protocol": "all", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]
    web = [
        {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.1.0.0/16", "10.0.0.0/16"]},
        {"protocol": "tcp", "fromPort": 443, "toPort": 443, "self": True},
    ]
    opened = stand_in.update(GROUP, group, called="jobs", vpcId=vpc.id, egress=everywhere, ingress=web)
    assert opened.state["egress"] == everywhere
    assert stand_in.differences(GROUP, opened, vpcId=vpc.id, egress=everywhere, ingress=list(reversed(web))) == {}
    narrowed = stand_in.update(GROUP, opened, called="jobs", vpcId=vpc.id, egress=everywhere, ingress=web[1:])
    assert [block["self"] for block in narrowed.state["ingress"]] == [True]
    assert stand_in.differences(GROUP, narrowed, vpcId=vpc.id, description="x", egress=everywhere, ingress=web[1:]) == {
        "description": "update+replace"
    }
    stand_in.delete(GROUP, narrowed)


def test_rules_of_their_own(stand_in: Any, vpc: Any) -> None:
    group = stand_in.create(GROUP, vpcId=vpc.id)
    wanted = {
        "securityGroupId": group.id,
        "ipProtocol": "tcp",
        "fromPort": 443,
        "toPort": 443,
        "cidrIpv4": "10.0.0.0/8",
    }
    rule = stand_in.create(INGRESS, **wanted, tags={"a": "1"})
    assert rule.state["securityGroupRuleId"] == rule.id
    other_kind = {**wanted, "referencedSecurityGroupId": group.id, "tags": {"a": "1"}}
    del other_kind["cidrIpv4"]
    assert stand_in.differences(INGRESS, rule, **other_kind) == {
        "cidrIpv4": "delete+replace",
        "referencedSecurityGroupId": "add+replace",
    }
    wider = stand_in.update(INGRESS, rule, **{**wanted, "cidrIpv4": "10.0.0.0/9"}, tags={"a": "1"})
    assert wider.state["cidrIpv4"] == "10.0.0.0/9"
    out = stand_in.create(EGRESS, securityGroupId=group.id, ipProtocol="-1", cidrIpv4="0.0.0.0/0")
    assert "fromPort" not in out.state
    failures = stand_in.check(EGRESS, {"securityGroupId": group.id, "ipProtocol": "tcp"}).failures
    assert failures == [
        "exactly one of cidrIpv4, cidrIpv6, prefixListId, referencedSecurityGroupId must be set, got none. "
        "Examine values at 'thing.cidrIpv4'.",
        "fromPort and toPort must be set with ipProtocol tcp. Examine values at 'thing'.",
    ]
    stand_in.delete(INGRESS, wider)
    stand_in.delete(EGRESS, out)
    assert stand_in.differences(GROUP, stand_in.read(GROUP, group), vpcId=vpc.id) == {}


def test_endpoints_of_both_kinds(stand_in: Any, vpc: Any, subnet: Any) -> None:
    table = stand_in.create(TABLE, vpcId=vpc.id)
    s3 = "com.amazonaws.us-east-1.s3"
    gateway = stand_in.create(ENDPOINT, vpcId=vpc.id, serviceName=s3, routeTableIds=[table.id])
    assert gateway.state["vpcEndpointType"] == "Gateway"
    main = vpc.state["mainRouteTableId"]
    both = stand_in.update(ENDPOINT, gateway, vpcId=vpc.id, serviceName=s3, routeTableIds=[table.id, main])
    assert sorted(both.state["routeTableIds"]) == sorted([table.id, main])
    other = stand_in.create(TABLE, vpcId=vpc.id)
    stand_in.delete(ENDPOINT, stand_in.create(ENDPOINT, vpcId=vpc.id, serviceName=s3, routeTableIds=[other.id]))

    group = stand_in.create(GROUP, vpcId=vpc.id)
    wanted = {
        "vpcId": vpc.id,
        "serviceName": "com.amazonaws.us-east-1.logs",
        "vpcEndpointType": "Interface",
        "subnetIds": [subnet.id],
        "securityGroupIds": [group.id],
        "privateDnsEnabled": True,
    }
    interface = stand_in.create(ENDPOINT, **wanted)
    assert interface.state["subnetIds"] == [subnet.id]
    assert stand_in.differences(ENDPOINT, interface, **{**wanted, "privateDnsEnabled": False}) == {
        "privateDnsEnabled": "update"
    }
    stand_in.delete(ENDPOINT, interface)


def test_a_launch_template_gets_versions(stand_in: Any) -> None:
    wanted: dict[str, Any] = {
        "userData": "ZWNobw==",
        "updateDefaultVersion": True,
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2},
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 50, "encrypted": "true"}}],
        "tagSpecifications": [{"resourceType": "instance", "tags": {"a": "1"}}],
    }
    template = stand_in.create(TEMPLATE, called="jobs", **wanted)
    assert template.state["latestVersion"] == 1
    bigger = {
        **wanted,
        "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeSize": 90, "encrypted": "true"}}],
    }
    plan = stand_in.plan(TEMPLATE, template, called="jobs", **bigger)
    assert {"latestVersion", "defaultVersion"} <= plan.recomputed
    changed = stand_in.update(TEMPLATE, template, called="jobs", **bigger)
    assert (changed.state["latestVersion"], changed.state["defaultVersion"]) == (2, 2)
    stand_in.delete(TEMPLATE, changed)


def test_errors_name_the_operation_and_the_object(stand_in: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        stand_in.create(SUBNET, called="a", vpcId="vpc-missing", cidrBlock="10.0.0.0/24")
    assert str(caught.value).startswith(
        "creating EC2 Subnet (a): operation error EC2: CreateSubnet, https response error"
    )
    assert "api error InvalidVpcID.NotFound" in str(caught.value)


def test_a_policy_of_an_endpoint_is_compared_by_meaning(stand_in: Any, vpc: Any) -> None:
    def policy(actions: Any) -> str:
        statement = {"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": "arn:aws:s3:::b/*"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    wanted = {"vpcId": vpc.id, "serviceName": "com.amazonaws.us-east-1.s3"}
    endpoint = stand_in.create(ENDPOINT, **wanted, policy=policy("s3:GetObject"))
    assert stand_in.differences(ENDPOINT, endpoint, **wanted, policy=policy(["s3:GetObject"])) == {}
    assert stand_in.differences(ENDPOINT, endpoint, **wanted, policy=policy(["s3:PutObject"])) == {"policy": "update"}
