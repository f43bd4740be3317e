"""Streams of the tables that triggers wait for: names of the settings → ARNs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi_aws as aws

from components.check import Plan
from components.settings import settings_place
from jobs.problems import Problem, raise_any

_IMAGES: Mapping[str, frozenset[str]] = {
    "KEYS_ONLY": frozenset(),
    "NEW_IMAGE": frozenset({"NewImage"}),
    "OLD_IMAGE": frozenset({"OldImage"}),
    "NEW_AND_OLD_IMAGES": frozenset({"NewImage", "OldImage"}),
}
"""View type of a stream → the images its records have."""


@dataclass(frozen=True, kw_only=True)
class _Table:
    stream_arn: str | None
    view_type: str


def read_streams(plan: Plan) -> dict[str, str]:
    """Table of the settings → ARN of its stream, for all that a trigger names. Raises Problems: tables that DynamoDB
    doesn't have, that have no stream, or one without the image a trigger wants.

    A stream's ARN ends in the time it was enabled at, which only DynamoDB knows, so it is asked.
    """
    problems: list[Problem] = []
    known: dict[str, _Table] = {}
    for job in plan.jobs:
        for position, trigger in enumerate(job.spec.triggers):
            source = trigger.dynamodb
            if source is None:
                continue
            if source.table not in known:
                known[source.table] = _look(plan, source.table, problems)
            table = known[source.table]
            lacks = sorted(source.images - _IMAGES.get(table.view_type, source.images))
            if table.stream_arn is not None and lacks:
                problems.append(
                    Problem(
                        place=f"jobs/{job.name}/job.yaml: triggers[{position}].dynamodb",
                        got=f"one that wants {' and '.join(lacks)}, and the stream of {source.table} has "
                        f"{table.view_type}",
                        allowed="filter and take name what the stream's records have",
                        remedy="use Keys, or enable the stream anew with StreamViewType=NEW_AND_OLD_IMAGES",
                    )
                )
    raise_any(problems)
    return {name: table.stream_arn for name, table in known.items() if table.stream_arn is not None}


def _look(plan: Plan, table: str, problems: list[Problem]) -> _Table:
    """What DynamoDB says of a table; a problem more where it isn't there or has no stream."""
    name = plan.settings.tables[table].name
    place = settings_place(plan.settings, "tables", table, "name")
    update = f"aws dynamodb update-table --table-name {name} --stream-specification "
    try:
        found = aws.dynamodb.get_table(name=name)
    except Exception:  # the SDK raises plain exceptions for a failed invoke
        problems.append(
            Problem(
                place=place,
                got=f"{name}, which DynamoDB doesn't show in {plan.settings.region}",
                allowed="a table is made outside of Batchyard, before the stage comes up",
                remedy="make the table, or correct the name",
            )
        )
        return _Table(stream_arn=None, view_type="")
    if not found.stream_enabled or not found.stream_arn:
        problems.append(
            Problem(
                place=place,
                got=f"{name}, which has no stream",
                allowed="triggers read a table's stream",
                remedy=f"{update}StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES",
            )
        )
        return _Table(stream_arn=None, view_type="")
    return _Table(stream_arn=found.stream_arn, view_type=found.stream_view_type)
