"""What the types of AWS Batch share: tags by ARN, statuses, and the values it allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.providers.aws.calls import retag
from local.providers.aws.waiting import Status
from local.providers.framework.context import Context
from local.providers.framework.resource_type import Props


def retag_batch(context: Context, old: Props, new: Props) -> None:
    """Tags of any Batch object, by its ARN."""
    client, arn = context.client("batch"), old["arn"]
    retag(
        old,
        new,
        add=lambda tags: client.tag_resource(resourceArn=arn, tags=tags),
        remove=lambda keys: client.untag_resource(resourceArn=arn, tagKeys=keys),
    )


def status_of(described: Mapping[str, Any] | None) -> Status | None:
    return None if described is None else (described["status"], described.get("statusReason") or "")


def well_named(name: str) -> str | None:
    """What is wrong with a name, None for a good one."""
    if re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}", name):
        return None
    return (
        f"{name!r} is no name for Batch; allowed: up to 128 letters, digits, - and _, beginning with a letter or digit"
    )


def one_of(*allowed: str) -> Callable[[str], str | None]:
    """A check for a property with a few allowed words."""
    return lambda value: None if value in allowed else f"expected one of {list(allowed)}, got {value}"
