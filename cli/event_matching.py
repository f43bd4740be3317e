"""Which triggers of a stage an event starts, with which parameters, and why the others not. From specifications and
settings alone; a stage that is up only adds physical names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cli import piped_events
from components.isolation import spread
from components.names import AUTO_SUFFIX_LENGTH, Names
from components.settings import Settings, effective_specs
from jobs.event_rules.json_path import resolve
from jobs.event_rules.mismatch import Mismatch, mismatches
from jobs.event_rules.pattern import parse_pattern
from jobs.event_rules.rules import EventRule, event_rule, parameters_json
from jobs.problems import Problem, Problems
from jobs.spec import JobSpec, LoadedSpec
from jobs.spec.event_sources import DEFAULT_BUS
from jobs.spec.triggers import Trigger, numbered
from local.emulator.events.transformer import InputError, transform
from local.emulator.pipes.execution import ExecutionError

Verdict = Literal["starts", "rests", "dead-letters", "other"]
"""`rests`: would start, but the trigger isn't enabled. `dead-letters`: matches, and its values make no submission."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one trigger makes of the event."""

    job: str
    trigger: str
    verdict: Verdict
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What `Ref::` gets, the job's defaults included; empty unless it matches."""
    why: str = ""
    """Why nothing starts, where no field of a pattern says it."""
    mismatches: Sequence[Mismatch] = ()


