"""Another stack's `stage` as a typed value: for promotion, and for Pulumi projects that bring jobs to these queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Final, TypeGuard, get_type_hints

from pulumi.runtime import invoke
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jobs.problems import Problem, Problems, listing, one_problem
from jobs.user_schedules import StageSchedules

OUTPUT: Final = "stage"
VERSION: Final = 1
"""Of the outputs contract; grows when a key goes or changes its meaning, not when one is added."""

_READ_OUTPUTS: Final = "pulumi:pulumi:readStackOutputs"


@dataclass(frozen=True, kw_only=True)
class LedgerLocation:
    """Where the ledger's files are; prefixes end in a slash."""

    bucket: str
    attempts_prefix: str
    usage_prefix: str
    ecs_prefix: str = ""
    """Empty for a stage that was brought up before there was one."""
    errors_prefix: str


@dataclass(frozen=True, kw_only=True)
class EnvironmentLocation:
    kind: str
    """`ec2-spot`, `ec2-on-demand`, `ec2-unmanaged`, `fargate` or `fargate-spot`."""
    arn: str
    ecs_cluster_arn: str
    """Of the cluster that Batch made for it; who fills an unmanaged one registers instances there."""


@dataclass(frozen=True, kw_only=True)
class ResultsLocation:
    """Where a job's runs leave what they made: `<prefix>data/day=…/run=…/`, manifests in `<prefix>manifests/<run>/`."""

    bucket: str
    """Physical name."""
    prefix: str
    """`<job>/`"""
    table: str
    """`<database>.<table>` of the Glue catalog; empty for a job that asked for none."""
    copy_role_arn: str = ""
    """Of the role that Redshift reads it with, to be attached there; empty where nothing is loaded."""


@dataclass(frozen=True, kw_only=True)
class NetworkLocation:
    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_id: str


@dataclass(frozen=True, kw_only=True)
class StageReference:
    """The outputs contract: what a stage exports as `stage`. Maps go from the name in settings or job folder."""

    version: int
    project: str
    stage: str
    region: str
    account: str
    compute_environments: Mapping[str, str]
    """Name → ARN."""
    environments: Mapping[str, EnvironmentLocation] = field(default_factory=dict)
    """As `compute_environments`, with more; empty for a stage that was brought up before they were told."""
    queues: Mapping[str, str]
    """Name → ARN."""
    job_definitions: Mapping[str, str]
    """Job → ARN without the revision: whoever submits with it gets the newest."""
    functions: Mapping[str, str] = field(default_factory=dict)
    """Job on Lambda → ARN of its function; empty for a stage of before there were any."""
    images: Mapping[str, str]
    """Job → `<repository>@sha256:…`."""
    repositories: Mapping[str, str]
    """Job → ARN of the repository its image is in, which may be another stage's."""
    buckets: Mapping[str, str]
    """Name → physical name; the ledger's too."""
    results: Mapping[str, ResultsLocation] = field(default_factory=dict)
    """Of jobs with `results`; empty for a stage of before there were any."""
    roles: Mapping[str, str]
    """Job → ARN of the role its containers have."""
    log_groups: Mapping[str, str]
    """Job → name."""
    owners: Mapping[str, str]
    """Job → owner."""
    topics: Mapping[str, str]
    """`failures`, `reports` and the settings' own → ARN, where the stage has the topic."""
    dead_letters: Mapping[str, str]
    """What couldn't be delivered: `ledger`, `<job>/upload1` … → queue URL."""
    message_queues: Mapping[str, str] = field(default_factory=dict)
    """Where messages submit jobs: `<job>/queue1` → queue URL; empty for a stage of before there were any."""
    ledger: LedgerLocation
    network: NetworkLocation
    security_groups: Mapping[str, str] = field(default_factory=dict)
    """Isolated job → its security group; empty for a stage of before there were any."""
    schedules: StageSchedules | None = None
    """What users' own schedules are made with; None in a stage without schedulable jobs."""

    @classmethod
    def read(cls, stack: str, *, place: str | None = None) -> StageReference:
        """Reads `organization/project/stack` now, before anything is registered, so that what it says can be checked.

        `place` is what a problem names, by default the stack. Raises Problems: no such stack, no `stage` output,
        another version, a key missing or of the wrong type.
        """
        where = place or f"stack {stack}"
        try:
            result = invoke(_READ_OUTPUTS, {"name": stack})
        except Exception as error:  # the SDK raises plain exceptions for a failed invoke
            raise one_problem(
                where,
                f"{stack}, which can't be read ({_reason(error)})",
                "it is a stack of this backend that has been brought up",
                "look at `pulumi stack ls --all`, then bring it up",
            ) from error
        outputs = (result.value or {}).get("outputs") or {}
        if OUTPUT not in outputs:
            raise one_problem(
                where,
                f"{stack}, which exports {listing(outputs)}",
                f"a Batchyard stage exports `{OUTPUT}`",
                "bring the stack up, or name another",
            )
        return cls.parse(outputs[OUTPUT], stack=stack, place=where)

    @classmethod
    def parse(cls, value: object, *, stack: str, place: str | None = None) -> StageReference:
        """The exported object as this type. Keys it doesn't know are passed over. Raises Problems."""
        where = place or f"stack {stack}"
        if not isinstance(value, Mapping):
            raise one_problem(
                where,
                f"{stack}, whose `{OUTPUT}` is no mapping",
                "a Batchyard stage exports a mapping",
                "bring the stack up with Batchyard",
            )
        version = value.get("version")
        if version != VERSION:
            raise one_problem(
                where,
                f"{stack}, whose `{OUTPUT}` has version {_number(version)}",
                f"this Batchyard reads version {VERSION}",
                "bring that stack up with the same Batchyard",
            )
        found, problems = _typed(cls, value, where, f"{stack}: {OUTPUT}")
        if problems:
            raise Problems(problems)
        return cls(**found)


