"""IAM: roles and policies. Global: no region."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from local.providers.aws.calls import retag, tag_list, tag_map
from local.providers.aws.ec2_common import given
from local.providers.framework import AutoName, Context, Props, ProviderError, ResourceType, name_prefix

_VERSIONS_KEPT: Final = 5  # of a managed policy, the service's limit


def _text(document: Any) -> str:
    """The text of a policy the service answers, decoded or not."""
    return unquote(document) if isinstance(document, str) else json.dumps(document, separators=(",", ":"))


def _pages(client: Any, operation: str, key: str, **request: Any) -> list[Any]:
    return [item for page in client.get_paginator(operation).paginate(**request) for item in page[key]]


# --- roles ---


def _create_role(context: Context, inputs: Props) -> str:
    iam = context.client("iam")
    name = context.physical_name(inputs)
    request = given(
        inputs,
        {
            "assumeRolePolicy": "AssumeRolePolicyDocument",
            "path": "Path",
            "description": "Description",
            "maxSessionDuration": "MaxSessionDuration",
            "permissionsBoundary": "PermissionsBoundary",
        },
    )
    iam.create_role(RoleName=name, **request, Tags=tag_list(inputs.get("tagsAll")))
    context.created(name)
    for policy in _inline(inputs):
        iam.put_role_policy(RoleName=name, PolicyName=policy["name"], PolicyDocument=policy["policy"])
    for policy_arn in inputs.get("managedPolicyArns") or ():
        iam.attach_role_policy(RoleName=name, PolicyArn=policy_arn)
    return name


def _inline(inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The inline policies asked for; `[{}]` asks for none."""
    return [policy for policy in inputs.get("inlinePolicies") or () if policy.get("policy")]


def _read_role(context: Context, name: str, known: Props) -> Props | None:
    iam = context.client("iam")
    role = iam.get_role(RoleName=name)["Role"]
    inline = [
        {"name": policy, "policy": _text(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])}
        for policy in _pages(iam, "list_role_policies", "PolicyNames", RoleName=name)
    ]
    attached = _pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    return {
        "name": role["RoleName"],
        "namePrefix": name_prefix(role["RoleName"]),
        "arn": role["Arn"],
        "path": role["Path"],
        "assumeRolePolicy": _text(role["AssumeRolePolicyDocument"]),
        "description": role.get("Description") or "",
        "maxSessionDuration": role.get("MaxSessionDuration", 3600),
        "permissionsBoundary": (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""),
        "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "uniqueId": role["RoleId"],
        "inlinePolicies": inline,
        "managedPolicyArns": sorted(policy["PolicyArn"] for policy in attached),
        "tagsAll": tag_map(iam.list_role_tags(RoleName=name).get("Tags")),
    }


def _update_role(context: Context, name: str, old: Props, new: Props) -> None:
    iam = context.client("iam")
    if "assumeRolePolicy" in context.changed:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=new["assumeRolePolicy"])
    if context.changed & {"description", "maxSessionDuration"}:
        iam.update_role(
            RoleName=name, Description=new.get("description") or "", MaxSessionDuration=new["maxSessionDuration"]
        )
    if "permissionsBoundary" in context.changed:
        if new.get("permissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=new["permissionsBoundary"])
        else:
            iam.delete_role_permissions_boundary(RoleName=name)
    if "inlinePolicies" in context.changed:
        wanted = {policy["name"]: policy["policy"] for policy in _inline(new)}
        there = {policy["name"]: policy["policy"] for policy in _inline(old)}
        for policy in there.keys() - wanted.keys():
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for policy, document in wanted.items():
            if there.get(policy) != document:
                iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=document)
    if "managedPolicyArns" in context.changed:
        before, after = set(old.get("managedPolicyArns") or ()), set(new.get("managedPolicyArns") or ())
        for policy_arn in sorted(before - after):
            iam.detach_role_policy(RoleName=name, PolicyArn=policy_arn)
        for policy_arn in sorted(after - before):
            iam.attach_role_policy(RoleName=name, PolicyArn=policy_arn)
    retag(
        old,
        new,
        add=lambda tags: iam.tag_role(RoleName=name, Tags=tag_list(tags)),
        remove=lambda keys: iam.untag_role(RoleName=name, TagKeys=keys),
    )


