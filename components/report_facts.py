"""What a stage's report is asked with, out of its settings and jobs: the one place for the command line and for
`stage.json`. Imports no Pulumi."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from components.settings import Settings
from jobs.spec import JobSpec
from jobs.stage_facts import StageFacts
from scheduling.catalog import resolve_all

_THIS_MACHINE: Final = ("127.0.0.1", "localhost", "::1")


def emulator_endpoint(environ: Mapping[str, str]) -> str | None:
    """`AWS_ENDPOINT_URL` when it is this machine's. Another address may be a real account's, whose bill is no
    simulation and to whose objects nobody gets a signed link."""
    url = environ.get("AWS_ENDPOINT_URL") or None
    return url if url is not None and urlsplit(url).hostname in _THIS_MACHINE else None


def report_facts(settings: Settings, jobs: Mapping[str, JobSpec], *, endpoint_url: str | None = None) -> StageFacts:
    """`jobs` are those the stage deploys, with its overrides; `endpoint_url` is where S3 is when it isn't AWS's."""
    told = settings.budgets
    return StageFacts(
        timezone=settings.timezone,
        memory_now={name: spec.resources.memory_mib for name, spec in jobs.items()},
        stage_budget=None if told.stage_per_month is None else f"{told.stage_per_month}",
        owner_budgets={owner: f"{amount}" for owner, amount in told.owners_per_month.items()},
        kinds={name: one.kind for name, one in settings.compute_environments.items()},
        largest_mib=_largest_mib(settings),
        endpoint_url=endpoint_url,
    )


def _largest_mib(settings: Settings) -> int | None:
    kinds = [
        kind
        for one in settings.compute_environments.values()
        if not one.is_fargate
        for kind in resolve_all(tuple(one.instance_types))
    ]
    return max((kind.usable_memory_mib for kind in kinds), default=None)
