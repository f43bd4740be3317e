"""`schedule:` of a trigger."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from jobs import schedule_expression
from jobs.spec.base import Strict, refuse


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
