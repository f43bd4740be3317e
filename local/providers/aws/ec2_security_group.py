"""EC2: security groups with the rules written in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from local.providers.aws.ec2_common import arn, one, tag_specifications, tags_of, update_tags
from local.providers.framework import AutoName, Context, Props, ResourceType, name_prefix

_EVERYTHING: Final = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


class Rule(NamedTuple):
    """One rule from or to one source; `source` is (kind, value)."""

    protocol: str
    from_port: int
    to_port: int
    source: tuple[str, str]
    description: str


# the property of a block → the list in the service's permission, and the key of its entries
_SOURCES: Final = {
    "cidrBlocks": ("IpRanges", "CidrIp"),
    "ipv6CidrBlocks": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListIds": ("PrefixListIds", "PrefixListId"),
    "securityGroups": ("UserIdGroupPairs", "GroupId"),
}
_SELF: Final = "self"


def _protocol(value: Any) -> str:
    text = str(value).lower()
    return "-1" if text == "all" else text


def rules_of(blocks: Iterable[Mapping[str, Any]]) -> set[Rule]:
    """The single rules that blocks of a program stand for."""
    rules: set[Rule] = set()
    for block in blocks:
        protocol = _protocol(block.get("protocol", "-1"))
        ports = (0, 0) if protocol == "-1" else (int(block.get("fromPort") or 0), int(block.get("toPort") or 0))
        sources = [(kind, str(value)) for kind in _SOURCES for value in block.get(kind) or ()]
        if block.get(_SELF):
            sources.append((_SELF, ""))
        rules |= {Rule(protocol, *ports, source, str(block.get("description") or "")) for source in sources}
    return rules


def _same_rules(old: Any, new: Any) -> bool:
    return rules_of(old or ()) == rules_of(new or ())


def _rules_of_service(permissions: Iterable[Mapping[str, Any]], group_id: str) -> set[Rule]:
    rules: set[Rule] = set()
    for permission in permissions:
        protocol = _protocol(permission.get("IpProtocol", "-1"))
        everything = protocol == "-1"
        ports = (0, 0) if everything else (int(permission.get("FromPort", 0)), int(permission.get("ToPort", 0)))
        for kind, (listed, key) in _SOURCES.items():
            for entry in permission.get(listed) or ():
                source = (
                    (_SELF, "") if kind == "securityGroups" and entry.get(key) == group_id else (kind, entry.get(key))
                )
                rules.add(Rule(protocol, *ports, source, entry.get("Description") or ""))
    return rules


def _permissions(rules: Iterable[Rule], group_id: str) -> list[dict[str, Any]]:
    permissions: list[dict[str, Any]] = []
    for rule in sorted(rules):
        kind, value = ("securityGroups", group_id) if rule.source[0] == _SELF else rule.source
        listed, key = _SOURCES[kind]
        entry = {key: value} | ({"Description": rule.description} if rule.description else {})
        ports = {} if rule.protocol == "-1" else {"FromPort": rule.from_port, "ToPort": rule.to_port}
        permissions.append({"IpProtocol": rule.protocol, **ports, listed: [entry]})
    return permissions


def _blocks(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Rules as blocks, those with the same ports and description together, as the service groups them."""
    blocks: dict[tuple[str, int, int, str], dict[str, Any]] = {}
    for rule in sorted(rules):
        block = blocks.setdefault(
            (rule.protocol, rule.from_port, rule.to_port, rule.description),
            {
                "protocol": rule.protocol,
                "fromPort": rule.from_port,
                "toPort": rule.to_port,
                "description": rule.description,
                **{kind: [] for kind in _SOURCES},
                _SELF: False,
            },
        )
        if rule.source[0] == _SELF:
            block[_SELF] = True
        else:
            block[rule.source[0]].append(rule.source[1])
    return list(blocks.values())


