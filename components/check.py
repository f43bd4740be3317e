"""Everything that can be wrong before AWS is asked: settings, specifications, both together, placement, builds.

All mistakes are found in one go and no resource is touched until there are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from components.build_context import (
    ARRAY_FILE,
    ARRAY_NAME,
    DOCKERFILE,
    LAMBDA_FILES,
    PROBE_FILE,
    RESULTS_FILES,
    RESULTS_NAME,
    included_files,
    own_files,
)
from components.isolation import isolation_problems, spread
from components.settings import Settings, cross_check, effective_specs, load_settings, settings_place
from components.settings_schedules import schedulable_problems
from jobs.problems import Problem, Problems, raise_any
from jobs.spec import JobSpec, LoadedSpec, discover_jobs
from jobs.spec.arrays import DISPATCH
from scheduling.catalog import ARM64, X86_64, InstanceType, UnknownInstanceType, resolve, resolve_all
from scheduling.fit import NoFit, Request, check_fit
from scheduling.model import Environment

PLATFORMS: Final[Mapping[str, str]] = {X86_64: "linux/amd64", ARM64: "linux/arm64"}


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """A job as this stage deploys it."""

    name: str
    spec: JobSpec
    """With the stage's overrides; `queue` is the job's own when it is isolated."""
    image_platform: str
    """What its queue's environments run."""

    @property
    def is_isolated(self) -> bool:
        return self.spec.isolated.enabled


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Checked: whatever is wrong now, only AWS or Docker can tell."""

    settings: Settings
    """With the environments and queues of isolated jobs."""
    jobs: tuple[PlannedJob, ...]
    isolated_environments: Mapping[str, str] = field(default_factory=dict)
    """Environment → the job that alone runs in it."""

    def awaited(self, job: str) -> tuple[str, ...]:
        """Ends of the job that another waits for, in `after:`."""
        afters = [trigger.after for planned in self.jobs for trigger in planned.spec.triggers]
        return tuple(sorted({after.status for after in afters if after is not None and after.job == job}))


def check(config: Mapping[str, object], *, stage: str, file: str, repository: Path) -> Plan:
    """A stage from the stack's configuration and `jobs/`. Raises Problems with every mistake of all files."""
    problems: list[Problem] = []
    settings: Settings | None = None
    specs: list[LoadedSpec] | None = None
    try:
        settings = load_settings(config, stage=stage, file=file)
    except Problems as error:
        problems += error
    try:
        specs = discover_jobs(repository / "jobs")
    except Problems as error:
        problems += error
    raise_any(problems)
    assert settings is not None
    assert specs is not None
    return plan(settings, specs, repository=repository)


def plan(settings: Settings, specs: Sequence[LoadedSpec], *, repository: Path) -> Plan:
    """The same from values. Raises Problems."""
    problems = environment_problems(settings)
    problems += cross_check(settings, specs)
    merged: list[LoadedSpec] = []
    try:
        merged = effective_specs(settings, specs)
    except Problems as error:
        problems += error
    for loaded in merged:
        problems += isolation_problems(settings, loaded)
    whole = spread(settings, merged)
    settings, merged = whole.settings, whole.specs
    names = {loaded.name: loaded for loaded in merged}
    for loaded in merged:
        problems += placement_problems(settings, loaded)
        problems += _named_like_a_dispatch(loaded, names)
        problems += _queue_problems(settings, loaded)
        if settings.promote_from is None:
            problems += build_problems(loaded, repository)
    problems += schedulable_problems(settings.stage, merged)
    raise_any(problems)
    return Plan(
        settings=settings,
        jobs=tuple(
            PlannedJob(name=loaded.name, spec=loaded.spec, image_platform=image_platform(settings, loaded.spec))
            for loaded in merged
        ),
        isolated_environments=whole.environments,
    )


def environment_problems(settings: Settings) -> list[Problem]:
    """Instance types nobody knows, and queues with more than one processor architecture: an image is built for one."""
    problems: list[Problem] = []
    for name, environment in settings.compute_environments.items():
        for position, entry in enumerate(environment.instance_types):
            try:
                resolve(entry)
            except UnknownInstanceType as error:
                problems.append(
                    Problem(
                        place=settings_place(settings, "compute_environments", name, "instance_types", position),
                        got=f"{entry!r}, which isn't known",
                        allowed="it is an instance type or family of scheduling/catalog.py",
                        remedy=str(error).partition("; ")[2] or "add the type to the catalogue",
                    )
                )
    if problems:
        return problems
    for name, queue in settings.queues.items():
        architectures = _architectures(settings, name)
        if len(architectures) > 1:
            problems.append(
                Problem(
                    place=settings_place(settings, "queues", name, "compute_environments"),
                    got=f"{', '.join(queue.compute_environments)} on {' and '.join(sorted(architectures))}",
                    allowed="a queue has one processor architecture",
                    remedy="make a queue of its own for the other",
                )
            )
    return problems


