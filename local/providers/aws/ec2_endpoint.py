"""EC2: VPC endpoints."""

from __future__ import annotations

from typing import Any, Final

from local.providers.aws.ec2_common import arn, given, one, tag_specifications, tags_of, update_tags
from local.providers.framework import Context, Plan, Props, ProviderError, ResourceType

_SETS: Final = {"routeTableIds": "RouteTableIds", "subnetIds": "SubnetIds", "securityGroupIds": "SecurityGroupIds"}
_GONE: Final = ("deleting", "deleted")


def _create(context: Context, inputs: Props) -> str:
    request = given(
        inputs,
        {
            "vpcId": "VpcId",
            "serviceName": "ServiceName",
            "vpcEndpointType": "VpcEndpointType",
            "policy": "PolicyDocument",
            "privateDnsEnabled": "PrivateDnsEnabled",
            "ipAddressType": "IpAddressType",
            **_SETS,
        },
    )
    answer = context.client("ec2").create_vpc_endpoint(
        **request, TagSpecifications=tag_specifications("vpc-endpoint", inputs)
    )
    endpoint_id = str(answer["VpcEndpoint"]["VpcEndpointId"])
    context.created(endpoint_id)

    def available() -> bool | None:
        state = (_endpoint(context, endpoint_id) or {}).get("State", "").lower()
        if state in ("failed", "rejected"):
            raise ProviderError(f"VPC endpoint {endpoint_id} is {state}")
        return True if state in ("available", "pendingacceptance") else None

    context.wait(f"VPC endpoint {endpoint_id} to become available", available)
    return endpoint_id


def _endpoint(context: Context, endpoint_id: str) -> dict[str, Any] | None:
    return one(context.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"])


def _read(context: Context, endpoint_id: str, known: Props) -> Props | None:
    endpoint = _endpoint(context, endpoint_id)
    if endpoint is None or endpoint.get("State", "").lower() in _GONE:
        return None
    kind = endpoint.get("VpcEndpointType") or "Gateway"
    prefix_list_id, cidrs = _prefix_list(context, endpoint["ServiceName"]) if kind == "Gateway" else ("", [])
    groups = [group["GroupId"] if isinstance(group, dict) else group for group in endpoint.get("Groups") or ()]
    return {
        "arn": arn(context, "vpc-endpoint", endpoint_id),
        "vpcId": endpoint["VpcId"],
        "serviceName": endpoint["ServiceName"],
        "vpcEndpointType": kind,
        "policy": endpoint.get("PolicyDocument") or known.get("policy", ""),
        "privateDnsEnabled": bool(endpoint.get("PrivateDnsEnabled", False)),
        "ipAddressType": endpoint.get("IpAddressType", ""),
        "routeTableIds": endpoint.get("RouteTableIds") or [],
        "subnetIds": endpoint.get("SubnetIds") or [],
        "securityGroupIds": groups or known.get("securityGroupIds") or [],
        "networkInterfaceIds": endpoint.get("NetworkInterfaceIds") or [],
        "dnsEntries": [
            {"dnsName": entry.get("DnsName", ""), "hostedZoneId": entry.get("HostedZoneId", "")}
            for entry in endpoint.get("DnsEntries") or ()
        ],
        "state": endpoint.get("State", "available"),
        "ownerId": endpoint.get("OwnerId") or context.account,
        "requesterManaged": bool(endpoint.get("RequesterManaged", False)),
        "prefixListId": prefix_list_id,
        "cidrBlocks": cidrs,
        "tagsAll": tags_of(endpoint),
    }


def _prefix_list(context: Context, service_name: str) -> tuple[str, list[str]]:
    filters = [{"Name": "prefix-list-name", "Values": [service_name]}]
    lists = context.client("ec2").describe_managed_prefix_lists(Filters=filters)["PrefixLists"]
    if not lists:
        return "", []
    prefix_list_id = str(lists[0]["PrefixListId"])
    entries = context.client("ec2").get_managed_prefix_list_entries(PrefixListId=prefix_list_id).get("Entries", [])
    return prefix_list_id, [entry["Cidr"] for entry in entries]


def _update(context: Context, endpoint_id: str, old: Props, new: Props) -> None:
    request: dict[str, Any] = {}
    if "policy" in context.changed:
        request |= {"PolicyDocument": new["policy"]} if new.get("policy") else {"ResetPolicy": True}
    if "privateDnsEnabled" in context.changed:
        request["PrivateDnsEnabled"] = bool(new.get("privateDnsEnabled"))
    if "ipAddressType" in context.changed:
        request["IpAddressType"] = new["ipAddressType"]
    for key, field in _SETS.items():
        if key in context.changed:
            before, after = set(old.get(key) or ()), set(new.get(key) or ())
            if after - before:
                request[f"Add{field}"] = sorted(after - before)
            if before - after:
                request[f"Remove{field}"] = sorted(before - after)
    if request:
        context.client("ec2").modify_vpc_endpoint(VpcEndpointId=endpoint_id, **request)
    update_tags(context, endpoint_id, old, new)


def _delete(context: Context, endpoint_id: str, state: Props) -> None:
    endpoint = _endpoint(context, endpoint_id)
    if endpoint is None or endpoint.get("State", "").lower() in _GONE:
        return  # the service answers for a deleted one for a while
    answer = context.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[endpoint_id])
    for failed in answer.get("Unsuccessful") or ():
        error = failed.get("Error", {})
        if "NotFound" not in str(error.get("Code")):
            raise ProviderError(f"api error {error.get('Code')}: {error.get('Message')}")

    def gone() -> bool | None:
        left = _endpoint(context, endpoint_id)  # "not found" ends the wait too: the framework takes it as a success
        return True if left is None or left.get("State", "").lower() in _GONE else None

    context.wait(f"VPC endpoint {endpoint_id} to be deleted", gone)


def _plan(plan: Plan) -> None:
    if plan.new.get("vpcEndpointType", "Gateway") != "Interface":
        plan.replace_on("privateDnsEnabled")


RESOURCES: Final = [
    ResourceType(
        token="aws:ec2/vpcEndpoint:VpcEndpoint",
        label="EC2 VPCEndpoint",
        inputs=frozenset(
            {"vpcId", "serviceName", "vpcEndpointType", "policy", "privateDnsEnabled", "ipAddressType", *_SETS}
        ),
        required=frozenset({"vpcId", "serviceName"}),
        computed=frozenset({"policy", "privateDnsEnabled", "ipAddressType", *_SETS}),
        outputs=frozenset(
            {"arn", "cidrBlocks", "dnsEntries", "networkInterfaceIds", "ownerId", "prefixListId", "requesterManaged"}
            | {"state"}
        ),
        defaults={"vpcEndpointType": "Gateway"},
        replace=frozenset({"vpcId", "serviceName", "vpcEndpointType"}),
        sets=frozenset(_SETS),
        policies=frozenset({"policy"}),
        plan=_plan,
        tags=True,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    )
]
