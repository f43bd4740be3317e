"""Tags on everything that can carry them: one transformation a component, inherited by all its children."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from jobs import conventions

Tags = dict[str, str]
Transformation = Callable[[pulumi.ResourceTransformationArgs], pulumi.ResourceTransformationResult | None]


def stage_tags(*, stage: str, owner: str) -> Tags:
    """What everything of a stage carries; `owner` is the platform's, a job's own overrides it."""
    return {
        conventions.TAG_PROJECT: conventions.PROJECT,
        conventions.TAG_STAGE: stage,
        conventions.TAG_OWNER: owner,
    }


def job_tags(*, job: str, owner: str) -> Tags:
    """What everything of one job carries beside the stage's tags."""
    return {conventions.TAG_JOB: job, conventions.TAG_OWNER: owner}


def can_carry_tags(resource_class: type) -> bool:
    """Whether the provider's schema gives this resource tags. Component resources have none of their own."""
    return isinstance(getattr(resource_class, "tags", None), property)


def tagging(tags: Mapping[str, str]) -> Transformation:
    """Adds the tags to every child that can carry them; tags set closer to the resource win."""

    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not can_carry_tags(type(args.resource)):
            return None
        props: dict[str, Any] = dict(args.props)
        props["tags"] = {**tags, **(props.get("tags") or {})}
        return pulumi.ResourceTransformationResult(props=props, opts=args.opts)

    return transform
