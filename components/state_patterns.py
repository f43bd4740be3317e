"""Event patterns on a stage's queues and clusters, in portions of the size EventBridge takes.

A pattern names each ARN whole: by the beginning of a name, stage `dev` would take the events of a stage `dev-2`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi

from components.account import Account
from jobs import conventions
from jobs.event_rules.check import PATTERN_MAX_CHARACTERS

CLUSTER_NAME_MAX: Final = 255
"""Of ECS. Batch makes up the name of an environment's cluster, and nothing is promised about it."""
Pattern = dict[str, Any]
"""To be written as JSON; its ARNs may be known later."""
_BETWEEN: Final = len('"", ')


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A queue or a cluster whose events are taken."""

    arn: pulumi.Input[str]
    length: int
    """Characters the ARN has at most: it is known only once the resource is there."""

    @classmethod
    def queue(cls, arn: pulumi.Input[str], name: str, account: Account, region: str) -> Watched:
        known = f"arn:{account.partition}:batch:{region}:{account.account_id}:job-queue/{name}"
        return cls(arn=arn, length=len(known))

    @classmethod
    def cluster(cls, arn: pulumi.Input[str], account: Account, region: str) -> Watched:
        known = f"arn:{account.partition}:ecs:{region}:{account.account_id}:cluster/"
        return cls(arn=arn, length=len(known) + CLUSTER_NAME_MAX)


def finished_patterns(queues: Sequence[Watched], statuses: Sequence[str]) -> list[Pattern]:
    """Batch's state changes of these queues, of this stage only: the bus is the account's."""
    return _patterns(
        queues,
        lambda arns: {
            "source": ["aws.batch"],
            "detail-type": ["Batch Job State Change"],
            "detail": {"status": list(statuses), "jobQueue": arns},
        },
    )


def ecs_patterns(clusters: Sequence[Watched]) -> list[Pattern]:
    """What happens to these clusters' container instances, and their tasks once they have stopped."""
    return _patterns(
        clusters,
        lambda arns: {
            "source": ["aws.ecs"],
            "detail-type": [conventions.ECS_INSTANCE_CHANGE, conventions.ECS_TASK_CHANGE],
            "detail": {
                "clusterArn": arns,
                # an instance has a status, but no lastStatus
                "$or": [{"lastStatus": ["STOPPED"]}, {"lastStatus": [{"exists": False}]}],
            },
        },
    )


def _patterns(watched: Sequence[Watched], pattern: Callable[[list[pulumi.Input[str]]], Pattern]) -> list[Pattern]:
    """As few as can be; each of the watched is in one."""
    around = len(json.dumps(pattern([])))
    portions: list[list[pulumi.Input[str]]] = []
    length = PATTERN_MAX_CHARACTERS
    for one in watched:
        added = one.length + _BETWEEN
        if length + added > PATTERN_MAX_CHARACTERS:
            portions.append([])
            length = around
        portions[-1].append(one.arn)
        length += added
    return [pattern(arns) for arns in portions]
