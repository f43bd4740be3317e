from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from local.emulator import gaps
from local.emulator.context import EmulatorContext
from tests.unit.local.emulator.moto_server import REGION, VERSION, client, forget_everything, make_role, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorContext]:
    with serving(tmp_path_factory.mktemp("lane"), [gaps.install]) as (context, _):
        yield context


@pytest.fixture
def lane(server: EmulatorContext) -> Iterator[EmulatorContext]:
    yield server
    forget_everything()


def test_a_policy_in_use_can_not_be_deleted(lane: EmulatorContext) -> None:
    iam = client(lane, "iam")
    queue = f"arn:aws:sqs:{REGION}:123456789012:q"
    make_role(lane, "user", service="events.amazonaws.com", actions=["sqs:SendMessage"], resources=[queue])
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue}
    document = json.dumps({"Version": VERSION, "Statement": [statement]})
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="user", PolicyArn=arn)
    with pytest.raises(ClientError, match="DeleteConflict"):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_role_policy(RoleName="user", PolicyArn=arn)
    second = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document)["PolicyVersion"]["VersionId"]
    with pytest.raises(ClientError, match="more than one version"):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_policy_version(PolicyArn=arn, VersionId=second)
    iam.delete_policy(PolicyArn=arn)


def test_private_dns_of_an_endpoint_can_be_switched(lane: EmulatorContext) -> None:
    ec2 = client(lane, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{REGION}.logs",
        VpcEndpointType="Interface",
        SubnetIds=[subnet],
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]
    for wanted in (True, False):
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PrivateDnsEnabled=wanted)
        (known,) = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
        assert known["PrivateDnsEnabled"] is wanted


def test_a_queue_tells_all_it_was_given(lane: EmulatorContext) -> None:
    sqs = client(lane, "sqs")
    allowed = json.dumps({"redrivePermission": "denyAll"})
    attributes = {"RedriveAllowPolicy": allowed, "SqsManagedSseEnabled": "true"}
    url = sqs.create_queue(QueueName="q", Attributes=attributes, tags={"batchyard:stage": "local"})["QueueUrl"]
    known = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert {name: known[name] for name in attributes} == attributes
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"batchyard:stage": "local"}
    policy = json.dumps({"Version": VERSION, "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "q"}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    read = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    assert json.loads(read["Policy"]) == json.loads(policy)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Policy" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})


@pytest.mark.parametrize("kind", ["addresses", "group", "prefix list"])
def test_a_rule_of_a_security_group_keeps_its_description(lane: EmulatorContext, kind: str) -> None:
    ec2 = client(lane, "ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="jobs", Description="x", VpcId=vpc)["GroupId"]
    prefix_list = ec2.describe_managed_prefix_lists()["PrefixLists"][0]["PrefixListId"]
    target = {
        "addresses": {"IpRanges": [{"CidrIp": "192.0.2.0/24", "Description": "words"}]},
        "group": {"UserIdGroupPairs": [{"GroupId": group, "Description": "words"}]},
        "prefix list": {"PrefixListIds": [{"PrefixListId": prefix_list, "Description": "words"}]},
    }[kind]
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **target}
    (made,) = ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"]
    (known,) = ec2.describe_security_group_rules(SecurityGroupRuleIds=[made["SecurityGroupRuleId"]])[
        "SecurityGroupRules"
    ]
    assert known["Description"] == "words"
