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
    """From a stack's outputs; without `client`, boto3's own way to credentials in the stage's region.

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
        client=client or functools.partial(_aws_client, region=region),
        environments=_environments(exported),
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


def _aws_client(service: str, *, region: str) -> Any:
    import boto3

    return boto3.session.Session(region_name=region).client(service)  # type: ignore[call-overload]
