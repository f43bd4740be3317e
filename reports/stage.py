"""A stage as it says of itself: its names, and clients for its account. Where that came from doesn't matter."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jobs import conventions

_OUTPUT: Final = "stage"
_UPLOADS: Final = "uploads"
_RESULTS: Final = "results"
_ONLY_IN: Final = {"pricing": "us-east-1"}
"""Services that answer for every region in one."""


class StageUnavailableError(Exception):
    """The stage can't be read; one sentence with the remedy."""


@dataclass(frozen=True, kw_only=True)
class ExportedEnvironment:
    """A compute environment; what an older stage didn't export is empty."""

    arn: str
    kind: str = ""
    ecs_cluster_arn: str = ""


@dataclass(frozen=True, kw_only=True)
class StageAccess:
    """What a stage exported, and its account."""

    stage: str
    region: str
    buckets: Mapping[str, str]
    """Name in the settings → physical name; the ledger's too."""
    owners: Mapping[str, str]
    """Job → owner."""
    client: Callable[[str], Any]
    """Service → boto3 client."""
    environments: Mapping[str, ExportedEnvironment] = field(default_factory=dict)
    """By name in the settings."""
    topics: Mapping[str, str] = field(default_factory=dict)
    """`failures`, `reports` → ARN, where the stage has the topic."""
    queues: Mapping[str, str] = field(default_factory=dict)
    """Job queue by its name in the settings → ARN."""
    schedules: Mapping[str, Any] | None = None
    """What users' schedules are made with (`jobs.user_schedules`); None in a stage without schedulable jobs."""
    simulated: bool = False
    """Whether its account, and so its bill, is an emulator's."""

    @property
    def ledger_bucket(self) -> str:
        return self.bucket(conventions.LEDGER_BUCKET)

    @property
    def uploads_bucket(self) -> str:
        return self.bucket(_UPLOADS)

    @property
    def results_bucket(self) -> str | None:
        return self.buckets.get(_RESULTS)

    def bucket(self, name: str) -> str:
        """The physical name. Raises StageUnavailableError."""
        if name not in self.buckets:
            known = ", ".join(sorted(self.buckets)) or "none"
            raise StageUnavailableError(f"stage {self.stage}: has no bucket {name}; it has {known}; bring it up again")
        return self.buckets[name]


def from_outputs(outputs: Mapping[str, Any], *, stack: str, client: Callable[[str], Any] | None) -> StageAccess:
    """From a stack's outputs; `client` reaches an emulated account, without it boto3 finds one in the stage's region.

    Raises StageUnavailableError when they are no stage's.
    """
    exported = outputs.get(_OUTPUT)
    if not isinstance(exported, Mapping) or not {"stage", "region", "buckets"} <= set(exported):
        raise StageUnavailableError(
            f"stack {stack}: exports no `{_OUTPUT}` with its buckets; bring it up with this Batchyard"
        )
    region = str(exported["region"])
    return StageAccess(
        stage=str(exported["stage"]),
        region=region,
        buckets=dict(exported["buckets"]),
        owners=dict(exported.get("owners", {})),
        client=client or functools.partial(aws_client, region=region),
        environments=_environments(exported),
        topics=dict(exported.get("topics", {})),
        queues=dict(exported.get("queues", {})),
        schedules=exported.get("schedules"),
        simulated=client is not None,
    )


def _environments(exported: Mapping[str, Any]) -> dict[str, ExportedEnvironment]:
    told = exported.get("environments")
    if isinstance(told, Mapping):
        return {
            str(name): ExportedEnvironment(
                arn=str(one.get("arn") or ""),
                kind=str(one.get("kind") or ""),
                ecs_cluster_arn=str(one.get("ecs_cluster_arn") or ""),
            )
            for name, one in told.items()
        }
    return {name: ExportedEnvironment(arn=str(arn)) for name, arn in exported.get("compute_environments", {}).items()}


def aws_client(service: str, *, region: str, config: Any = None) -> Any:
    """boto3's own way to credentials; `config` is botocore's, for whoever can't wait as long as its defaults."""
    import boto3

    session = boto3.session.Session(region_name=_ONLY_IN.get(service, region))
    return session.client(service, config=config)  # type: ignore[call-overload]