@dataclass(frozen=True, kw_only=True)
class StageNames:
    """What the stage calls what triggers name: physical names where they are known, else those of the settings."""

    settings: Settings
    physical: Mapping[str, str] = field(default_factory=dict)
    """Bucket → physical name, of a stage that is up."""
    queues: Mapping[str, str] = field(default_factory=dict)
    """Job → its queue in the settings."""
    functions: frozenset[str] = frozenset()
    """Jobs that run on Lambda."""
    account: str = ""
    """The event's: who asks may not know the stage's."""
    partition: str = "aws"

    def bucket(self, name: str) -> str:
        return self.physical.get(name, name)

    def queue_arn(self, job: str) -> str:
        return f"{self._batch}:job-queue/{self._names.of('job queue', self.queues[job])}"

    def definition_arn_prefix(self, job: str) -> str:
        return f"{self._batch}:job-definition/{self._names.of('job definition', job)}:"

    def function_arn(self, job: str) -> str | None:
        if job not in self.functions:
            return None
        name = self._names.of("function", job)
        return f"arn:{self.partition}:lambda:{self.settings.region}:{self.account}:function:{name}"

    @property
    def _names(self) -> Names:
        return Names(stage=self.settings.stage)

    @property
    def _batch(self) -> str:
        return f"arn:{self.partition}:batch:{self.settings.region}:{self.account}"

    def as_named(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """The event with its bucket called as patterns call it: a file of sample events may have either name."""
        bucket = _at(event, "detail", "bucket", "name")
        if not isinstance(bucket, str):
            return event
        digits = AUTO_SUFFIX_LENGTH - 1
        for name in self.settings.buckets:
            automatic = rf"{re.escape(self._names.of('bucket', name))}-[0-9a-f]{{{digits}}}"
            if bucket == name or (name not in self.physical and re.fullmatch(automatic, bucket)):
                named = {**event["detail"]["bucket"], "name": self.bucket(name)}
                return {**event, "detail": {**event["detail"], "bucket": named}}
        return event


def read_event(text: str, *, place: str) -> dict[str, Any]:
    """An event, a notification or a stream's record from JSON text. Raises Problems."""
    remedy = "write a whole event: source, detail-type, detail"
    try:
        event = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problems(
            [Problem(place=place, got=f"no JSON ({error})", allowed="an event is JSON", remedy=remedy)]
        ) from None
    if not isinstance(event, dict):
        got = "a list" if isinstance(event, list) else f"of the type {type(event).__name__}"
        raise Problems([Problem(place=place, got=got, allowed="an event is one JSON object", remedy=remedy)])
    if piped_events.piped_from(event, place=place) is not None:
        return event
    problems = [
        Problem(place=f"{place}: {key}", got=_shown(event, key), allowed=allowed, remedy=remedy)
        for key, kind, allowed in (
            ("source", str, "an event has a source, text like aws.s3"),
            ("detail-type", str, "an event has a detail-type, text like Object Created"),
            ("detail", dict, "an event has a detail, an object"),
        )
        if not isinstance(event.get(key), kind)
    ]
    if problems:
        raise Problems(problems)
    return event


def answers(
    settings: Settings,
    specs: Iterable[LoadedSpec],
    event: Mapping[str, Any],
    *,
    bus: str = DEFAULT_BUS,
    physical: Mapping[str, str] | None = None,
) -> list[Answer]:
    """Every trigger's answer to an event of a bus, by job and trigger. Raises Problems for overrides that make no
    sense."""
    deployed = {loaded.name: loaded.spec for loaded in spread(settings, effective_specs(settings, specs)).specs}
    queue_arn = _at(event, "detail", "jobQueue")
    parts = queue_arn.split(":") if isinstance(queue_arn, str) else []
    names = StageNames(
        settings=settings,
        physical=physical or {},
        queues={job: spec.queue for job, spec in deployed.items()},
        functions=frozenset(job for job, spec in deployed.items() if spec.platform == "lambda"),
        account=parts[4] if len(parts) > 5 else str(event.get("account", "")),
        partition=parts[1] if len(parts) > 5 else "aws",
    )
    piped = piped_events.piped_from(event, place="the event")
    if piped is not None:
        return [
            _piped_answer(job, part, spec, trigger, piped, settings)
            for job, spec in sorted(deployed.items())
            for part, trigger in numbered(spec.triggers)
        ]
    named = names.as_named(event)
    return [
        _answer(job, part, spec, trigger, named, bus, names)
        for job, spec in sorted(deployed.items())
        for part, trigger in numbered(spec.triggers)
    ]


def _answer(
    job: str, part: str, spec: JobSpec, trigger: Trigger, event: Mapping[str, Any], bus: str, names: StageNames
) -> Answer:
    rule = event_rule(trigger, names)
    if rule is None:
        return Answer(job=job, trigger=part, verdict="other", why=f"{trigger.kind} waits for no event")
    region = event.get("region", names.settings.region)
    for place, got, wanted in (("bus", bus, rule.bus), ("region", region, names.settings.region)):
        if got != wanted:
            elsewhere = Mismatch(field=place, got=got, wanted=[wanted])
            return Answer(job=job, trigger=part, verdict="other", mismatches=[elsewhere])
    different = mismatches(parse_pattern(json.dumps(rule.pattern)), event)
    if different:
        return Answer(job=job, trigger=part, verdict="other", mismatches=different)
    try:
        parameters = {**spec.parameters, **_parameters(rule, event)}
    except InputError as error:
        return Answer(job=job, trigger=part, verdict="dead-letters", why=str(error))
    return _starts(job, part, trigger, parameters)


def _piped_answer(
    job: str, part: str, spec: JobSpec, trigger: Trigger, piped: piped_events.Piped, settings: Settings
) -> Answer:
    if trigger.kind != piped.kind:
        return Answer(job=job, trigger=part, verdict="other", why=f"{trigger.kind} waits for something else")
    different = piped_events.differences(piped, trigger, settings)
    if different:
        return Answer(job=job, trigger=part, verdict="other", mismatches=different)
    try:
        parameters = {**spec.parameters, **piped_events.parameters(piped, trigger)}
    except ExecutionError as error:
        return Answer(job=job, trigger=part, verdict="dead-letters", why=str(error))
    return _starts(job, part, trigger, parameters)


def _starts(job: str, part: str, trigger: Trigger, parameters: Mapping[str, str]) -> Answer:
    if not trigger.enabled:
        return Answer(job=job, trigger=part, verdict="rests", parameters=parameters, why="the trigger isn't enabled")
    return Answer(job=job, trigger=part, verdict="starts", parameters=parameters)


def _parameters(rule: EventRule, event: Mapping[str, Any]) -> dict[str, str]:
    """What the input transformer makes of the event. Raises InputError."""
    values = {name: resolve(path, event) for name, path in rule.paths.items()}
    parameters: dict[str, str] = json.loads(transform(parameters_json(rule.parameters), values))
    return parameters


def _at(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _shown(event: Mapping[str, Any], key: str) -> str:
    return "missing" if key not in event else f"of the type {type(event[key]).__name__}"