def _delete_role(context: Context, name: str, state: Props) -> None:
    iam = context.client("iam")
    for profile in _pages(iam, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name):
        iam.remove_role_from_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=name)
    if state.get("forceDetachPolicies") or "managedPolicyArns" in context.old_inputs:
        for policy in _pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name):
            iam.detach_role_policy(RoleName=name, PolicyArn=policy["PolicyArn"])
    if state.get("forceDetachPolicies") or "inlinePolicies" in context.old_inputs:
        for policy_name in _pages(iam, "list_role_policies", "PolicyNames", RoleName=name):
            iam.delete_role_policy(RoleName=name, PolicyName=policy_name)
    iam.delete_role(RoleName=name)


def _same_inline(old: Any, new: Any) -> bool:
    def normal(value: Any) -> dict[str, Any]:
        return {policy.get("name"): json.loads(policy["policy"]) for policy in value or () if policy.get("policy")}

    return normal(old) == normal(new)


# --- inline policies of roles ---


def _create_role_policy(context: Context, inputs: Props) -> str:
    name = context.physical_name(inputs)
    _put_role_policy(context, inputs["role"], name, inputs["policy"])
    return f"{inputs['role']}:{name}"


def _put_role_policy(context: Context, role: str, name: str, document: str) -> None:
    context.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)


def _role_and_policy(policy_id: str) -> tuple[str, str]:
    role, colon, name = policy_id.partition(":")
    if not colon or not role or not name:
        raise ProviderError(f"unexpected format of ID ({policy_id}), expected role-name:policy-name")
    return role, name


def _read_role_policy(context: Context, policy_id: str, known: Props) -> Props | None:
    role, name = _role_and_policy(policy_id)
    answer = context.client("iam").get_role_policy(RoleName=role, PolicyName=name)
    return {"role": role, "name": name, "namePrefix": name_prefix(name), "policy": _text(answer["PolicyDocument"])}


def _update_role_policy(context: Context, policy_id: str, old: Props, new: Props) -> None:
    if "policy" in context.changed:
        _put_role_policy(context, *_role_and_policy(policy_id), new["policy"])


def _delete_role_policy(context: Context, policy_id: str, state: Props) -> None:
    role, name = _role_and_policy(policy_id)
    context.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


# --- attachments ---


def _create_attachment(context: Context, inputs: Props) -> str:
    context.client("iam").attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
    return f"{inputs['role']}/{inputs['policyArn']}"


def _read_attachment(context: Context, attachment_id: str, known: Props) -> Props | None:
    role, slash, policy_arn = attachment_id.partition("/")
    if not slash:
        raise ProviderError(f"unexpected format of ID ({attachment_id}), expected role-name/policy-arn")
    attached = _pages(context.client("iam"), "list_attached_role_policies", "AttachedPolicies", RoleName=role)
    if all(policy["PolicyArn"] != policy_arn for policy in attached):
        return None
    return {"role": role, "policyArn": policy_arn}


def _delete_attachment(context: Context, attachment_id: str, state: Props) -> None:
    context.client("iam").detach_role_policy(RoleName=state["role"], PolicyArn=state["policyArn"])


# --- managed policies ---


def _create_policy(context: Context, inputs: Props) -> str:
    request = given(inputs, {"path": "Path", "description": "Description"})
    answer = context.client("iam").create_policy(
        PolicyName=context.physical_name(inputs),
        PolicyDocument=inputs["policy"],
        **request,
        Tags=tag_list(inputs.get("tagsAll")),
    )
    return str(answer["Policy"]["Arn"])


