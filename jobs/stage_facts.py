"""Of a stage's settings and jobs, what its report is asked with: plain values that travel as JSON.

`components/report_facts.py` makes them: for the command line from the files of the repository, for the scheduled job
into `stage.json` of the stage's reports bucket.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class StageFacts(BaseModel):
    """Where they can't be read, `missing` says why, a sentence each. Keys it doesn't know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    timezone: str = "UTC"
    memory_now: Mapping[str, int] = {}
    """Job → MiB asked for today, in this stage."""
    stage_budget: str | None = None
    """A month, in the bill's currency: "400.5"."""
    owner_budgets: Mapping[str, str] = {}
    """Owner → the same for the attempts of its jobs."""
    kinds: Mapping[str, str] = {}
    """Compute environment → its kind: `ec2-spot`, `fargate` …"""
    largest_mib: int | None = None
    """Memory for jobs on the largest instance the stage may start; None where it has none."""
    endpoint_url: str | None = None
    """Where S3 is, as a reader of the report reaches it; None on AWS."""
    missing: tuple[str, ...] = ()
