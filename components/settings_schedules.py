"""Settings of users' own schedules, and the check that their role can be written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from components.names import Names
from jobs.problems import Problem
from jobs.spec import LoadedSpec
from jobs.spec.base import Hint, Strict
from jobs.user_schedules import DEFAULT_PER_OWNER, NAME_MAX, PART, PART_ALLOWED

POLICY_MAX: Final = 10_240
"""Characters of a role's inline policies (IAM's quota)."""
_ARN: Final = len("arn:aws-us-gov:batch:ap-southeast-1:123456789012:job-definition/") + 4
"""What an ARN has before its name, with quotes, comma and space behind it."""
_REST: Final = 500
"""Around the ARNs, and the dead-letter queue's."""

_Quota = Annotated[
    int,
    Field(ge=0, le=1_000_000),
    Hint(
        allowed="a quota is a whole number of schedules from 0 to 1,000,000",
        remedy="write how many an owner may have",
    ),
]
_Owner = Annotated[
    str,
    StringConstraints(strict=True, pattern=rf"^{PART.pattern}$", max_length=NAME_MAX - 2),
    Hint(allowed=f"an owner is part of a schedule's name: {PART_ALLOWED}", remedy="write it as schedules do"),
]


class ScheduleSettings(Strict):
    """Users' own schedules, made with `batchyard schedules`."""

    per_owner: _Quota = DEFAULT_PER_OWNER
    """Schedules an owner may have."""
    owners: dict[_Owner, _Quota] = Field(default_factory=dict)
    """The same for single owners, by owner."""


def schedulable_problems(stage: str, specs: Sequence[LoadedSpec]) -> list[Problem]:
    """More schedulable jobs than the policy of their role can name. `specs` are all that the stage deploys."""
    names, size, queues = Names(stage=stage), _REST, set[str]()
    for loaded in specs:
        if not loaded.spec.schedulable:
            continue
        size += 2 * (_ARN + len(names.of("job definition", f"{loaded.name}-dispatch")))
        if loaded.spec.queue not in queues:
            queues.add(loaded.spec.queue)
            size += _ARN + len(names.of("job queue", loaded.spec.queue))
        if size > POLICY_MAX:
            return [
                Problem(
                    place=loaded.place("schedulable"),
                    got="true for one job too many",
                    allowed=f"one role submits all schedulable jobs of a stage, and IAM takes {POLICY_MAX:,} "
                    "characters of its policy",
                    remedy="leave it out of jobs that nobody schedules, or of this stage with "
                    f"batchyard:jobs.{loaded.name}.schedulable: false",
                )
            ]
    return []