def _read_policy(context: Context, policy_arn: str, known: Props) -> Props | None:
    iam = context.client("iam")
    policy = iam.get_policy(PolicyArn=policy_arn)["Policy"]
    version = iam.get_policy_version(PolicyArn=policy_arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return {
        "arn": policy["Arn"],
        "name": policy["PolicyName"],
        "namePrefix": name_prefix(policy["PolicyName"]),
        "path": policy["Path"],
        "description": policy.get("Description") or "",
        "policy": _text(version["Document"]),
        "policyId": policy["PolicyId"],
        "attachmentCount": policy.get("AttachmentCount", 0),
        "tagsAll": tag_map(iam.list_policy_tags(PolicyArn=policy_arn).get("Tags")),
    }


def _other_versions(iam: Any, policy_arn: str) -> list[str]:
    """Versions other than the default one, oldest first."""
    versions = _pages(iam, "list_policy_versions", "Versions", PolicyArn=policy_arn)
    others = [version for version in versions if not version["IsDefaultVersion"]]
    return [version["VersionId"] for version in sorted(others, key=lambda version: int(version["VersionId"][1:]))]


def _update_policy(context: Context, policy_arn: str, old: Props, new: Props) -> None:
    iam = context.client("iam")
    if "policy" in context.changed:
        others = _other_versions(iam, policy_arn)
        if len(others) >= _VERSIONS_KEPT - 1:
            iam.delete_policy_version(PolicyArn=policy_arn, VersionId=others[0])
        iam.create_policy_version(PolicyArn=policy_arn, PolicyDocument=new["policy"], SetAsDefault=True)
    retag(
        old,
        new,
        add=lambda tags: iam.tag_policy(PolicyArn=policy_arn, Tags=tag_list(tags)),
        remove=lambda keys: iam.untag_policy(PolicyArn=policy_arn, TagKeys=keys),
    )


def _delete_policy(context: Context, policy_arn: str, state: Props) -> None:
    iam = context.client("iam")
    for version in _other_versions(iam, policy_arn):
        iam.delete_policy_version(PolicyArn=policy_arn, VersionId=version)
    iam.delete_policy(PolicyArn=policy_arn)


RESOURCES: Final = [
    ResourceType(
        token="aws:iam/role:Role",
        label="IAM Role",
        inputs=frozenset(
            {"assumeRolePolicy", "description", "forceDetachPolicies", "inlinePolicies", "managedPolicyArns"}
            | {"maxSessionDuration", "name", "namePrefix", "path", "permissionsBoundary"}
        ),
        required=frozenset({"assumeRolePolicy"}),
        computed=frozenset({"inlinePolicies", "managedPolicyArns", "namePrefix"}),
        outputs=frozenset({"arn", "createDate", "uniqueId"}),
        defaults={"forceDetachPolicies": False, "maxSessionDuration": 3600, "path": "/"},
        auto_name=AutoName(max_length=64),
        at_most_one_of=(("name", "namePrefix"),),
        replace=frozenset({"name", "namePrefix", "path"}),
        policies=frozenset({"assumeRolePolicy"}),
        sets=frozenset({"managedPolicyArns"}),
        equal={"inlinePolicies": _same_inline},
        not_read=frozenset({"forceDetachPolicies"}),
        regional=False,
        tags=True,
        create=_create_role,
        read=_read_role,
        update=_update_role,
        delete=_delete_role,
    ),
    ResourceType(
        token="aws:iam/rolePolicy:RolePolicy",
        label="IAM RolePolicy",
        inputs=frozenset({"name", "namePrefix", "policy", "role"}),
        required=frozenset({"policy", "role"}),
        computed=frozenset({"namePrefix"}),
        auto_name=AutoName(max_length=128),
        at_most_one_of=(("name", "namePrefix"),),
        replace=frozenset({"name", "namePrefix", "role"}),
        policies=frozenset({"policy"}),
        regional=False,
        create=_create_role_policy,
        read=_read_role_policy,
        update=_update_role_policy,
        delete=_delete_role_policy,
    ),
    ResourceType(
        token="aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        label="IAM RolePolicyAttachment",
        inputs=frozenset({"policyArn", "role"}),
        required=frozenset({"policyArn", "role"}),
        replace=frozenset({"policyArn", "role"}),
        delete_before_replace=True,
        regional=False,
        create=_create_attachment,
        read=_read_attachment,
        delete=_delete_attachment,
    ),
    ResourceType(
        token="aws:iam/policy:Policy",
        label="IAM Policy",
        inputs=frozenset({"name", "namePrefix", "path", "description", "policy"}),
        required=frozenset({"policy"}),
        computed=frozenset({"namePrefix"}),
        outputs=frozenset({"arn", "attachmentCount", "policyId"}),
        defaults={"path": "/"},
        auto_name=AutoName(max_length=128),
        at_most_one_of=(("name", "namePrefix"),),
        replace=frozenset({"name", "namePrefix", "path", "description"}),
        policies=frozenset({"policy"}),
        regional=False,
        tags=True,
        create=_create_policy,
        read=_read_policy,
        update=_update_policy,
        delete=_delete_policy,
    ),
]