_LOCATIONS: Final[Mapping[Any, type[Any]]] = {
    LedgerLocation: LedgerLocation,
    NetworkLocation: NetworkLocation,
}
_OF_MAPPINGS: Final[Mapping[Any, type[Any]]] = {
    Mapping[str, EnvironmentLocation]: EnvironmentLocation,
    Mapping[str, ResultsLocation]: ResultsLocation,
}


def _typed(kind: type[Any], value: Mapping[str, Any], place: str, path: str) -> tuple[dict[str, Any], list[Problem]]:
    hints = get_type_hints(kind)
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for one in fields(kind):
        hint, given, at = hints[one.name], value.get(one.name), f"{path}.{one.name}"
        converted = _convert(hint, given)
        if converted is not None:
            found[one.name] = converted
        elif given is None and _is_younger(one):
            continue
        elif hint in _LOCATIONS and isinstance(given, Mapping):
            inner, inner_problems = _typed(_LOCATIONS[hint], given, place, at)
            problems += inner_problems
            if not inner_problems:
                found[one.name] = _LOCATIONS[hint](**inner)
        elif hint == StageSchedules | None and isinstance(given, Mapping):
            try:
                found[one.name] = StageSchedules.model_validate(given)
            except ValidationError as error:
                problems += [
                    _incomplete(place, ".".join((at, *map(str, wrong["loc"]))), _given(wrong))
                    for wrong in error.errors()
                ]
        elif hint in _OF_MAPPINGS and _holds_mappings(given):
            held = {}
            for name, told in given.items():
                inner, inner_problems = _typed(_OF_MAPPINGS[hint], told, place, f"{at}.{name}")
                problems += inner_problems
                if not inner_problems:
                    held[name] = _OF_MAPPINGS[hint](**inner)
            found[one.name] = held
        else:
            problems.append(_incomplete(place, at, given))
    return found, problems


def _given(wrong: ErrorDetails) -> object:
    """What stands there, None where nothing does."""
    return None if wrong["type"] == "missing" else wrong["input"]


def _incomplete(place: str, at: str, given: object) -> Problem:
    state = "missing" if given is None else f"of the type {type(given).__name__}"
    return Problem(
        place=place,
        got=f"incomplete: {at} is {state}",
        allowed="version 1 of the outputs contract has it",
        remedy="bring that stack up again",
    )


def _is_younger(one: Field[Any]) -> bool:
    """Version 1 had no such key at first, so it has a default."""
    return one.default is not MISSING or one.default_factory is not MISSING


def _holds_mappings(given: object) -> TypeGuard[Mapping[str, Mapping[str, Any]]]:
    return isinstance(given, Mapping) and all(isinstance(item, Mapping) for item in given.values())


def _convert(hint: Any, given: object) -> object | None:
    """The value as the hint wants it, None when it can't be."""
    if hint is str:
        return given if isinstance(given, str) else None
    if hint is int:
        # the engine keeps every number as a float
        return int(given) if isinstance(given, int | float) and given == int(given) else None
    if hint == tuple[str, ...]:
        return (
            tuple(given) if isinstance(given, list | tuple) and all(isinstance(item, str) for item in given) else None
        )
    if hint == Mapping[str, str]:
        texts = isinstance(given, Mapping) and all(isinstance(item, str) for item in given.values())
        return dict(given) if texts and isinstance(given, Mapping) else None
    return None


def _number(version: object) -> str:
    return "none" if version is None else f"{version:g}" if isinstance(version, int | float) else repr(version)


def _reason(error: Exception) -> str:
    """The engine's own words, without the SDK's around them."""
    return str(error).split("returned an error: ")[-1].strip()
