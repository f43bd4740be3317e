"""EC2: NAT gateways and their addresses."""

from __future__ import annotations

from typing import Any, Final

from local.providers.aws.ec2_common import arn, given, one, tag_specifications, tags_of, update_tags
from local.providers.framework import Context, Props, ProviderError, ResourceType

# --- NAT gateways ---


def _create_nat_gateway(context: Context, inputs: Props) -> str:
    ec2 = context.client("ec2")
    request = given(
        inputs,
        {
            "subnetId": "SubnetId",
            "allocationId": "AllocationId",
            "connectivityType": "ConnectivityType",
            "privateIp": "PrivateIpAddress",
            "secondaryAllocationIds": "SecondaryAllocationIds",
        },
    )
    answer = ec2.create_nat_gateway(**request, TagSpecifications=tag_specifications("natgateway", inputs))
    gateway_id = str(answer["NatGateway"]["NatGatewayId"])
    context.created(gateway_id)

    def available() -> bool | None:
        gateway = _nat_gateway(context, gateway_id)
        if gateway is not None and gateway["State"] == "failed":
            raise ProviderError(f"NAT gateway {gateway_id} failed: {gateway.get('FailureMessage', 'no reason given')}")
        return True if gateway is not None and gateway["State"] == "available" else None

    context.wait(f"NAT gateway {gateway_id} to become available", available)
    return gateway_id


def _nat_gateway(context: Context, gateway_id: str) -> dict[str, Any] | None:
    return one(context.client("ec2").describe_nat_gateways(NatGatewayIds=[gateway_id])["NatGateways"])


def _read_nat_gateway(context: Context, gateway_id: str, known: Props) -> Props | None:
    gateway = _nat_gateway(context, gateway_id)
    if gateway is None or gateway["State"] in ("deleting", "deleted"):
        return None
    addresses = gateway.get("NatGatewayAddresses") or []
    first: dict[str, Any] = next((entry for entry in addresses if entry.get("IsPrimary", True)), {})
    others = [entry for entry in addresses if entry is not first]
    return {
        "subnetId": gateway["SubnetId"],
        "connectivityType": gateway.get("ConnectivityType", "public"),
        "allocationId": first.get("AllocationId", ""),
        "associationId": first.get("AssociationId", ""),
        "networkInterfaceId": first.get("NetworkInterfaceId", ""),
        "privateIp": first.get("PrivateIp", ""),
        "publicIp": first.get("PublicIp", ""),
        "secondaryAllocationIds": [entry["AllocationId"] for entry in others if entry.get("AllocationId")],
        "tagsAll": tags_of(gateway),
    }


def _update_nat_gateway(context: Context, gateway_id: str, old: Props, new: Props) -> None:
    ec2 = context.client("ec2")
    if "secondaryAllocationIds" in context.changed:
        before, after = set(old.get("secondaryAllocationIds") or ()), set(new.get("secondaryAllocationIds") or ())
        if after - before:
            ec2.associate_nat_gateway_address(NatGatewayId=gateway_id, AllocationIds=sorted(after - before))
        if before - after:
            addresses = (_nat_gateway(context, gateway_id) or {}).get("NatGatewayAddresses") or []
            gone = [entry["AssociationId"] for entry in addresses if entry.get("AllocationId") in before - after]
            ec2.disassociate_nat_gateway_address(NatGatewayId=gateway_id, AssociationIds=gone)
    update_tags(context, gateway_id, old, new)


def _delete_nat_gateway(context: Context, gateway_id: str, state: Props) -> None:
    context.client("ec2").delete_nat_gateway(NatGatewayId=gateway_id)

    def gone() -> bool | None:
        gateway = _nat_gateway(context, gateway_id)
        return True if gateway is None or gateway["State"] == "deleted" else None

    context.wait(f"NAT gateway {gateway_id} to be deleted", gone)


# --- addresses ---


def _create_address(context: Context, inputs: Props) -> str:
    ec2 = context.client("ec2")
    request = given(
        inputs,
        {
            "domain": "Domain",
            "address": "Address",
            "publicIpv4Pool": "PublicIpv4Pool",
            "networkBorderGroup": "NetworkBorderGroup",
        },
    )
    request.setdefault("Domain", "vpc")
    answer = ec2.allocate_address(**request, TagSpecifications=tag_specifications("elastic-ip", inputs))
    allocation_id = str(answer["AllocationId"])
    context.created(allocation_id)
    _associate(ec2, allocation_id, inputs)
    return allocation_id


