"""EC2: route tables, routes, associations."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

from local.providers.aws.ec2_common import arn, given, one, tag_specifications, tags_of, update_tags
from local.providers.framework import Context, Props, ProviderError, ResourceType

_TARGETS: Final = {
    "carrierGatewayId": "CarrierGatewayId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "gatewayId": "GatewayId",
    "localGatewayId": "LocalGatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "transitGatewayId": "TransitGatewayId",
    "vpcEndpointId": "VpcEndpointId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
}
# in a table's `routes`, and as resources of their own
_DESTINATIONS: Final = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
_ROUTE_DESTINATIONS: Final = {
    "destinationCidrBlock": "DestinationCidrBlock",
    "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}


# --- route tables ---


def _create_table(context: Context, inputs: Props) -> str:
    ec2 = context.client("ec2")
    answer = ec2.create_route_table(VpcId=inputs["vpcId"], TagSpecifications=tag_specifications("route-table", inputs))
    table_id = str(answer["RouteTable"]["RouteTableId"])
    context.created(table_id)
    for route in inputs.get("routes") or ():
        ec2.create_route(RouteTableId=table_id, **given(route, _DESTINATIONS | _TARGETS))
    return table_id


def _table(context: Context, table_id: str) -> dict[str, Any] | None:
    return one(context.client("ec2").describe_route_tables(RouteTableIds=[table_id])["RouteTables"])


def _own_routes(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Without the local route and those an endpoint put there."""
    return [
        route
        for route in table.get("Routes", [])
        if route.get("GatewayId") != "local"
        and route.get("Origin") != "CreateRouteTable"
        and not str(route.get("GatewayId", "")).startswith("vpce-")
    ]


def _read_table(context: Context, table_id: str, known: Props) -> Props | None:
    table = _table(context, table_id)
    if table is None:
        return None
    both = _DESTINATIONS | _TARGETS
    return {
        "arn": arn(context, "route-table", table_id),
        "vpcId": table["VpcId"],
        "ownerId": table.get("OwnerId") or context.account,
        "routes": [{key: route.get(field, "") for key, field in both.items()} for route in _own_routes(table)],
        "propagatingVgws": [entry["GatewayId"] for entry in table.get("PropagatingVgws") or ()],
        "tagsAll": tags_of(table),
    }


def _update_table(context: Context, table_id: str, old: Props, new: Props) -> None:
    ec2 = context.client("ec2")
    if "routes" in context.changed:
        wanted = {_destination(route, _DESTINATIONS): route for route in new.get("routes") or ()}
        there = {_destination(route, _DESTINATIONS): route for route in old.get("routes") or ()}
        for destination in there.keys() - wanted.keys():
            ec2.delete_route(RouteTableId=table_id, **dict([destination]))
        for destination, route in wanted.items():
            request = {"RouteTableId": table_id, **given(route, _DESTINATIONS | _TARGETS)}
            if destination not in there:
                ec2.create_route(**request)
            elif given(route, _TARGETS) != given(there[destination], _TARGETS):
                ec2.replace_route(**request)
    update_tags(context, table_id, old, new)


def _destination(route: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, str]:
    """(the service's field, its value) of a route's one destination."""
    return next(iter(given(route, names).items()))


def _delete_table(context: Context, table_id: str, state: Props) -> None:
    ec2 = context.client("ec2")
    for association in (_table(context, table_id) or {}).get("Associations", []):
        if not association.get("Main"):
            ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
    ec2.delete_route_table(RouteTableId=table_id)


# --- routes ---


def _create_route(context: Context, inputs: Props) -> str:
    field, destination = _destination(inputs, _ROUTE_DESTINATIONS)
    table_id = inputs["routeTableId"]
    if _find_route(context, table_id, field, destination) is not None:
        # the service refuses it too, an emulator may overwrite
        where = f"Route in Route Table ({table_id}) with destination ({destination})"
        raise ProviderError(f"api error RouteAlreadyExists: {where} already exists")
    context.client("ec2").create_route(RouteTableId=table_id, **given(inputs, _ROUTE_DESTINATIONS | _TARGETS))
    return _route_id(table_id, destination)


def _route_id(table_id: str, destination: str) -> str:
    return f"r-{table_id}{zlib.crc32(destination.encode())}"


def _find_route(context: Context, table_id: str, field: str, destination: str) -> dict[str, Any] | None:
    routes = (_table(context, table_id) or {}).get("Routes", [])
    return next((route for route in routes if route.get(field) == destination), None)


def _read_route(context: Context, route_id: str, known: Props) -> Props | None:
    table_id = known["routeTableId"]
    field, destination = _destination(known, _ROUTE_DESTINATIONS)
    route = _find_route(context, table_id, field, destination)
    if route is None:
        return None
    return {
        "id": _route_id(table_id, destination),
        "routeTableId": table_id,
        **{key: route.get(name, "") for key, name in (_ROUTE_DESTINATIONS | _TARGETS).items()},
        "instanceId": route.get("InstanceId", ""),
        "instanceOwnerId": route.get("InstanceOwnerId", ""),
        "origin": route.get("Origin", "CreateRoute"),
        "state": route.get("State", "active"),
    }


