"""EC2: networks, subnets, internet gateways."""

from __future__ import annotations

from typing import Any, Final

from local.providers.aws.ec2_common import arn, given, one, tag_specifications, tags_of, update_tags
from local.providers.framework import Context, Plan, Props, ResourceType

# --- VPC ---

_VPC_SWITCHES: Final = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}


def _create_vpc(context: Context, inputs: Props) -> str:
    ec2 = context.client("ec2")
    request = given(inputs, {"cidrBlock": "CidrBlock", "instanceTenancy": "InstanceTenancy"})
    if inputs.get("assignGeneratedIpv6CidrBlock"):
        request["AmazonProvidedIpv6CidrBlock"] = True
    vpc_id = str(ec2.create_vpc(**request, TagSpecifications=tag_specifications("vpc", inputs))["Vpc"]["VpcId"])
    context.created(vpc_id)
    defaults = {"enableDnsSupport": True}
    for key, field in _VPC_SWITCHES.items():
        wanted = bool(inputs.get(key, defaults.get(key, False)))
        if wanted != defaults.get(key, False):
            ec2.modify_vpc_attribute(VpcId=vpc_id, **{field: {"Value": wanted}})
    return vpc_id


def _read_vpc(context: Context, vpc_id: str, known: Props) -> Props | None:
    ec2 = context.client("ec2")
    vpc = one(ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"])
    if vpc is None:
        return None
    by_vpc = [{"Name": "vpc-id", "Values": [vpc_id]}]
    main = ec2.describe_route_tables(Filters=[*by_vpc, {"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    groups = ec2.describe_security_groups(Filters=[*by_vpc, {"Name": "group-name", "Values": ["default"]}])
    acls = ec2.describe_network_acls(Filters=[*by_vpc, {"Name": "default", "Values": ["true"]}])["NetworkAcls"]
    switches = {
        key: _switch(ec2, vpc_id, key)
        for key in _VPC_SWITCHES
        if key in known or key != "enableNetworkAddressUsageMetrics"
    }
    ipv6 = [
        entry
        for entry in vpc.get("Ipv6CidrBlockAssociationSet", [])
        if entry["Ipv6CidrBlockState"]["State"] == "associated"
    ]
    route_table = main[0]["RouteTableId"] if main else ""
    return {
        **switches,
        "arn": arn(context, "vpc", vpc_id),
        "cidrBlock": vpc["CidrBlock"],
        "instanceTenancy": vpc.get("InstanceTenancy", "default"),
        "assignGeneratedIpv6CidrBlock": bool(ipv6),
        "ipv6CidrBlock": ipv6[0]["Ipv6CidrBlock"] if ipv6 else "",
        "ipv6AssociationId": ipv6[0]["AssociationId"] if ipv6 else "",
        "defaultSecurityGroupId": groups["SecurityGroups"][0]["GroupId"] if groups["SecurityGroups"] else "",
        "defaultNetworkAclId": acls[0]["NetworkAclId"] if acls else "",
        "defaultRouteTableId": route_table,
        "mainRouteTableId": route_table,
        "dhcpOptionsId": vpc.get("DhcpOptionsId", ""),
        "ownerId": vpc.get("OwnerId") or context.account,
        "tagsAll": tags_of(vpc),
    }


def _switch(ec2: Any, vpc_id: str, key: str) -> bool:
    answer = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=key)
    return bool(answer[_VPC_SWITCHES[key]]["Value"])


def _update_vpc(context: Context, vpc_id: str, old: Props, new: Props) -> None:
    ec2 = context.client("ec2")
    for key, field in _VPC_SWITCHES.items():
        if key in context.changed:
            ec2.modify_vpc_attribute(VpcId=vpc_id, **{field: {"Value": bool(new.get(key))}})
    if "instanceTenancy" in context.changed:
        ec2.modify_vpc_tenancy(VpcId=vpc_id, InstanceTenancy=new["instanceTenancy"])
    if "assignGeneratedIpv6CidrBlock" in context.changed:
        if new.get("assignGeneratedIpv6CidrBlock"):
            ec2.associate_vpc_cidr_block(VpcId=vpc_id, AmazonProvidedIpv6CidrBlock=True)
        else:
            ec2.disassociate_vpc_cidr_block(AssociationId=old["ipv6AssociationId"])
    update_tags(context, vpc_id, old, new)


def _delete_vpc(context: Context, vpc_id: str, state: Props) -> None:
    context.client("ec2").delete_vpc(VpcId=vpc_id)


def _plan_vpc(plan: Plan) -> None:
    if plan.touches("instanceTenancy") and not (
        plan.old.get("instanceTenancy") == "dedicated" and plan.new.get("instanceTenancy") == "default"
    ):
        plan.replace_on("instanceTenancy")


# --- subnets ---

_SUBNET_SWITCHES: Final = {
    "mapPublicIpOnLaunch": "MapPublicIpOnLaunch",
    "assignIpv6AddressOnCreation": "AssignIpv6AddressOnCreation",
    "enableDns64": "EnableDns64",
    "enableResourceNameDnsARecordOnLaunch": "EnableResourceNameDnsARecordOnLaunch",
    "enableResourceNameDnsAaaaRecordOnLaunch": "EnableResourceNameDnsAAAARecordOnLaunch",
}
_OF_NAME_OPTIONS: Final = {"enableResourceNameDnsARecordOnLaunch", "enableResourceNameDnsAaaaRecordOnLaunch"}


def _create_subnet(context: Context, inputs: Props) -> str:
    ec2 = context.client("ec2")
    request = given(
        inputs,
        {
            "vpcId": "VpcId",
            "cidrBlock": "CidrBlock",
            "availabilityZone": "AvailabilityZone",
            "availabilityZoneId": "AvailabilityZoneId",
            "ipv6CidrBlock": "Ipv6CidrBlock",
        },
    )
    answer = ec2.create_subnet(**request, TagSpecifications=tag_specifications("subnet", inputs))
    subnet_id = str(answer["Subnet"]["SubnetId"])
    context.created(subnet_id)
    _switch_subnet(ec2, subnet_id, {key: True for key in _SUBNET_SWITCHES if inputs.get(key)})
    if inputs.get("privateDnsHostnameTypeOnLaunch"):
        ec2.modify_subnet_attribute(
            SubnetId=subnet_id, PrivateDnsHostnameTypeOnLaunch=inputs["privateDnsHostnameTypeOnLaunch"]
        )
    return subnet_id


def _switch_subnet(ec2: Any, subnet_id: str, switches: dict[str, bool]) -> None:
    for key, wanted in switches.items():  # the service takes one a call
        ec2.modify_subnet_attribute(SubnetId=subnet_id, **{_SUBNET_SWITCHES[key]: {"Value": wanted}})


def _read_subnet(context: Context, subnet_id: str, known: Props) -> Props | None:
    subnet = one(context.client("ec2").describe_subnets(SubnetIds=[subnet_id])["Subnets"])
    if subnet is None:
        return None
    names = subnet.get("PrivateDnsNameOptionsOnLaunch", {})
    ipv6 = subnet.get("Ipv6CidrBlockAssociationSet") or []
    switches = {
        key: bool((names if key in _OF_NAME_OPTIONS else subnet).get(field, False))
        for key, field in _SUBNET_SWITCHES.items()
    }
    return {
        **switches,
        "arn": subnet.get("SubnetArn") or arn(context, "subnet", subnet_id),
        "vpcId": subnet["VpcId"],
        "cidrBlock": subnet.get("CidrBlock", ""),
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet.get("AvailabilityZoneId", ""),
        "ipv6CidrBlock": ipv6[0]["Ipv6CidrBlock"] if ipv6 else "",
        "ipv6CidrBlockAssociationId": ipv6[0].get("AssociationId", "") if ipv6 else "",
        "privateDnsHostnameTypeOnLaunch": names.get("HostnameType", ""),
        "ownerId": subnet.get("OwnerId") or context.account,
        "tagsAll": tags_of(subnet),
    }


def _update_subnet(context: Context, subnet_id: str, old: Props, new: Props) -> None:
    ec2 = context.client("ec2")
    _switch_subnet(ec2, subnet_id, {key: bool(new.get(key)) for key in _SUBNET_SWITCHES if key in context.changed})
    if "privateDnsHostnameTypeOnLaunch" in context.changed:
        ec2.modify_subnet_attribute(
            SubnetId=subnet_id, PrivateDnsHostnameTypeOnLaunch=new["privateDnsHostnameTypeOnLaunch"]
        )
    if "ipv6CidrBlock" in context.changed:
        if old.get("ipv6CidrBlockAssociationId"):
            ec2.disassociate_subnet_cidr_block(AssociationId=old["ipv6CidrBlockAssociationId"])
        if new.get("ipv6CidrBlock"):
            ec2.associate_subnet_cidr_block(SubnetId=subnet_id, Ipv6CidrBlock=new["ipv6CidrBlock"])
    update_tags(context, subnet_id, old, new)


def _delete_subnet(context: Context, subnet_id: str, state: Props) -> None:
    context.client("ec2").delete_subnet(SubnetId=subnet_id)


def _plan_subnet(plan: Plan) -> None:
    if plan.old.get("assignIpv6AddressOnCreation"):
        plan.replace_on("ipv6CidrBlock")


# --- internet gateways ---


def _create_internet_gateway(context: Context, inputs: Props) -> str:
    ec2 = context.client("ec2")
    answer = ec2.create_internet_gateway(TagSpecifications=tag_specifications("internet-gateway", inputs))
    gateway_id = str(answer["InternetGateway"]["InternetGatewayId"])
    context.created(gateway_id)
    if inputs.get("vpcId"):
        ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=inputs["vpcId"])
    return gateway_id


def _read_internet_gateway(context: Context, gateway_id: str, known: Props) -> Props | None:
    ec2 = context.client("ec2")
    gateway = one(ec2.describe_internet_gateways(InternetGatewayIds=[gateway_id])["InternetGateways"])
    if gateway is None:
        return None
    attachments = gateway.get("Attachments") or []
    return {
        "arn": arn(context, "internet-gateway", gateway_id),
        "vpcId": attachments[0]["VpcId"] if attachments else "",
        "ownerId": gateway.get("OwnerId") or context.account,
        "tagsAll": tags_of(gateway),
    }


def _update_internet_gateway(context: Context, gateway_id: str, old: Props, new: Props) -> None:
    ec2 = context.client("ec2")
    if "vpcId" in context.changed:
        if old.get("vpcId"):
            ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=old["vpcId"])
        if new.get("vpcId"):
            ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=new["vpcId"])
    update_tags(context, gateway_id, old, new)