def _associate(ec2: Any, allocation_id: str, inputs: Props) -> None:
    target = given(
        inputs,
        {
            "instance": "InstanceId",
            "networkInterface": "NetworkInterfaceId",
            "associateWithPrivateIp": "PrivateIpAddress",
        },
    )
    if target:
        ec2.associate_address(AllocationId=allocation_id, **target)


def _read_address(context: Context, allocation_id: str, known: Props) -> Props | None:
    address = one(context.client("ec2").describe_addresses(AllocationIds=[allocation_id])["Addresses"])
    if address is None:
        return None
    public = address.get("PublicIp", "")
    host = public.replace(".", "-")
    return {
        "allocationId": allocation_id,
        "arn": arn(context, "elastic-ip", allocation_id),
        "associationId": address.get("AssociationId", ""),
        "domain": address.get("Domain", "vpc"),
        "instance": address.get("InstanceId", ""),
        "networkInterface": address.get("NetworkInterfaceId", ""),
        "networkBorderGroup": address.get("NetworkBorderGroup", context.region),
        "privateIp": address.get("PrivateIpAddress", ""),
        "publicIp": public,
        "publicDns": f"ec2-{host}.compute-1.amazonaws.com"
        if context.region == "us-east-1"
        else f"ec2-{host}.{context.region}.compute.amazonaws.com",
        "publicIpv4Pool": address.get("PublicIpv4Pool", "amazon"),
        "tagsAll": tags_of(address),
    }


def _update_address(context: Context, allocation_id: str, old: Props, new: Props) -> None:
    ec2 = context.client("ec2")
    if context.changed & {"instance", "networkInterface", "associateWithPrivateIp"}:
        if old.get("associationId"):
            ec2.disassociate_address(AssociationId=old["associationId"])
        _associate(ec2, allocation_id, new)
    update_tags(context, allocation_id, old, new)


def _delete_address(context: Context, allocation_id: str, state: Props) -> None:
    ec2 = context.client("ec2")
    address = one(ec2.describe_addresses(AllocationIds=[allocation_id])["Addresses"])
    if address is not None and address.get("AssociationId"):
        ec2.disassociate_address(AssociationId=address["AssociationId"])
    ec2.release_address(AllocationId=allocation_id)


RESOURCES: Final = [
    ResourceType(
        token="aws:ec2/natGateway:NatGateway",
        label="EC2 NATGateway",
        inputs=frozenset({"subnetId", "allocationId", "connectivityType", "privateIp", "secondaryAllocationIds"}),
        required=frozenset({"subnetId"}),
        computed=frozenset({"privateIp", "secondaryAllocationIds"}),
        outputs=frozenset({"associationId", "networkInterfaceId", "publicIp"}),
        defaults={"connectivityType": "public"},
        replace=frozenset({"allocationId", "connectivityType", "privateIp", "subnetId"}),
        sets=frozenset({"secondaryAllocationIds"}),
        tags=True,
        delete_timeout_s=1800,
        create=_create_nat_gateway,
        read=_read_nat_gateway,
        update=_update_nat_gateway,
        delete=_delete_nat_gateway,
    ),
    ResourceType(
        token="aws:ec2/eip:Eip",
        label="EC2 EIP",
        inputs=frozenset(
            {"address", "associateWithPrivateIp", "domain", "instance", "networkBorderGroup", "networkInterface"}
            | {"publicIpv4Pool"}
        ),
        computed=frozenset({"domain", "instance", "networkBorderGroup", "networkInterface", "publicIpv4Pool"}),
        outputs=frozenset({"allocationId", "arn", "associationId", "privateIp", "publicDns", "publicIp"}),
        replace=frozenset({"address", "domain", "publicIpv4Pool", "networkBorderGroup"}),
        not_read=frozenset({"address", "associateWithPrivateIp"}),
        tags=True,
        create=_create_address,
        read=_read_address,
        update=_update_address,
        delete=_delete_address,
    ),
]
