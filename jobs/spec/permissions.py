"""What a job may use of its stage, by name. What isn't named here it can't reach."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from jobs.spec.base import AsTuple, BucketName, Strict, TopicName, each_once


class Permissions(Strict):
    """Buckets and topics of the stage by name, never ARNs. The job's role gets exactly these."""

    read: Annotated[tuple[BucketName, ...], AsTuple, Field(examples=[["uploads"]])] = ()
    """Buckets the job may list and read; `ledger`, the platform's own, is one."""
    write: Annotated[tuple[BucketName, ...], AsTuple, Field(examples=[["results"]])] = ()
    """Buckets the job may write to."""
    notify: Annotated[tuple[TopicName, ...], AsTuple, Field(examples=[["reports"]])] = ()
    """Topics of the stage the job may publish to."""
    costs: bool = False
    """true lets the job ask what the account costs, of Cost Explorer at $0.01 a page, and for list prices, free."""

    @field_validator("read", "write")
    @classmethod
    def _buckets_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return each_once(names, "bucket")

    @field_validator("notify")
    @classmethod
    def _topics_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return each_once(names, "topic")

    @property
    def buckets(self) -> tuple[str, ...]:
        """All buckets of the job, sorted, each once."""
        return tuple(sorted({*self.read, *self.write}))
