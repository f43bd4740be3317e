"""Look-ups: who and where we are, zones, networks, policy documents."""

from __future__ import annotations

from typing import Any, Final

from local.providers.aws.ec2_common import arn, tags_of
from local.providers.aws.policy_document import policy_document
from local.providers.framework import Context, Invoke, Props, ProviderError

_SUFFIX: Final = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}


def _caller_identity(context: Context, arguments: Props) -> Props:
    answer = context.client("sts").get_caller_identity()
    return {"accountId": answer["Account"], "arn": answer["Arn"], "userId": answer["UserId"], "id": answer["Account"]}


def _region(context: Context, arguments: Props) -> Props:
    code = arguments.get("region") or arguments.get("name") or context.region
    return {
        "id": code,
        "name": code,
        "region": code,
        "endpoint": f"ec2.{code}.{_SUFFIX[context.partition]}",
        "description": arguments.get("description") or code,
    }


def _partition(context: Context, arguments: Props) -> Props:
    partition = context.partition
    suffix = _SUFFIX[partition]
    return {
        "id": partition,
        "partition": partition,
        "dnsSuffix": suffix,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _filters(arguments: Props) -> list[dict[str, Any]]:
    asked = [{"Name": entry["name"], "Values": list(entry["values"])} for entry in arguments.get("filters") or ()]
    tags = [{"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()]
    return asked + tags


def _availability_zones(context: Context, arguments: Props) -> Props:
    filters = _filters(arguments)
    if arguments.get("state"):
        filters.append({"Name": "state", "Values": [arguments["state"]]})
    request: dict[str, Any] = {"Filters": filters} if filters else {}
    if arguments.get("allAvailabilityZones"):
        request["AllAvailabilityZones"] = True
    answer = context.client("ec2").describe_availability_zones(**request)
    zones = [
        zone
        for zone in sorted(answer["AvailabilityZones"], key=lambda zone: str(zone["ZoneName"]))
        if zone["ZoneName"] not in (arguments.get("excludeNames") or ())
        and zone.get("ZoneId") not in (arguments.get("excludeZoneIds") or ())
    ]
    return {
        **arguments,
        "id": context.region,
        "region": context.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones if zone.get("ZoneId")],
        "groupNames": sorted({zone.get("GroupName") or context.region for zone in zones}),
    }


def _vpc(context: Context, arguments: Props) -> Props:
    ec2 = context.client("ec2")
    filters = _filters(arguments)
    for key, name in (("cidrBlock", "cidr"), ("dhcpOptionsId", "dhcp-options-id"), ("state", "state")):
        if arguments.get(key):
            filters.append({"Name": name, "Values": [arguments[key]]})
    if arguments.get("default") is not None:
        filters.append({"Name": "is-default", "Values": [str(bool(arguments["default"])).lower()]})
    request: dict[str, Any] = {"Filters": filters} if filters else {}
    if arguments.get("id"):
        request["VpcIds"] = [arguments["id"]]
    found = ec2.describe_vpcs(**request)["Vpcs"]
    if len(found) != 1:
        problem = "multiple EC2 VPCs matched; use additional constraints to reduce matches to a single EC2 VPC"
        raise ProviderError("no matching EC2 VPC found" if not found else problem)
    [vpc] = found
    vpc_id = vpc["VpcId"]
    main = ec2.describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "association.main", "Values": ["true"]}]
    )["RouteTables"]

    def switch(attribute: str, field: str) -> bool:
        return bool(ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=attribute)[field]["Value"])

    return {
        "id": vpc_id,
        "arn": arn(context, "vpc", vpc_id),
        "cidrBlock": vpc["CidrBlock"],
        "cidrBlockAssociations": [
            {
                "associationId": entry["AssociationId"],
                "cidrBlock": entry["CidrBlock"],
                "state": entry["CidrBlockState"]["State"],
            }
            for entry in vpc.get("CidrBlockAssociationSet") or ()
        ],
        "default": bool(vpc.get("IsDefault")),
        "dhcpOptionsId": vpc.get("DhcpOptionsId", ""),
        "enableDnsHostnames": switch("enableDnsHostnames", "EnableDnsHostnames"),
        "enableDnsSupport": switch("enableDnsSupport", "EnableDnsSupport"),
        "enableNetworkAddressUsageMetrics": False,
        "filters": arguments.get("filters"),
        "instanceTenancy": vpc.get("InstanceTenancy", "default"),
        "ipv6AssociationId": "",
        "ipv6CidrBlock": "",
        "ipv6CidrBlockAssociations": [],
        "mainRouteTableId": main[0]["RouteTableId"] if main else "",
        "ownerId": vpc.get("OwnerId") or context.account,
        "region": context.region,
        "state": vpc["State"],
        "tags": tags_of(vpc),
    }


def _subnets(context: Context, arguments: Props) -> Props:
    filters = _filters(arguments)
    found = context.client("ec2").describe_subnets(**({"Filters": filters} if filters else {}))["Subnets"]
    return {
        "id": context.region,
        "region": context.region,
        "ids": sorted(subnet["SubnetId"] for subnet in found),
        "filters": arguments.get("filters"),
        "tags": arguments.get("tags") or {},
    }


INVOKES: Final = [
    Invoke(token="aws:index/getCallerIdentity:getCallerIdentity", call=_caller_identity, service="STS"),
    Invoke(token="aws:index/getRegion:getRegion", call=_region),
    Invoke(token="aws:index/getPartition:getPartition", call=_partition),
    Invoke(token="aws:index/getAvailabilityZones:getAvailabilityZones", call=_availability_zones, service="EC2"),
    Invoke(token="aws:ec2/getVpc:getVpc", call=_vpc, service="EC2"),
    Invoke(token="aws:ec2/getSubnets:getSubnets", call=_subnets, service="EC2"),
    Invoke(token="aws:iam/getPolicyDocument:getPolicyDocument", call=policy_document),
]
