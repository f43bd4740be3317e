"""A stage that is up: its names, and clients for its account. Where it is doesn't matter to the commands."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jobs import conventions
from local.home import Home
from local.lane import DEFAULT_LANE, Lane, PulumiError
from local.stage import DEFAULT_STACK, StackFiles

_OUTPUT: Final = "stage"
_UPLOADS: Final = "uploads"
_RESULTS: Final = "results"
_TIMEOUT_S: Final = 120


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
    queues: Mapping[str, str] = field(default_factory=dict)
    """Name in the settings → ARN."""

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


def default_lane() -> Lane:
    """The lane of the sourced environment, else the local stage's."""
    return Lane(home=Home.default(), name=os.environ.get("BATCHYARD_LANE", DEFAULT_LANE))


def open_stage(stack: str, lane: Lane) -> StageAccess:
    """The stage of a stack: in the lane where it was brought up there, else wherever `pulumi` and AWS's settings point.

    Raises StageUnavailableError.
    """
    if StackFiles(lane=lane, stack=stack).checkpoint.exists():
        if lane.running() is None:
            raise StageUnavailableError(
                f"stage {stack}: the emulator of lane {lane.name} isn't running; run `make up-local`"
            )
        try:
            shown = lane.pulumi("stack", "output", "--json", "--show-secrets", "--stack", stack)
        except (PulumiError, FileNotFoundError) as problem:
            raise StageUnavailableError(f"stage {stack}: {problem}") from None
        return from_outputs(json.loads(shown.stdout), stack=stack, client=lane.client)
    if stack == DEFAULT_STACK:
        raise StageUnavailableError(f"stage {stack}: isn't up; run `make up-local`, or `make demo` to see it work")
    return from_outputs(_remote_outputs(stack, lane.home), stack=stack, client=None)


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
        queues={str(name): str(arn) for name, arn in exported.get("queues", {}).items()},
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


def _remote_outputs(stack: str, home: Home) -> Mapping[str, Any]:
    engine = shutil.which("pulumi") or shutil.which("pulumi", path=str(home.bin))
    if engine is None:
        raise StageUnavailableError("pulumi: no engine on PATH or in .batchyard/bin; run `make setup`")
    try:
        done = subprocess.run(
            [engine, "--non-interactive", "stack", "output", "--json", "--stack", stack],
            cwd=home.repository,
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise StageUnavailableError(
            f"stack {stack}: no answer of its backend within {_TIMEOUT_S} s; check `pulumi whoami -v`"
        ) from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "pulumi said nothing").splitlines()[-1]
        raise StageUnavailableError(f"stack {stack}: {said}; look at `pulumi stack ls`")
    outputs = json.loads(done.stdout)
    return outputs if isinstance(outputs, dict) else {}


def _aws_client(service: str, *, region: str) -> Any:
    import boto3

    return boto3.session.Session(region_name=region).client(service)  # type: ignore[call-overload]
