"""IAM: instance profiles."""

from __future__ import annotations

from typing import Any, Final

from local.providers.aws.calls import retag, tag_list, tag_map
from local.providers.aws.ec2_common import given
from local.providers.framework import AutoName, Context, Props, ResourceType, is_gone, name_prefix


def _create_profile(context: Context, inputs: Props) -> str:
    iam = context.client("iam")
    name = context.physical_name(inputs)
    iam.create_instance_profile(
        InstanceProfileName=name, **given(inputs, {"path": "Path"}), Tags=tag_list(inputs.get("tagsAll"))
    )
    context.created(name)
    if inputs.get("role"):
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=inputs["role"])
    return name


def _read_profile(context: Context, name: str, known: Props) -> Props | None:
    profile = context.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    roles = profile.get("Roles") or []
    return {
        "name": profile["InstanceProfileName"],
        "namePrefix": name_prefix(profile["InstanceProfileName"]),
        "arn": profile["Arn"],
        "path": profile["Path"],
        "role": roles[0]["RoleName"] if roles else "",
        "createDate": profile["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "uniqueId": profile["InstanceProfileId"],
        "tagsAll": tag_map(profile.get("Tags")),
    }


def _update_profile(context: Context, name: str, old: Props, new: Props) -> None:
    iam = context.client("iam")
    if "role" in context.changed:
        _remove_role(iam, name, old)
        if new.get("role"):
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=new["role"])
    retag(
        old,
        new,
        add=lambda tags: iam.tag_instance_profile(InstanceProfileName=name, Tags=tag_list(tags)),
        remove=lambda keys: iam.untag_instance_profile(InstanceProfileName=name, TagKeys=keys),
    )


def _remove_role(iam: Any, name: str, state: Props) -> None:
    if state.get("role"):
        try:
            iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=state["role"])
        except Exception as error:
            if not is_gone(error):
                raise


def _delete_profile(context: Context, name: str, state: Props) -> None:
    iam = context.client("iam")
    _remove_role(iam, name, state)
    iam.delete_instance_profile(InstanceProfileName=name)


RESOURCES: Final = [
    ResourceType(
        token="aws:iam/instanceProfile:InstanceProfile",
        label="IAM InstanceProfile",
        inputs=frozenset({"name", "namePrefix", "path", "role"}),
        computed=frozenset({"namePrefix"}),
        outputs=frozenset({"arn", "createDate", "uniqueId"}),
        defaults={"path": "/"},
        auto_name=AutoName(max_length=128),
        at_most_one_of=(("name", "namePrefix"),),
        replace=frozenset({"name", "namePrefix", "path"}),
        regional=False,
        tags=True,
        create=_create_profile,
        read=_read_profile,
        update=_update_profile,
        delete=_delete_profile,
    ),
]
