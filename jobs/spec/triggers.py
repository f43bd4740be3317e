"""What submits a job, as `triggers:` in job.yaml. Checks that need several fields of the job are in `cross.py`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints, field_validator, model_validator

from jobs import conventions, schedule_expression
from jobs.spec.base import BucketName, Hint, Strict, refuse

_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")
_SCHEDULER_WORDS = frozenset(
    f"<aws.scheduler.{word}>" for word in ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
)
PART_WORDS: Final[Mapping[str, str]] = {"s3": "upload", "schedule": "schedule"}
"""Kind of trigger → what the names of its resources hold."""
_PATTERN_CHARACTERS = "*?\\"


def _plain_key_text(text: str) -> str:
    for character in _PATTERN_CHARACTERS:
        if character in text:
            raise refuse(
                f"{text[:60]!r}",
                f"prefix and suffix are plain text, {character} is no pattern",
                f"leave {character} out",
            )
    return text


KeyText = Annotated[str, StringConstraints(strict=True, max_length=512)]


class S3Source(Strict):
    """Uploads to one bucket whose key begins with `prefix` and ends in one of `suffix`."""

    bucket: BucketName = Field(examples=["uploads"])
    """A bucket of the stage."""
    prefix: Annotated[KeyText, Field(examples=["photos/"])] = ""
    """Beginning of the key; plain text."""
    suffix: Annotated[
        tuple[KeyText, ...],
        BeforeValidator(
            lambda value: (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value
        ),
        Hint(allowed="a suffix is text or a list of texts", remedy="write suffix: [.jpg, .png]"),
        Field(examples=[[".jpg", ".png"]]),
    ] = ()
    """End of the key, or a list of ends; plain text. None means every key."""

    @field_validator("prefix")
    @classmethod
    def _prefix(cls, prefix: str) -> str:
        if prefix.startswith("/"):
            raise refuse(f"{prefix[:60]!r}", "S3 keys don't begin with a slash", f"write {prefix.lstrip('/')[:60]!r}")
        return _plain_key_text(prefix)

    @field_validator("suffix")
    @classmethod
    def _suffix(cls, suffixes: tuple[str, ...]) -> tuple[str, ...]:
        for position, text in enumerate(suffixes):
            if not text:
                raise refuse("empty", "a suffix is at least one character", "remove it", key=(position,))
            if text in suffixes[:position]:
                raise refuse(
                    f"{text[:60]!r} for the second time",
                    "each suffix is named once",
                    "remove one of the two",
                    key=(position,),
                )
            _plain_key_text(text)
        return suffixes


class ScheduleSource(Strict):
    """A point in time that comes again: `cron` or `rate`, in AWS's syntax without the word around it."""

    cron: Annotated[str | None, Field(examples=["0 6 ? * MON *", "30 2 L * ? *"])] = None
    """Six fields: minutes hours day-of-month month day-of-week year; one of the two days is `?`."""
    rate: Annotated[str | None, Field(examples=["5 minutes", "1 day"])] = None
    """A number and minute(s), hour(s) or day(s)."""
    timezone: Annotated[str | None, Field(examples=["Europe/Berlin"])] = None
    """IANA name; the stage's time zone when left out."""

    @field_validator("cron", "rate")
    @classmethod
    def _expression(cls, text: str | None, info: Any) -> str | None:
        if text is not None:
            try:
                schedule_expression.parse(f"{info.field_name}({text})")
            except schedule_expression.ScheduleExpressionError as error:
                raise refuse(error.got, error.allowed, error.remedy) from None
        return text

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                schedule_expression.zone(name)
            except schedule_expression.ScheduleExpressionError as error:
                raise refuse(error.got, error.allowed, error.remedy) from None
        return name

    @model_validator(mode="after")
    def _one(self) -> ScheduleSource:
        if (self.cron is None) == (self.rate is None):
            got = "without cron and rate" if self.cron is None else "given both cron and rate"
            raise refuse(
                got,
                "a schedule has one of cron and rate",
                'write for example cron: "0 6 ? * MON *"',
                about=("cron", "rate"),
            )
        return self

    @property
    def expression(self) -> str:
        """As EventBridge takes it: `cron(0 6 ? * MON *)`, `rate(5 minutes)`."""
        return f"rate({self.rate})" if self.rate is not None else f"cron({self.cron})"


class Trigger(Strict):
    """What submits the job: an upload (`s3`) or a time (`schedule`)."""

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
        if (self.s3 is None) == (self.schedule is None):
            got = "without s3 and schedule" if self.s3 is None else "given both s3 and schedule"
            raise refuse(
                got,
                "a trigger is one of s3 and schedule",
                "make each an entry of the list of its own",
                about=("s3", "schedule"),
            )
        for name, value in self.parameters.items():
            words = set(re.findall(r"<[^<>]*>", value))
            if self.s3 is not None and words:
                raise refuse(
                    f"{value[:60]!r}",
                    "an S3 trigger's parameters are plain text without <…>",
                    "leave the angle brackets out",
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
    def offered(self) -> frozenset[str]:
        """Names of the parameters a submission by this trigger carries."""
        return frozenset(self.parameters) | frozenset(conventions.S3_TRIGGER_PARAMETERS if self.s3 is not None else ())


def parameter_names(parameters: dict[str, str]) -> dict[str, str]:
    """The parameters, when every name is allowed."""
    for name in parameters:
        if _PARAMETER.fullmatch(name) is None:
            raise refuse(
                "no parameter's name",
                "a name is letters, digits, _ and -, beginning with a letter, at most 128 characters",
                "rename it",
                key=(name,),
            )
    return parameters


def numbered(triggers: Iterable[Trigger]) -> list[tuple[str, Trigger]]:
    """Triggers with their names among the job's: its position among those of its kind, `upload1`, `schedule2`."""
    counts: Counter[str] = Counter()
    named: list[tuple[str, Trigger]] = []
    for trigger in triggers:
        word = PART_WORDS[trigger.kind]
        counts[word] += 1
        named.append((f"{word}{counts[word]}", trigger))
    return named
