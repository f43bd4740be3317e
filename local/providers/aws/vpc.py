"""VPC: the rules of security groups as resources of their own."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from local.providers.aws.calls import retag, tag_list, tag_map
from local.providers.aws.ec2_common import arn, given, tag_specifications
from local.providers.framework import Context, Plan, Props, ResourceType

_SOURCES: Final = {
    "cidrIpv4": "CidrIpv4",
    "cidrIpv6": "CidrIpv6",
    "prefixListId": "PrefixListId",
    "referencedSecurityGroupId": "ReferencedGroupId",
}


def _protocol(inputs: Props) -> str:
    return "-1" if str(inputs["ipProtocol"]).lower() in ("-1", "all") else str(inputs["ipProtocol"])


def _permission(inputs: Props) -> dict[str, Any]:
    """The service's form of a rule to authorise."""
    description = {"Description": inputs["description"]} if inputs.get("description") else {}
    permission: dict[str, Any] = {"IpProtocol": _protocol(inputs)}
    if permission["IpProtocol"] != "-1":
        permission |= {"FromPort": int(inputs["fromPort"]), "ToPort": int(inputs["toPort"])}
    for key, listed, name in (
        ("cidrIpv4", "IpRanges", "CidrIp"),
        ("cidrIpv6", "Ipv6Ranges", "CidrIpv6"),
        ("prefixListId", "PrefixListIds", "PrefixListId"),
        ("referencedSecurityGroupId", "UserIdGroupPairs", "GroupId"),
    ):
        if inputs.get(key):
            permission[listed] = [{name: inputs[key], **description}]
    return permission


def _create(context: Context, inputs: Props, *, direction: str) -> str:
    authorize = getattr(context.client("ec2"), f"authorize_security_group_{direction}")
    answer = authorize(
        GroupId=inputs["securityGroupId"],
        IpPermissions=[_permission(inputs)],
        TagSpecifications=tag_specifications("security-group-rule", inputs),
    )
    return str(answer["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def _read(context: Context, rule_id: str, known: Props, *, direction: str) -> Props | None:
    ec2 = context.client("ec2")
    answer = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule_id])["SecurityGroupRules"]
    rule = next((entry for entry in answer if entry["SecurityGroupRuleId"] == rule_id), None)
    if rule is None or bool(rule.get("IsEgress")) != (direction == "egress"):
        return None
    protocol = str(rule["IpProtocol"])
    ports = {} if protocol == "-1" else {"fromPort": rule.get("FromPort"), "toPort": rule.get("ToPort")}
    return {
        "arn": arn(context, "security-group-rule", rule_id),
        "securityGroupRuleId": rule_id,
        "securityGroupId": rule["GroupId"],
        "ipProtocol": protocol,
        "fromPort": None,
        "toPort": None,
        **ports,
        "cidrIpv4": rule.get("CidrIpv4") or None,
        "cidrIpv6": rule.get("CidrIpv6") or None,
        "prefixListId": rule.get("PrefixListId") or None,
        "referencedSecurityGroupId": (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
        "description": rule.get("Description") or "",
        "tagsAll": tag_map(rule.get("Tags")),
    }


def _update(context: Context, rule_id: str, old: Props, new: Props, *, direction: str) -> None:
    ec2 = context.client("ec2")
    if context.changed - {"tags", "tagsAll"}:
        rule = given(new, {**_SOURCES, "description": "Description"}) | {"IpProtocol": _protocol(new)}
        if rule["IpProtocol"] != "-1":
            rule |= {"FromPort": int(new["fromPort"]), "ToPort": int(new["toPort"])}
        ec2.modify_security_group_rules(
            GroupId=new["securityGroupId"],
            SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": rule}],
        )
    retag(
        old,
        new,
        add=lambda tags: ec2.create_tags(Resources=[rule_id], Tags=tag_list(tags)),
        remove=lambda keys: ec2.delete_tags(Resources=[rule_id], Tags=[{"Key": key} for key in keys]),
    )


def _delete(context: Context, rule_id: str, state: Props, *, direction: str) -> None:
    revoke = getattr(context.client("ec2"), f"revoke_security_group_{direction}")
    revoke(GroupId=state["securityGroupId"], SecurityGroupRuleIds=[rule_id])


def _problems(inputs: Props) -> list[str]:
    ports = [key for key in ("fromPort", "toPort") if inputs.get(key) not in (None, -1)]
    if _protocol(inputs) == "-1":
        return [f"{' and '.join(ports)} can't be set with ipProtocol -1: leave them out"] if ports else []
    missing = [key for key in ("fromPort", "toPort") if inputs.get(key) is None]
    return [f"{' and '.join(missing)} must be set with ipProtocol {inputs['ipProtocol']}"] if missing else []


def _plan(plan: Plan) -> None:
    """Another kind of source is another rule."""
    if {key for key in _SOURCES if plan.old.get(key)} != {key for key in _SOURCES if plan.new.get(key) is not None}:
        plan.replace_on(*_SOURCES)


def _same_protocol(old: Any, new: Any) -> bool:
    return _protocol({"ipProtocol": old}) == _protocol({"ipProtocol": new})


def _rule(direction: str) -> ResourceType:
    title = direction.capitalize()
    return ResourceType(
        token=f"aws:vpc/securityGroup{title}Rule:SecurityGroup{title}Rule",
        label=f"VPC SecurityGroup{title}Rule",
        inputs=frozenset({"securityGroupId", "ipProtocol", "fromPort", "toPort", "description", *_SOURCES}),
        required=frozenset({"securityGroupId", "ipProtocol"}),
        outputs=frozenset({"arn", "securityGroupRuleId"}),
        one_of=(tuple(_SOURCES),),
        problems=_problems,
        replace=frozenset({"securityGroupId"}),
        equal={"ipProtocol": _same_protocol},
        plan=_plan,
        tags=True,
        keeps_object_on_failure=False,
        create=partial(_create, direction=direction),
        read=partial(_read, direction=direction),
        update=partial(_update, direction=direction),
        delete=partial(_delete, direction=direction),
    )


RESOURCES: Final = [_rule("ingress"), _rule("egress")]
