"""The EventBridge rule of a trigger: which events it takes, and which parameters the job gets from them. Pure.

The pattern's leaves may be anything that becomes text later, so that components can leave names to the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from jobs import conventions
from jobs.event_rules.function_end import function_end_paths, function_end_pattern

if TYPE_CHECKING:  # the specifications check themselves with this module
    from jobs.spec.event_sources import AfterSource, EventSource
    from jobs.spec.s3_source import S3Source
    from jobs.spec.triggers import Trigger

S3_PATHS: Final[Mapping[str, str]] = {"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"}
assert tuple(S3_PATHS) == conventions.S3_TRIGGER_PARAMETERS
AFTER_PATHS: Final[Mapping[str, str]] = {
    "after_job_id": "$.detail.jobId",
    "after_job_name": "$.detail.jobName",
    "after_exit_code": "$.detail.container.exitCode",
}
STATE_CHANGE: Final = "Batch Job State Change"


class Places(Protocol):
    """What a stage calls the things a trigger names."""

    def bucket(self, name: str) -> Any:
        """Its physical name."""

    def queue_arn(self, job: str) -> Any:
        """The queue a job goes to."""

    def definition_arn_prefix(self, job: str) -> Any:
        """A job's definition up to its revision, with the colon before it."""

    def function_arn(self, job: str) -> str | None:
        """The function of a job on Lambda; None for a job that Batch runs."""


@dataclass(frozen=True, kw_only=True)
class EventRule:
    """A rule, and what an input transformer takes from its events."""

    pattern: Mapping[str, Any]
    paths: Mapping[str, str]
    """Placeholder → where the event has its value."""
    parameters: Mapping[str, str]
    """Parameter of the job → its JSON, in which `<placeholder>`s stand. Each kind of target has a template of its own
    around them. EventBridge puts quotes around text it fills in, and escapes nothing in it: a key with a quote starts
    no job."""
    bus: str = "default"


def event_rule(trigger: Trigger, places: Places) -> EventRule | None:
    """None for triggers that aren't events: schedules."""
    if trigger.s3 is not None:
        return EventRule(
            pattern=upload_pattern(places.bucket(trigger.s3.bucket), trigger.s3),
            paths=S3_PATHS,
            parameters={**{name: f"<{name}>" for name in S3_PATHS}, **texts(trigger.parameters)},
        )
    if trigger.after is not None:
        return _after_rule(trigger.after, trigger.parameters, places)
    if trigger.event is not None:
        return _any_rule(trigger.event, trigger.parameters)
    return None


def upload_pattern(bucket_name: Any, source: S3Source) -> dict[str, Any]:
    """Prefix and suffix together are one wildcard: two entries of a list would mean either."""
    detail: dict[str, Any] = {"bucket": {"name": [bucket_name]}}
    about: dict[str, Any] = {}
    keys = _key_entries(source)
    if keys:
        about["key"] = keys
    if source.size is not None:
        ends = ((">=", source.size.min_bytes), ("<=", source.size.max_bytes))
        about["size"] = [{"numeric": [part for end in ends if end[1] is not None for part in end]}]
    if about:
        detail["object"] = about
    return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


def _key_entries(source: S3Source) -> list[dict[str, str]]:
    prefix, suffixes = source.prefix, source.suffix
    if source.wildcard:
        return [{"wildcard": text} for text in source.wildcard]
    if prefix and suffixes:
        return [{"wildcard": f"{prefix}*{suffix}"} for suffix in suffixes]
    if suffixes:
        return [{"suffix": suffix} for suffix in suffixes]
    return [{"prefix": prefix}] if prefix else []


def _after_rule(source: AfterSource, parameters: Mapping[str, str], places: Places) -> EventRule:
    function_arn = places.function_arn(source.job)
    if function_arn is not None:
        paths = function_end_paths(source)
        known = {"after_job": _json(source.job), "after_job_name": _json(function_arn.rpartition(":")[2])}
        quoted = {name: f'"<{name}>"' if name == "after_exit_code" else f"<{name}>" for name in paths}
        return EventRule(
            pattern=function_end_pattern(function_arn, source),
            paths=paths,
            parameters={**known, **quoted, **texts(parameters)},
        )
    taken = {name: f"$.detail.parameters.{other}" for name, other in source.take.items()}
    paths = {**AFTER_PATHS, **taken}
    # a number without quotes would stay one, and parameters are texts
    filled = {name: f'"<{name}>"' if name == "after_exit_code" else f"<{name}>" for name in paths}
    # the folder of the run's manifests is named by its id alone, for a template has no other part of it
    filled["after_results"] = f'"{source.job}/{conventions.RESULTS_MANIFESTS}<after_job_id>/"'
    return EventRule(
        pattern=end_pattern(
            source.status.upper(), places.queue_arn(source.job), places.definition_arn_prefix(source.job)
        ),
        paths=paths,
        parameters={"after_job": _json(source.job), **filled, **texts(parameters)},
    )


def end_pattern(status: str, queue_arn: Any, definition_arn_prefix: Any) -> dict[str, Any]:
    """The end of a job's runs: of an array the whole."""
    return {
        "source": ["aws.batch"],
        "detail-type": [STATE_CHANGE],
        "detail": {
            "status": [status],
            "jobQueue": [queue_arn],
            "jobDefinition": [{"prefix": definition_arn_prefix}],
            # the children of an array end one by one before it
            "arrayProperties": {"index": [{"exists": False}]},
        },
    }


def _any_rule(source: EventSource, parameters: Mapping[str, str]) -> EventRule:
    return EventRule(
        pattern=source.pattern,
        paths=source.take,
        # in quotes numbers and booleans become texts, as parameters must be; texts get no second pair
        parameters={**{name: f'"<{name}>"' for name in source.take}, **texts(parameters)},
        bus=source.bus,
    )


def texts(parameters: Mapping[str, str]) -> dict[str, str]:
    """A trigger's own parameters as JSON; they win over what its events offer."""
    return {name: _json(value) for name, value in parameters.items()}


def parameters_json(parameters: Mapping[str, str]) -> str:
    """`{"bucket":<bucket>,"key":<key>,"size":"small"}` of parameters whose values are JSON with placeholders."""
    return "{" + ",".join(f"{_json(name)}:{value}" for name, value in sorted(parameters.items())) + "}"


def batch_template(parameters: Mapping[str, str]) -> str:
    """The input transformer's template of a job queue, which takes parts of SubmitJob's request."""
    return f'{{"Parameters":{parameters_json(parameters)}}}'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