def _create(context: Context, inputs: Props) -> str:
    ec2 = context.client("ec2")
    request = {"GroupName": context.physical_name(inputs), "Description": inputs["description"]}
    if inputs.get("vpcId"):
        request["VpcId"] = inputs["vpcId"]
    answer = ec2.create_security_group(**request, TagSpecifications=tag_specifications("security-group", inputs))
    group_id = str(answer["GroupId"])
    context.created(group_id)
    group = _group(context, group_id) or {}
    if group.get("VpcId") and group.get("IpPermissionsEgress"):
        # the service's own rule that lets everything out: a group has only the rules it was given
        ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=[_EVERYTHING])
    _change_rules(ec2, group_id, "ingress", set(), rules_of(inputs.get("ingress") or ()))
    _change_rules(ec2, group_id, "egress", set(), rules_of(inputs.get("egress") or ()))
    return group_id


def _change_rules(ec2: Any, group_id: str, direction: str, old: set[Rule], new: set[Rule]) -> None:
    if old - new:
        revoke = getattr(ec2, f"revoke_security_group_{direction}")
        revoke(GroupId=group_id, IpPermissions=_permissions(old - new, group_id))
    if new - old:
        authorize = getattr(ec2, f"authorize_security_group_{direction}")
        authorize(GroupId=group_id, IpPermissions=_permissions(new - old, group_id))


def _group(context: Context, group_id: str) -> dict[str, Any] | None:
    return one(context.client("ec2").describe_security_groups(GroupIds=[group_id])["SecurityGroups"])


def _read(context: Context, group_id: str, known: Props) -> Props | None:
    group = _group(context, group_id)
    if group is None:
        return None
    return {
        "arn": arn(context, "security-group", group_id),
        "name": group["GroupName"],
        "namePrefix": name_prefix(group["GroupName"]),
        "description": group["Description"],
        "vpcId": group.get("VpcId", ""),
        "ownerId": group.get("OwnerId") or context.account,
        "ingress": _blocks(_rules_of_service(group.get("IpPermissions", ()), group_id)),
        "egress": _blocks(_rules_of_service(group.get("IpPermissionsEgress", ()), group_id)),
        "tagsAll": tags_of(group),
    }


def _update(context: Context, group_id: str, old: Props, new: Props) -> None:
    ec2 = context.client("ec2")
    for direction in ("ingress", "egress"):
        if direction in context.changed:
            before, after = rules_of(old.get(direction) or ()), rules_of(new.get(direction) or ())
            _change_rules(ec2, group_id, direction, before, after)
    update_tags(context, group_id, old, new)


def _delete(context: Context, group_id: str, state: Props) -> None:
    if state.get("revokeRulesOnDelete"):
        _revoke_everywhere(context, group_id)
    context.client("ec2").delete_security_group(GroupId=group_id)


def _revoke_everywhere(context: Context, group_id: str) -> None:
    """All rules of the group, and those of others that name it."""
    ec2 = context.client("ec2")
    for direction, key, filtered in (
        ("ingress", "IpPermissions", "ip-permission.group-id"),
        ("egress", "IpPermissionsEgress", "egress.ip-permission.group-id"),
    ):
        own = _group(context, group_id) or {}
        _change_rules(ec2, group_id, direction, _rules_of_service(own.get(key, ()), group_id), set())
        others = ec2.describe_security_groups(Filters=[{"Name": filtered, "Values": [group_id]}])["SecurityGroups"]
        for other in others:
            rules = _rules_of_service(other.get(key, ()), other["GroupId"])
            naming = {rule for rule in rules if rule.source == ("securityGroups", group_id)}
            _change_rules(ec2, other["GroupId"], direction, naming, set())


RESOURCES: Final = [
    ResourceType(
        token="aws:ec2/securityGroup:SecurityGroup",
        label="EC2 SecurityGroup",
        inputs=frozenset({"name", "namePrefix", "description", "vpcId", "ingress", "egress", "revokeRulesOnDelete"}),
        computed=frozenset({"namePrefix", "vpcId", "ingress", "egress"}),
        outputs=frozenset({"arn", "ownerId"}),
        defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
        auto_name=AutoName(max_length=255),
        at_most_one_of=(("name", "namePrefix"),),
        replace=frozenset({"name", "namePrefix", "description", "vpcId"}),
        equal={"ingress": _same_rules, "egress": _same_rules},
        not_read=frozenset({"revokeRulesOnDelete"}),
        tags=True,
        delete_timeout_s=900,
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
    )
]
