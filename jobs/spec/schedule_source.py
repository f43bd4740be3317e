"""`schedule:` of a trigger."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from jobs import schedule_expression
from jobs.spec.base import Hint, Strict, refuse


class ScheduleSource(Strict):
    """Times: `cron` or `rate` in AWS's syntax without the word around it, or one time, `at`."""

    cron: Annotated[str | None, Field(examples=["0 6 ? * MON *", "30 2 L * ? *"])] = None
    """Six fields: minutes hours day-of-month month day-of-week year; one of the two days is `?`."""
    rate: Annotated[str | None, Field(examples=["5 minutes", "1 day"])] = None
    """A number and minute(s), hour(s) or day(s)."""
    at: Annotated[str | None, Field(examples=["2027-01-01T06:00"])] = None
    """One local time; it fires once and never again."""
    timezone: Annotated[str | None, Field(examples=["Europe/Berlin"])] = None
    """IANA name; the stage's time zone when left out."""
    window_minutes: Annotated[
        int | None,
        Field(ge=1, le=1_440, examples=[15]),
        Hint(allowed="a window is a whole number of minutes from 1 to 1,440", remedy="leave it out to fire on time"),
    ] = None
    """Minutes from its time on within which a firing may come, so that not all come at once."""
    start: Annotated[str | None, Field(examples=["2027-01-01T00:00"])] = None
    """Local time from which on cron or rate fires."""
    end: Annotated[str | None, Field(examples=["2027-12-31T23:59"])] = None
    """Local time up to which cron or rate fires."""

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
        given = [word for word in ("cron", "rate", "at") if getattr(self, word) is not None]
        if len(given) != 1:
            raise refuse(
                f"given {' and '.join(given)}" if given else "without cron, rate and at",
                "a schedule has one of cron, rate and at",
                'write for example cron: "0 6 ? * MON *"',
                about=("cron", "rate", "at"),
            )
        if self.at is not None and (self.start or self.end):
            word = "start" if self.start else "end"
            raise refuse(
                "given beside at",
                "start and end are for times that come again",
                "remove it",
                key=(word,),
                about=("at",),
            )
        return self

    @model_validator(mode="after")
    def _local_times(self) -> ScheduleSource:
        moments = {}
        for word in ("at", "start", "end"):
            text = getattr(self, word)
            if text is not None:
                try:
                    moments[word] = schedule_expression.moment(text, self.timezone or "UTC")
                except schedule_expression.ScheduleExpressionError as error:
                    raise refuse(
                        error.got, error.allowed, error.remedy, key=(word,), about=(word, "timezone")
                    ) from None
        if "start" in moments and "end" in moments and moments["start"] >= moments["end"]:
            raise refuse(
                f"{self.end!r}, not after start", "end comes after start", "exchange the two", key=("end",),
                about=("start", "end"),
            )  # fmt: skip
        return self

    @property
    def expression(self) -> str:
        """As EventBridge takes it: `cron(0 6 ? * MON *)`, `rate(5 minutes)`, `at(2027-01-01T06:00:00)`."""
        if self.at is not None:
            return f"at({schedule_expression.with_seconds(self.at)})"
        return f"rate({self.rate})" if self.rate is not None else f"cron({self.cron})"

    def moment_of(self, text: str) -> datetime:
        """`start` or `end` in UTC."""
        return schedule_expression.moment(text, self.timezone or "UTC")