def placement_problems(settings: Settings, loaded: LoadedSpec) -> list[Problem]:
    """Whether one attempt fits anywhere in its queue: a job that doesn't would be RUNNABLE for ever."""
    spec = loaded.spec
    if spec.platform == "lambda":
        return []
    queue = settings.queues.get(spec.queue)
    if queue is None or any(name not in settings.compute_environments for name in queue.compute_environments):
        return []  # cross_check has said so
    resources = spec.resources
    request = Request(vcpus=resources.vcpus, memory_mib=resources.memory_mib, gpus=resources.gpus)
    try:
        fit = check_fit(request, [_environment(settings, name) for name in queue.compute_environments])
    except UnknownInstanceType:
        return []  # environment_problems has said so
    if not isinstance(fit, NoFit):
        return []
    overrides = settings.jobs.get(loaded.name)
    overridden = overrides is not None and bool(overrides.resources.model_dump(exclude_none=True))
    where = settings_place(settings, "jobs", loaded.name, "resources") if overridden else loaded.place("resources")
    return [
        Problem(
            place=where,
            got=f"asking for {fit.asked}",
            allowed=f"the largest available in queue {spec.queue} is {fit.largest}",
            remedy=fit.remedy,
        )
    ]


def build_problems(loaded: LoadedSpec, repository: Path) -> list[Problem]:
    """What building the job's image needs: its Dockerfile, the probe, and one file for each path."""
    problems: list[Problem] = []
    if not (loaded.folder / DOCKERFILE).is_file():
        problems.append(
            Problem(
                place=f"{loaded.folder.parent.name}/{loaded.name}/{DOCKERFILE}",
                got="missing",
                allowed="a job's image is built from its Dockerfile",
                remedy="write one, or promote the image from another stage",
            )
        )
    problems += [
        Problem(
            place=str(file),
            got="missing",
            allowed="every image gets the probe",
            remedy="restore it from the repository's history",
        )
        for file in (PROBE_FILE, *LAMBDA_FILES)
        if not (repository / file).is_file()
    ]
    if loaded.spec.manifest is not None:
        problems += _helper_problems(loaded, repository, ARRAY_NAME, [ARRAY_FILE], "array.manifest")
    if loaded.spec.results is not None:
        problems += _helper_problems(loaded, repository, RESULTS_NAME, RESULTS_FILES, "results")
    own = {name for name, _ in own_files(repository, loaded.name)}
    for position, named in enumerate(loaded.spec.include):
        twice = sorted(own & {name for name, _ in included_files(repository, [named])})
        if twice:
            problems.append(
                Problem(
                    place=loaded.place("include", position),
                    got=f"{named}, which brings {twice[0]} where the job has one of its own",
                    allowed="a path of the build context is one file",
                    remedy="rename the job's file",
                )
            )
    return problems


def _helper_problems(loaded: LoadedSpec, repository: Path, name: str, files: Sequence[Path], key: str) -> list[Problem]:
    """A job that needs a helper between the probe and its command has it in its image."""
    problems: list[Problem] = []
    dockerfile = loaded.folder / DOCKERFILE
    if dockerfile.is_file() and name not in dockerfile.read_text(encoding="utf-8", errors="replace"):
        problems.append(
            Problem(
                place=f"{loaded.folder.parent.name}/{loaded.name}/{DOCKERFILE}",
                got=f"without {name}",
                allowed=f"in a job with {key} it stands between the probe and the command",
                remedy=f"copy {name} beside batchyard-probe and begin the command with it: docs/jobs.md",
            )
        )
    return problems + [
        Problem(
            place=str(file),
            got="missing",
            allowed=f"the image of a job with {key} gets it",
            remedy="restore it from the repository's history",
        )
        for file in files
        if not (repository / file).is_file()
    ]


def _named_like_a_dispatch(loaded: LoadedSpec, names: Mapping[str, LoadedSpec]) -> list[Problem]:
    other = names.get(loaded.name.removesuffix(f"-{DISPATCH}"))
    if other is None or other is loaded or other.spec.manifest is None:
        return []
    return [
        Problem(
            place=f"{loaded.file}: the job's name",
            got=f"{loaded.name}, as what submits the arrays of {other.name} is called",
            allowed="a job's name is its own",
            remedy="rename the folder",
        )
    ]


