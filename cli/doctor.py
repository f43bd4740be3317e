"""`batchyard doctor`: what this machine has, and what to do about the rest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import typer
from rich.markup import escape

from cli.jobs import find_problems
from cli.local import status_of
from cli.output import FOUND_PROBLEMS, Json, console, print_json
from cli.stage_access import default_lane
from local.demo_data import demo_files
from local.lane import Lane
from local.registry import EXECUTABLE as REGISTRY
from local.setup.base_image import BASE_IMAGE
from local.setup.docker_bridge import BRIDGE, borrowed_address
from local.setup.docker_engine import docker_host, docker_version
from local.stage import StageBusyError

EXAMPLES = """Examples:

  batchyard doctor

  batchyard doctor --json
"""
_SETUP: Final = "run `make setup`"
_DISK_GIB: Final = 5
_GIB: Final = 1024**3
_TIMEOUT_S: Final = 60


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at. `remedy` is None when all is well."""

    name: str
    found: str
    remedy: str | None = None


Check = Callable[[Lane], Finding]


def doctor(as_json: Json = False) -> None:
    """Look at everything Batchyard needs on this machine; what is missing comes with its remedy and exit code 1."""
    lane = default_lane()
    findings = [check(lane) for check in CHECKS]
    problems = [finding for finding in findings if finding.remedy is not None]
    if as_json:
        print_json(
            {
                "ok": not problems,
                "findings": [{"name": one.name, "found": one.found, "remedy": one.remedy} for one in findings],
            }
        )
    else:
        out = console()
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = "[green]ok     [/green]" if finding.remedy is None else "[red]problem[/red]"
            remedy = "" if finding.remedy is None else f"; {finding.remedy}"
            out.print(f"{mark} {finding.name:<{width}}  {escape(finding.found + remedy)}", soft_wrap=True)
    if problems:
        raise typer.Exit(FOUND_PROBLEMS)


def check_python(lane: Lane) -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if not (lane.home.venv / "bin" / "python").exists():
        return Finding(name="Python environment", found=f"Python {version}, without the locked packages", remedy=_SETUP)
    return Finding(name="Python environment", found=f"Python {version} in {lane.home.relative(lane.home.venv)}")


def check_engine(lane: Lane) -> Finding:
    name = "Pulumi engine"
    found = _which(lane, "pulumi")
    if found is None:
        return Finding(name=name, found="not on PATH and not in .batchyard/bin", remedy=_SETUP)
    try:
        done = subprocess.run(
            [found, "version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_S,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return Finding(name=name, found=f"{found} doesn't run: {problem}", remedy=_SETUP)
    if done.returncode:
        return Finding(name=name, found=f"{found} ended with {done.returncode}", remedy=_SETUP)
    return Finding(name=name, found=f"{done.stdout.strip()} at {found}")


def check_language_host(lane: Lane) -> Finding:
    found = _which(lane, "pulumi-language-python")
    if found is None:
        return Finding(name="language host", found="pulumi-language-python wasn't found", remedy=_SETUP)
    return Finding(name="language host", found=found)


def check_registry(lane: Lane) -> Finding:
    found = _which(lane, REGISTRY)
    if found is None:
        return Finding(name="registry", found=f"{REGISTRY} wasn't found", remedy=_SETUP)
    return Finding(name="registry", found=found)


def check_docker(_lane: Lane) -> Finding:
    version = docker_version()
    if version is None:
        return Finding(
            name="Docker engine",
            found=f"none answers at {docker_host()}",
            remedy=f"start it, or on Debian as root {_SETUP}",
        )
    return Finding(name="Docker engine", found=f"{version} at {docker_host()}")


def check_docker_bridge(_lane: Lane) -> Finding:
    borrowed = borrowed_address()
    if borrowed is not None:
        return Finding(
            name="Docker bridge",
            found=f"{BRIDGE} borrows its address from containers, so jobs lose connections when one comes or goes",
            remedy=f"give it one: ip link set {BRIDGE} address {borrowed}",
        )
    return Finding(name="Docker bridge", found="keeps its address")


def check_base_image(_lane: Lane) -> Finding:
    name = "base image"
    if docker_version() is None:
        return Finding(name=name, found="unknown without a Docker engine", remedy=_SETUP)
    import docker
    from docker.errors import DockerException, ImageNotFound

    try:
        client = docker.from_env(timeout=_TIMEOUT_S)
        try:
            image = client.images.get(BASE_IMAGE)
        finally:
            client.close()
    except ImageNotFound:
        return Finding(name=name, found=f"the engine has no {BASE_IMAGE}", remedy=_SETUP)
    except DockerException as problem:
        return Finding(name=name, found=f"can't be looked up: {problem}", remedy=_SETUP)
    return Finding(name=name, found=f"{BASE_IMAGE} ({image.short_id})")


def check_disk(lane: Lane) -> Finding:
    folder = lane.home.root if lane.home.root.exists() else lane.home.repository
    free_gib = shutil.disk_usage(folder).free / _GIB
    found = f"{free_gib:.0f} GiB free"
    if free_gib < _DISK_GIB:
        remedy = f"free some: set-up and images take up to {_DISK_GIB} GiB"
        return Finding(name="disk", found=found, remedy=remedy)
    return Finding(name="disk", found=found)


def check_demo_files(lane: Lane) -> Finding:
    missing = [key for key, file in demo_files(lane.home.data).items() if not file.is_file()]
    if missing:
        return Finding(name="demo files", found=f"{len(missing)} of 16 are missing", remedy=_SETUP)
    return Finding(name="demo files", found=f"16 in {lane.home.relative(lane.home.data)}")


def check_jobs(lane: Lane) -> Finding:
    repository = lane.home.repository
    problems = find_problems(repository, sorted(repository.glob("Pulumi.*.yaml")))
    if problems:
        count = f"{len(problems)} {'mistake' if len(problems) == 1 else 'mistakes'}"
        return Finding(name="jobs and settings", found=count, remedy="see them with `batchyard jobs check`")
    return Finding(name="jobs and settings", found="no mistakes")


def check_stage(lane: Lane) -> Finding:
    """A stage that is down is no problem: most of the time it should be."""
    try:
        facts = status_of(lane)
    except StageBusyError as problem:
        return Finding(name="local stage", found=str(problem))
    if facts["up"]:
        return Finding(name="local stage", found=f"up at {facts['endpoint']}")
    return Finding(name="local stage", found=f"down: {facts['reason']} (`make up-local` brings it up)")


CHECKS: Final[tuple[Check, ...]] = (
    check_python,
    check_engine,
    check_language_host,
    check_registry,
    check_docker,
    check_docker_bridge,
    check_base_image,
    check_disk,
    check_demo_files,
    check_jobs,
    check_stage,
)


def _which(lane: Lane, command: str) -> str | None:
    path = os.pathsep.join([*(str(folder) for folder in lane.path_folders), os.environ.get("PATH", os.defpath)])
    return shutil.which(command, path=path)
