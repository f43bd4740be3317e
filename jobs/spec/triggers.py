"""What submits a job, as `triggers:` in job.yaml. Checks that need more of the job are in `cross_triggers.py`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import ConfigDict, Field, field_validator, model_validator

from jobs import conventions
from jobs.problems import listing
from jobs.spec.base import Strict, refuse
from jobs.spec.event_sources import AFTER_PARAMETERS, AfterSource, EventSource
from jobs.spec.parameters import parameter_names
from jobs.spec.queue_sources import PATH_MARK, SqsSource
from jobs.spec.s3_source import S3Source
from jobs.spec.schedule_source import ScheduleSource
from jobs.spec.stream_source import DynamodbSource
from jobs.spec.topic_source import SnsSource

PART_WORDS: Final[Mapping[str, str]] = {
    "s3": "upload",
    "schedule": "schedule",
    "after": "after",
    "event": "event",
    "sqs": "queue",
    "sns": "topic",
    "dynamodb": "stream",
}
"""Kind of trigger → what the names of its resources hold."""
_SCHEDULER_WORDS = frozenset(
    f"<aws.scheduler.{word}>" for word in ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
)


class Trigger(Strict):
    """What submits the job: an upload (`s3`), a time (`schedule`), another job's end (`after`), any `event`, a message
    of a queue (`sqs`) or a topic (`sns`), a change of a table's item (`dynamodb`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"schedule": {"cron": "0 6 ? * MON *", "timezone": "Europe/Berlin"}},
                {"s3": {"bucket": "uploads", "prefix": "photos/", "suffix": [".jpg", ".png"]}},
            ]
        }
    )

    s3: S3Source | None = None
    """Offers the parameters `bucket` and `key`."""
    schedule: ScheduleSource | None = None
    """Time, with a time zone."""
    after: AfterSource | None = None
    """Offers the parameters `after_job`, `after_job_id`, `after_job_name`, `after_exit_code` and `after_results`."""
    event: EventSource | None = None
    """Any event; offers what `take` says."""
    sqs: SqsSource | None = None
    """Messages, one a job; offers `message_id` and what `take` says."""
    sns: SnsSource | None = None
    """What is published to a topic, one message a job; offers `message_id` and what `take` says."""
    dynamodb: DynamodbSource | None = None
    """Changes of a table's items, one a job; offers `event_id`, `event_name` and what `take` says."""
    parameters: dict[str, str] = Field(default_factory=dict, examples=[{"month": "2013-01"}])
    """Values for `Ref::name` in the command, over those in the job's `parameters`."""
    enabled: bool = True
    """false keeps the trigger on record but lets it rest."""

    @field_validator("parameters")
    @classmethod
    def _parameters(cls, parameters: dict[str, str]) -> dict[str, str]:
        return parameter_names(parameters)

    @model_validator(mode="after")
    def _one(self) -> Trigger:
        given = [kind for kind in PART_WORDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise refuse(
                f"given {' and '.join(given)}" if given else f"without {listing(PART_WORDS)}",
                f"a trigger is one of {listing(PART_WORDS)}",
                "make each an entry of the list of its own",
                about=tuple(PART_WORDS),
            )
        for name, value in self.parameters.items():
            words = set(re.findall(r"<[^<>]*>", value))
            if self.schedule is None and words:
                raise refuse(
                    f"{value[:60]!r}",
                    "only a schedule's parameters may have <…>",
                    "leave the angle brackets out",
                    key=("parameters", name),
                )
            if self.piped is not None and value.startswith(PATH_MARK):
                raise refuse(
                    f"{value[:60]!r}",
                    "a pipe takes what begins with $. for a path",
                    "write paths below take",
                    key=("parameters", name),
                )
            unknown = {word for word in words if word.startswith("<aws.")} - _SCHEDULER_WORDS
            if unknown:
                raise refuse(
                    f"{value[:60]!r}",
                    f"the scheduler replaces {', '.join(sorted(_SCHEDULER_WORDS))}",
                    "use one of these",
                    key=("parameters", name),
                )
        return self

    @property
    def kind(self) -> str:
        """The key it is written with: `s3`."""
        return next(kind for kind in PART_WORDS if getattr(self, kind) is not None)

    @property
    def piped(self) -> SqsSource | SnsSource | DynamodbSource | None:
        """The source of a trigger that an EventBridge pipe reads."""
        return self.sqs or self.sns or self.dynamodb

    @property
    def source_parameters(self) -> tuple[str, ...]:
        """Names of the parameters its kind offers without being asked."""
        if self.s3 is not None:
            return conventions.S3_TRIGGER_PARAMETERS
        if self.after is not None:
            return (*AFTER_PARAMETERS, *self.after.take)
        if self.piped is not None:
            return tuple(self.piped.offered)
        return tuple(self.event.take) if self.event is not None else ()

    @property
    def offered(self) -> frozenset[str]:
        """Names of the parameters a submission by this trigger carries."""
        return frozenset(self.parameters) | frozenset(self.source_parameters)


def numbered(triggers: Iterable[Trigger]) -> list[tuple[str, Trigger]]:
    """Triggers with their names among the job's: its position among those of its kind, `upload1`, `schedule2`."""
    counts: Counter[str] = Counter()
    named: list[tuple[str, Trigger]] = []
    for trigger in triggers:
        word = PART_WORDS[trigger.kind]
        counts[word] += 1
        named.append((f"{word}{counts[word]}", trigger))
    return named
