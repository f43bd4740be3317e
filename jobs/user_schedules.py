"""Users' own schedules, made at run time: what a stage exports for them, and how they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict

DEFAULT_PER_OWNER: Final = 100
NAME_MAX: Final = 64
"""Of EventBridge Scheduler, for owner, point and name together."""
PART: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?")
"""An owner, a name: what EventBridge Scheduler allows but the point, which stands between the two."""
PART_ALLOWED: Final = "it is letters, digits, - and _, beginning and ending with a letter or digit"


class SchedulableJob(BaseModel):
    """A job that users may schedule. What its submission says beside the parameters."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_name: str
    """What Batch calls each run."""
    queue_arn: str
    definition_arn: str
    """Without the revision: a schedule submits the newest, however old it is itself."""
    array_size: int | None = None
    share: str | None = None
    required: tuple[str, ...] = ()
    """Parameters without a default, which a schedule must give."""
    known: tuple[str, ...] = ()
    """All parameters it takes."""


class StageSchedules(BaseModel):
    """What a stage exports as `schedules`. Keys it doesn't know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    group: str
    """Name of the schedule group that all users' schedules of the stage are in."""
    role_arn: str
    """May submit the jobs below and nothing else."""
    dead_letters_arn: str
    target_arn: str
    timezone: str
    """Of schedules that name none."""
    per_owner: int
    """Schedules an owner may have."""
    owners: Mapping[str, int] = {}
    """The same for single owners."""
    jobs: Mapping[str, SchedulableJob]

    def quota(self, owner: str) -> int:
        """Schedules this owner may have."""
        return self.owners.get(owner, self.per_owner)

    def job_of(self, definition_arn: str) -> str | None:
        """The job of a submission's definition, with a revision or without; None for one that isn't schedulable."""
        for name, job in self.jobs.items():
            if definition_arn == job.definition_arn or definition_arn.startswith(f"{job.definition_arn}:"):
                return name
        return None
