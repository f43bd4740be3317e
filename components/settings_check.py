"""Checks of settings and job specifications against each other, before any resource is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from components.chain_check import chain_problems
from components.settings_load import settings_places
from components.settings_model import Settings
from components.settings_queues import MAX_ENVIRONMENTS_PER_QUEUE, QueueSettings
from components.settings_shares import share_problems
from components.sources_check import source_problems, topic_problems
from jobs import conventions
from jobs.problems import Problem, listing, place, suggestion
from jobs.spec import LoadedSpec
from jobs.spec.triggers import numbered

PlaceOf = Callable[..., str]
_WORDS = {"ec2": "EC2", "fargate": "Fargate"}


def cross_check(settings: Settings, specs: Sequence[LoadedSpec]) -> list[Problem]:
    """Every mistake between a stage and its jobs. `specs` are all jobs as written, without the stage's overrides."""
    problems: list[Problem] = []
    place_of = settings_places(settings)
    for name, queue in settings.queues.items():
        problems += _queue(settings, name, queue, place_of)
    problems += topic_problems(settings)
    problems += _twice(specs)
    known = [loaded.name for loaded in specs]
    for name, overrides in settings.jobs.items():
        if name not in known:
            problems.append(_unknown(place_of("jobs", name), "job", name, known))
        if overrides.queue is not None and overrides.queue not in settings.queues:
            problems.append(_unknown(place_of("jobs", name, "queue"), "queue", overrides.queue, settings.queues))
    for loaded in specs:
        names = [name for name, _ in numbered(loaded.spec.triggers)]
        changed = settings.jobs.get(loaded.name)
        for trigger in () if changed is None else changed.triggers:
            if trigger not in names:
                problems.append(_unknown(place_of("jobs", loaded.name, "triggers", trigger), "trigger", trigger, names))
    deployed = [loaded for loaded in specs if _enabled(settings, loaded)]
    for loaded in deployed:
        problems += _job(settings, loaded, place_of)
    return [*problems, *chain_problems(deployed, known)]


def _enabled(settings: Settings, loaded: LoadedSpec) -> bool:
    """Whether the stage deploys the job: one that it leaves out needs none of its queues, buckets and topics."""
    overrides = settings.jobs.get(loaded.name)
    return loaded.spec.enabled if overrides is None or overrides.enabled is None else overrides.enabled


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
    if len(_platforms(settings, queue)) > 1:
        problems.append(
            Problem(
                place=place_of(*path),
                got="a mixture of EC2 and Fargate",
                allowed="Batch takes one of the two in a queue",
                remedy="make two queues",
            )
        )
    return problems


def _platforms(settings: Settings, queue: QueueSettings) -> set[str]:
    """Platforms of a queue's environments; unknown ones are passed over."""
    known = (settings.compute_environments.get(name) for name in queue.compute_environments)
    return {"fargate" if environment.is_fargate else "ec2" for environment in known if environment is not None}


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
    problems = _job_queue(settings, loaded, place_of)
    problems += share_problems(settings, loaded)
    problems += source_problems(settings, loaded)
    spec = loaded.spec
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("permissions", right, position), bucket)
        for right, buckets in (("read", spec.permissions.read), ("write", spec.permissions.write))
        for position, bucket in enumerate(buckets)
        # the platform's own bucket may be read, and nothing else
        if (right, bucket) != ("read", conventions.LEDGER_BUCKET)
    ]
    named += [
        (("triggers", position, "s3", "bucket"), trigger.s3.bucket)
        for position, trigger in enumerate(spec.triggers)
        if trigger.s3 is not None
    ]
    if spec.manifest is not None:
        named.append((("array", "manifest", "bucket"), spec.manifest.bucket))
    if spec.results is not None:
        named.append((("results", "bucket"), spec.results.bucket))
    problems += [
        _bucket(settings, loaded.place(*path), bucket) for path, bucket in named if bucket not in settings.buckets
    ]
    problems += [
        _topic(settings, loaded, position, topic)
        for position, topic in enumerate(spec.permissions.notify)
        if topic not in settings.topics_for_jobs
    ]
    return problems


def _topic(settings: Settings, loaded: LoadedSpec, position: int, topic: str) -> Problem:
    where = loaded.place("permissions", "notify", position)
    if topic != conventions.REPORTS_TOPIC:
        return _unknown(where, "topic", topic, [conventions.REPORTS_TOPIC, *settings.topics])
    return Problem(
        place=where,
        got=f"the topic {topic}, which {settings.file or settings.stage} doesn't ask for",
        allowed="a stage has the topics of its settings",
        remedy=f"write report_topic: true below batchyard:monitoring, or leave the job out with "
        f"batchyard:jobs.{loaded.name}.enabled: false",
    )


def _job_queue(settings: Settings, loaded: LoadedSpec, place_of: PlaceOf) -> list[Problem]:
    """The job's queue exists and runs on the job's platform."""
    overrides = settings.jobs.get(loaded.name)
    overridden = overrides is not None and overrides.queue is not None
    name = overrides.queue if overrides is not None and overrides.queue is not None else loaded.spec.queue
    if name not in settings.queues:
        # an override's has been said with the overrides
        return [] if overridden else [_unknown(loaded.place("queue"), "queue", name, settings.queues)]
    platform, on = loaded.spec.platform, _platforms(settings, settings.queues[name])
    if platform == "lambda":  # goes through no queue
        return []
    if len(on) != 1 or platform in on:
        return []
    (other,) = on
    fitting = [queue for queue in settings.queues if _platforms(settings, settings.queues[queue]) == {platform}]
    return [
        Problem(
            place=place_of("jobs", loaded.name, "queue") if overridden else loaded.place("queue"),
            got=f"{name}, whose environments are {_WORDS[other]}",
            allowed=f"a job with platform: {platform} goes to a queue on {_WORDS[platform]} ({listing(fitting)})",
            remedy=f"write queue: {min(fitting)}" if fitting else f"write platform: {other}, or add such a queue",
        )
    ]


def _bucket(settings: Settings, where: str, bucket: str) -> Problem:
    if bucket == conventions.LEDGER_BUCKET:
        return Problem(
            place=where,
            got="the ledger's bucket",
            allowed=f"the ledger is the platform's own and may only be read; known are {listing(settings.buckets)}",
            remedy="add a bucket to batchyard:buckets",
        )
    return _unknown(where, "bucket", bucket, settings.buckets)