def _import_route(context: Context, text: str) -> tuple[str, Props]:
    table_id, _, destination = text.partition("_")
    if not table_id.startswith("rtb-") or not destination:
        raise ProviderError(f"unexpected format of import ID ({text}), expected ROUTETABLEID_DESTINATION")
    if destination.startswith("pl-"):
        key = "destinationPrefixListId"
    else:
        key = "destinationIpv6CidrBlock" if ":" in destination else "destinationCidrBlock"
    return _route_id(table_id, destination), {"routeTableId": table_id, key: destination}


def _update_route(context: Context, route_id: str, old: Props, new: Props) -> None:
    if context.changed:
        request = given(new, _ROUTE_DESTINATIONS | _TARGETS)
        context.client("ec2").replace_route(RouteTableId=new["routeTableId"], **request)


def _delete_route(context: Context, route_id: str, state: Props) -> None:
    field, destination = _destination(state, _ROUTE_DESTINATIONS)
    context.client("ec2").delete_route(RouteTableId=state["routeTableId"], **{field: destination})


# --- associations ---


def _create_association(context: Context, inputs: Props) -> str:
    request = given(inputs, {"routeTableId": "RouteTableId", "subnetId": "SubnetId", "gatewayId": "GatewayId"})
    return str(context.client("ec2").associate_route_table(**request)["AssociationId"])


def _read_association(context: Context, association_id: str, known: Props) -> Props | None:
    filters = [{"Name": "association.route-table-association-id", "Values": [association_id]}]
    for table in context.client("ec2").describe_route_tables(Filters=filters)["RouteTables"]:
        for association in table.get("Associations", []):
            if association["RouteTableAssociationId"] == association_id:
                return {
                    "id": association_id,
                    "routeTableId": table["RouteTableId"],
                    "subnetId": association.get("SubnetId", ""),
                    "gatewayId": association.get("GatewayId", ""),
                }
    return None


def _import_association(context: Context, text: str) -> tuple[str, Props]:
    target, slash, table_id = text.partition("/")
    if not slash:
        raise ProviderError(
            f"unexpected format of import ID ({text}), expected subnetId/routeTableId or gatewayId/routeTableId"
        )
    for association in (_table(context, table_id) or {}).get("Associations", []):
        if target in (association.get("SubnetId"), association.get("GatewayId")):
            return str(association["RouteTableAssociationId"]), {}
    return text, {}


def _update_association(context: Context, association_id: str, old: Props, new: Props) -> None:
    answer = context.client("ec2").replace_route_table_association(
        AssociationId=association_id, RouteTableId=new["routeTableId"]
    )
    context.created(str(answer["NewAssociationId"]))  # the engine's id stays the first one


def _delete_association(context: Context, association_id: str, state: Props) -> None:
    context.client("ec2").disassociate_route_table(AssociationId=association_id)


RESOURCES: Final = [
    ResourceType(
        token="aws:ec2/routeTable:RouteTable",
        label="EC2 RouteTable",
        inputs=frozenset({"vpcId", "routes"}),
        required=frozenset({"vpcId"}),
        computed=frozenset({"routes"}),
        outputs=frozenset({"arn", "ownerId", "propagatingVgws"}),
        replace=frozenset({"vpcId"}),
        sets=frozenset({"routes"}),
        tags=True,
        create=_create_table,
        read=_read_table,
        update=_update_table,
        delete=_delete_table,
    ),
    ResourceType(
        token="aws:ec2/route:Route",
        label="EC2 Route",
        inputs=frozenset({"routeTableId", *_ROUTE_DESTINATIONS, *_TARGETS}),
        required=frozenset({"routeTableId"}),
        computed=frozenset({"networkInterfaceId"}),
        outputs=frozenset({"instanceId", "instanceOwnerId", "origin", "state"}),
        one_of=(tuple(_ROUTE_DESTINATIONS), tuple(_TARGETS)),
        replace=frozenset({"routeTableId", *_ROUTE_DESTINATIONS}),
        import_id=_import_route,
        create=_create_route,
        read=_read_route,
        update=_update_route,
        delete=_delete_route,
    ),
    ResourceType(
        token="aws:ec2/routeTableAssociation:RouteTableAssociation",
        label="EC2 RouteTableAssociation",
        inputs=frozenset({"routeTableId", "subnetId", "gatewayId"}),
        required=frozenset({"routeTableId"}),
        one_of=(("subnetId", "gatewayId"),),
        replace=frozenset({"subnetId", "gatewayId"}),
        import_id=_import_association,
        create=_create_association,
        read=_read_association,
        update=_update_association,
        delete=_delete_association,
    ),
]
