"""Checks of settings and job specifications against each other, before any resource is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from components.settings_load import settings_place
from components.settings_model import MAX_ENVIRONMENTS_PER_QUEUE, QueueSettings, Settings
from jobs import conventions
from jobs.problems import Problem, listing, place, suggestion
from jobs.spec import LoadedSpec

PlaceOf = Callable[..., str]
_WORDS = {"ec2": "EC2", "fargate": "Fargate"}


def cross_check(settings: Settings, specs: Sequence[LoadedSpec]) -> list[Problem]:
    """Every mistake between a stage and its jobs. `specs` as written or as merged with the stage's overrides."""
    problems: list[Problem] = []

    def place_of(*path: str | int) -> str:
        return settings_place(settings, *path)

    for name, queue in settings.queues.items():
        problems += _queue(settings, name, queue, place_of)
    problems += _twice(specs)
    known = [loaded.name for loaded in specs]
    for name, overrides in settings.jobs.items():
        if name not in known:
            problems.append(_unknown(place_of("jobs", name), "job", name, known))
        if overrides.queue is not None and overrides.queue not in settings.queues:
            problems.append(_unknown(place_of("jobs", name, "queue"), "queue", overrides.queue, settings.queues))
    for loaded in specs:
        problems += _job(settings, loaded, place_of)
    return problems


def _unknown(place: str, kind: str, name: str, known: Iterable[str]) -> Problem:
    names = list(known)
    return Problem(
        place=place,
        got=f"the unknown {kind} {name}",
        allowed=f"known are {listing(names)}",
        remedy=suggestion(
            name, names, otherwise=f"add the {kind}, or name one of these" if names else f"add the {kind}"
        ),
    )


def _queue(settings: Settings, name: str, queue: QueueSettings, place_of: PlaceOf) -> list[Problem]:
    problems: list[Problem] = []
    path = ("queues", name, "compute_environments")
    order = queue.compute_environments
    if not 1 <= len(order) <= MAX_ENVIRONMENTS_PER_QUEUE:
        problems.append(
            Problem(
                place=place_of(*path),
                got=f"{len(order)} environments" if order else "an empty list",
                allowed=f"a queue has 1–{MAX_ENVIRONMENTS_PER_QUEUE}",
                remedy="remove some" if order else "add one of batchyard:compute_environments",
            )
        )
    for position, environment in enumerate(order):
        if environment not in settings.compute_environments:
            problems.append(
                _unknown(place_of(*path, position), "compute environment", environment, settings.compute_environments)
            )
        if environment in order[:position]:
            problems.append(
                Problem(
                    place=place_of(*path, position),
                    got=f"{environment} for the second time",
                    allowed="a queue has each environment once",
                    remedy="remove one of the two",
                )
            )
    kinds = {_platform(settings, environment) for environment in order} - {None}
    if len(kinds) > 1:
        problems.append(
            Problem(
                place=place_of(*path),
                got="a mixture of EC2 and Fargate",
                allowed="Batch takes one of the two in a queue",
                remedy="make two queues",
            )
        )
    return problems


def _platform(settings: Settings, environment: str) -> str | None:
    known = settings.compute_environments.get(environment)
    return None if known is None else "fargate" if known.is_fargate else "ec2"


def _twice(specs: Sequence[LoadedSpec]) -> list[Problem]:
    problems: list[Problem] = []
    first: dict[str, LoadedSpec] = {}
    for loaded in specs:
        earlier = first.setdefault(loaded.name, loaded)
        if earlier is not loaded:
            problems.append(
                Problem(
                    place=place(loaded.file, "the job's name"),
                    got=f"{loaded.name}, like that of {earlier.file}",
                    allowed="a job's name is its own",
                    remedy="rename one of the folders",
                )
            )
    return problems


def _job(settings: Settings, loaded: LoadedSpec, place_of: PlaceOf) -> list[Problem]:
    problems: list[Problem] = []
    spec = loaded.spec
    overrides = settings.jobs.get(loaded.name)
    overridden = overrides is not None and overrides.queue is not None
    queue_name = overrides.queue if overrides is not None and overrides.queue is not None else spec.queue
    where = place_of("jobs", loaded.name, "queue") if overridden else loaded.place("queue")
    queue = settings.queues.get(queue_name)
    if queue is None:
        if not overridden:
            problems.append(_unknown(where, "queue", queue_name, settings.queues))
    else:
        kinds = {_platform(settings, environment) for environment in queue.compute_environments} - {None}
        if len(kinds) == 1 and spec.platform not in kinds:
            (kind,) = kinds
            fitting = [
                name
                for name, other in settings.queues.items()
                if {_platform(settings, environment) for environment in other.compute_environments} == {spec.platform}
            ]
            problems.append(
                Problem(
                    place=where,
                    got=f"{queue_name}, whose environments are {_WORDS[kind or '']}",
                    allowed=f"a job with platform: {spec.platform} goes to a queue on {_WORDS[spec.platform]} ({listing(fitting)})",
                    remedy=f"write queue: {sorted(fitting)[0]}"
                    if fitting
                    else f"write platform: {kind}, or add such a queue",
                )
            )
    for right in ("read", "write"):
        for position, bucket in enumerate(getattr(spec.permissions, right)):
            if bucket not in settings.buckets:
                problems.append(_bucket(settings, loaded.place("permissions", right, position), bucket))
    for position, trigger in enumerate(spec.triggers):
        if trigger.s3 is not None and trigger.s3.bucket not in settings.buckets:
            problems.append(_bucket(settings, loaded.place("triggers", position, "s3", "bucket"), trigger.s3.bucket))
    return problems


def _bucket(settings: Settings, where: str, bucket: str) -> Problem:
    if bucket == conventions.LEDGER_BUCKET:
        return Problem(
            place=where,
            got="the ledger's bucket",
            allowed=f"the ledger is the platform's own; known are {listing(settings.buckets)}",
            remedy="add a bucket to batchyard:buckets",
        )
    return _unknown(where, "bucket", bucket, settings.buckets)
