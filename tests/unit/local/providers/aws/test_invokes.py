"""Look-ups against moto, and the policy document's text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.providers.aws.policy_document import policy_document
from local.providers.framework import Context, ProviderError
from tests.unit.local.emulator.moto_server import client


def ask(stand_in: Any, token: str, **arguments: Any) -> Any:
    return stand_in.provider.functions[token].call(stand_in.operations.context(None, token, arguments), arguments)


def test_who_and_where(stand_in: Any) -> None:
    assert ask(stand_in, "aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "123456789012"
    assert ask(stand_in, "aws:index/getRegion:getRegion")["region"] == "us-east-1"
    assert ask(stand_in, "aws:index/getPartition:getPartition") == {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }
    zones = ask(stand_in, "aws:index/getAvailabilityZones:getAvailabilityZones", state="available")
    assert zones["names"][:2] == ["us-east-1a", "us-east-1b"]


def test_networks_are_found_once_or_not_at_all(stand_in: Any) -> None:
    vpc = ask(stand_in, "aws:ec2/getVpc:getVpc", default=True)
    assert vpc["id"].startswith("vpc-")
    by_vpc = [{"name": "vpc-id", "values": [vpc["id"]]}]
    assert len(ask(stand_in, "aws:ec2/getSubnets:getSubnets", filters=by_vpc)["ids"]) > 1
    with pytest.raises(ProviderError, match="no matching EC2 VPC found"):
        ask(stand_in, "aws:ec2/getVpc:getVpc", cidrBlock="1.2.3.0/24")


def test_a_policy_document_has_the_official_form() -> None:
    statement = {
        "sid": "Read",
        "actions": ["s3:GetObject", "s3:ListBucket"],
        "resources": ["arn:aws:s3:::b"],
        "principals": [{"type": "Service", "identifiers": ["events.amazonaws.com"]}],
        "conditions": [{"test": "StringEquals", "variable": "aws:SourceAccount", "values": ["1"]}],
    }
    answer = policy_document(Context(None), {"statements": [statement]})
    assert (
        json.loads(answer["json"])
        == json.loads(answer["minifiedJson"])
        == {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Read",
                    "Effect": "Allow",
                    "Action": ["s3:ListBucket", "s3:GetObject"],
                    "Resource": "arn:aws:s3:::b",
                    "Principal": {"Service": "events.amazonaws.com"},
                    "Condition": {"StringEquals": {"aws:SourceAccount": "1"}},
                }
            ],
        }
    )
    assert answer["json"].startswith('{\n  "Version": "2012-10-17",\n  "Statement": [\n    {\n      "Sid": "Read",')


def test_a_table_tells_its_stream(stand_in: Any, emulator: Any) -> None:
    tables = client(emulator, "dynamodb")
    made: Any = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "at")],
        "BillingMode": "PAY_PER_REQUEST",
    }
    tables.create_table(TableName="quiet", **made)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    told = tables.create_table(TableName="told", StreamSpecification=stream, Tags=[{"Key": "a", "Value": "b"}], **made)
    token = "aws:dynamodb/getTable:getTable"
    answer = ask(stand_in, token, name="told")
    assert answer["streamArn"] == told["TableDescription"]["LatestStreamArn"]
    assert answer["arn"] == told["TableDescription"]["TableArn"]
    assert (answer["streamEnabled"], answer["streamViewType"]) == (True, "NEW_IMAGE")
    assert (answer["hashKey"], answer["rangeKey"], answer["tags"]) == ("id", "at", {"a": "b"})
    without = ask(stand_in, token, name="quiet")
    assert (without["streamEnabled"], without["streamArn"], without["streamViewType"]) == (False, "", "")
    with pytest.raises(Exception, match="not found"):
        ask(stand_in, token, name="missing")