def _queue_problems(settings: Settings, loaded: LoadedSpec) -> list[Problem]:
    """What the job's queue has the wrong instances for: another architecture, spot for a multi-node job."""
    spec = loaded.spec
    if spec.platform == "lambda":
        return _private_problems(settings, loaded)
    if spec.queue not in settings.queues:
        return []  # cross_check has said so
    names = [name for name in settings.queues[spec.queue].compute_environments if name in settings.compute_environments]
    problems: list[Problem] = []
    try:
        runs = _architectures(settings, spec.queue)
    except UnknownInstanceType:
        return []  # environment_problems has said so
    if spec.architecture is not None and runs and spec.architecture not in runs:
        problems.append(
            Problem(
                place=loaded.place("architecture"),
                got=f"{spec.architecture}, and queue {spec.queue} has {' and '.join(sorted(runs))}",
                allowed="a job runs on its queue's instances",
                remedy="choose another queue, or leave architecture out",
            )
        )
    if spec.nodes is not None:
        problems += _node_problems(settings, loaded, names, spec.nodes.count)
    return problems


def _private_problems(settings: Settings, loaded: LoadedSpec) -> list[Problem]:
    """A function runs outside of the stage's network, from where it reaches the internet."""
    if not settings.network.private:
        return []
    return [
        Problem(
            place=loaded.place("platform"),
            got="lambda, and the stage's network is private",
            allowed="a private stage runs its jobs inside its own network, and Batchyard's functions run outside of it",
            remedy=f"write platform: fargate, or leave the job out with batchyard:jobs.{loaded.name}.enabled: false",
        )
    ]


def _node_problems(settings: Settings, loaded: LoadedSpec, names: Sequence[str], count: int) -> list[Problem]:
    unmanaged = [name for name in names if settings.compute_environments[name].is_unmanaged]
    if unmanaged:
        return [
            Problem(
                place=loaded.place("nodes"),
                got=f"given, and queue {loaded.spec.queue} has unmanaged environments ({', '.join(unmanaged)})",
                allowed="Batch runs multi-node jobs in managed environments only",
                remedy="choose a queue with managed on-demand environments alone",
            )
        ]
    spot = [name for name in names if settings.compute_environments[name].is_spot]
    if spot:
        return [
            Problem(
                place=loaded.place("nodes"),
                got=f"given, and queue {loaded.spec.queue} has spot instances ({', '.join(spot)})",
                allowed="Batch runs multi-node jobs on on-demand instances only",
                remedy="choose a queue with on-demand environments alone",
            )
        ]
    vcpus = loaded.spec.resources.vcpus * count
    most = max(settings.compute_environments[name].max_vcpus or 0 for name in names)
    if vcpus <= most:
        return []
    return [
        Problem(
            place=loaded.place("nodes", "count"),
            got=f"{count} with {loaded.spec.resources.vcpus_text} vCPU each, {vcpus:g} in all",
            allowed=f"all nodes run at once, and max_vcpus of the queue's environments is {most} at most",
            remedy="ask for fewer nodes, or raise max_vcpus",
        )
    ]


def image_platform(settings: Settings, spec: JobSpec) -> str:
    """Docker's name of what the job runs on: its queue's instances; else what it asks for, x86_64 by default."""
    if spec.platform == "lambda":
        return PLATFORMS[spec.architecture or X86_64]
    (architecture,) = _architectures(settings, spec.queue) or {spec.architecture or X86_64}
    return PLATFORMS[architecture]


def instance_kinds(instance_types: Sequence[str]) -> tuple[InstanceType, ...]:
    """What an environment's entries stand for."""
    return resolve_all(tuple(instance_types))


def gpus_of(instance_types: Sequence[str]) -> Literal["none", "all", "some"]:
    """Whether instances of these entries have GPUs."""
    with_gpus = [kind.gpus > 0 for kind in instance_kinds(instance_types)]
    if not any(with_gpus):
        return "none"
    return "all" if all(with_gpus) else "some"


def _architectures(settings: Settings, queue: str) -> set[str]:
    found: set[str] = set()
    for name in settings.queues[queue].compute_environments:
        environment = settings.compute_environments.get(name)
        if environment is not None and environment.is_unmanaged:
            found.add(environment.architecture or X86_64)
        elif environment is not None and not environment.is_fargate:
            found |= {kind.architecture for kind in instance_kinds(environment.instance_types)}
    return found


def _environment(settings: Settings, name: str) -> Environment:
    environment = settings.compute_environments[name]
    return Environment(
        name=name,
        kind=environment.kind,
        instance_types=environment.instance_types,
        max_vcpus=environment.max_vcpus or 0,
    )
