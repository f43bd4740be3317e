"""What the EC2 tables share: tags, single look-ups, modes of subnets and VPCs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.providers.aws.calls import retag, tag_list, tag_map
from local.providers.framework import Context, Props


def tag_specifications(kind: str, inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The TagSpecifications of a creation; empty where there are no tags."""
    tags = inputs.get("tagsAll")
    return [{"ResourceType": kind, "Tags": tag_list(tags)}] if tags else []


def tags_of(described: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a described object."""
    return tag_map(described.get("Tags"))


def update_tags(context: Context, object_id: str, old: Props, new: Props) -> None:
    """Bring an object's tags up to the new inputs."""
    ec2 = context.client("ec2")
    retag(
        old,
        new,
        add=lambda tags: ec2.create_tags(Resources=[object_id], Tags=tag_list(tags)),
        remove=lambda keys: ec2.delete_tags(Resources=[object_id], Tags=[{"Key": key} for key in keys]),
    )


def arn(context: Context, kind: str, object_id: str) -> str:
    """The ARN of an EC2 object of this account and region."""
    return f"arn:{context.partition}:ec2:{context.region}:{context.account}:{kind}/{object_id}"


def one(described: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The single described object; None for an empty answer."""
    return described[0] if described else None


def given(inputs: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Request fields of the properties that are set: Pulumi's name → the service's."""
    return {field: inputs[key] for key, field in names.items() if inputs.get(key) not in (None, "")}