def _delete_internet_gateway(context: Context, gateway_id: str, state: Props) -> None:
    ec2 = context.client("ec2")
    gateway = one(ec2.describe_internet_gateways(InternetGatewayIds=[gateway_id])["InternetGateways"])
    for attachment in (gateway or {}).get("Attachments") or []:
        ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=attachment["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=gateway_id)


RESOURCES: Final = [
    ResourceType(
        token="aws:ec2/vpc:Vpc",
        label="EC2 VPC",
        inputs=frozenset({"cidrBlock", "instanceTenancy", "assignGeneratedIpv6CidrBlock", *_VPC_SWITCHES}),
        required=frozenset({"cidrBlock"}),
        computed=frozenset({"enableNetworkAddressUsageMetrics"}),
        outputs=frozenset(
            {"arn", "defaultNetworkAclId", "defaultRouteTableId", "defaultSecurityGroupId", "dhcpOptionsId"}
            | {"ipv6AssociationId", "ipv6CidrBlock", "mainRouteTableId", "ownerId"}
        ),
        defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
        replace=frozenset({"cidrBlock"}),
        plan=_plan_vpc,
        tags=True,
        create=_create_vpc,
        read=_read_vpc,
        update=_update_vpc,
        delete=_delete_vpc,
    ),
    ResourceType(
        token="aws:ec2/subnet:Subnet",
        label="EC2 Subnet",
        inputs=frozenset(
            {"vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6CidrBlock"}
            | {"privateDnsHostnameTypeOnLaunch", *_SUBNET_SWITCHES}
        ),
        required=frozenset({"vpcId"}),
        computed=frozenset({"availabilityZone", "availabilityZoneId", "privateDnsHostnameTypeOnLaunch"}),
        outputs=frozenset({"arn", "ipv6CidrBlockAssociationId", "ownerId"}),
        defaults=dict.fromkeys(_SUBNET_SWITCHES, False),
        at_most_one_of=(("availabilityZone", "availabilityZoneId"),),
        replace=frozenset({"vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId"}),
        plan=_plan_subnet,
        tags=True,
        delete_timeout_s=1200,
        create=_create_subnet,
        read=_read_subnet,
        update=_update_subnet,
        delete=_delete_subnet,
    ),
    ResourceType(
        token="aws:ec2/internetGateway:InternetGateway",
        label="EC2 InternetGateway",
        inputs=frozenset({"vpcId"}),
        computed=frozenset({"vpcId"}),  # unset leaves an attachment made elsewhere alone
        outputs=frozenset({"arn", "ownerId"}),
        tags=True,
        create=_create_internet_gateway,
        read=_read_internet_gateway,
        update=_update_internet_gateway,
        delete=_delete_internet_gateway,
    ),
]
