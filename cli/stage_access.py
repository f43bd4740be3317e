"""Finding a stage that is up: in a lane of this machine, or wherever `pulumi` and AWS's settings point."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any, Final

from local.home import Home
from local.lane import DEFAULT_LANE, Lane, PulumiError
from local.stage import DEFAULT_STACK, StackFiles
from reports.stage import StageAccess, StageUnavailableError, from_outputs

_TIMEOUT_S: Final = 120


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
