"""`after:` and `event:` of a trigger: another job's end, and any event at all."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from jobs.event_rules.json_path import ABSENT, PathError, parse_path, resolve
from jobs.spec.base import Hint, JobName, Strict, refuse
from jobs.spec.parameters import is_parameter_name, parameter_names

DEFAULT_BUS: Final = "default"
AFTER_RESULTS: Final = "after_results"
"""The folder of the other run's manifests, in the bucket of its results."""
AFTER_PARAMETERS: Final = ("after_job", "after_job_id", "after_job_name", "after_exit_code", AFTER_RESULTS)
"""What the end of another job gives to `Ref::` without being asked."""
MAX_PATHS: Final = 90
"""EventBridge takes 100 paths in an input transformer."""


class AfterSource(Strict):
    """The end of another job's run in this stage: of an array the whole, of several attempts the last."""

    job: JobName = Field(examples=["flights"])
    """Another job, by its folder's name."""
    status: Literal["succeeded", "failed"] = "succeeded"
    """Which end submits this job."""
    take: Annotated[dict[str, str], Field(max_length=MAX_PATHS, examples=[{"month": "month"}])] = Field(
        default_factory=dict
    )
    """Own parameter: the other job's parameter it gets its value from."""

    @field_validator("take")
    @classmethod
    def _take(cls, take: dict[str, str]) -> dict[str, str]:
        for name, other in parameter_names(take).items():
            if not is_parameter_name(other):
                raise refuse(f"{other[:60]!r}", "it names a parameter of the other job", "write its name", key=(name,))
        return take


class EventSource(Strict):
    """Events of any bus that match an EventBridge pattern."""

    pattern: Annotated[
        dict[str, Any],
        Field(examples=[{"source": ["shop.orders"], "detail-type": ["Order Paid"]}]),
    ]
    """EventBridge's event pattern; it must name the `source`."""
    sample: Annotated[
        dict[str, Any],
        Field(examples=[{"source": "shop.orders", "detail-type": "Order Paid", "detail": {"order": "a-1"}}]),
    ]
    """An event the pattern takes and the paths are read from: the trigger's own test."""
    bus: Annotated[
        str,
        StringConstraints(strict=True, pattern=r"^[A-Za-z0-9._/-]{1,256}$"),
        Hint(allowed="a bus is its name: letters, digits and ._/-", remedy="leave it out for the default bus"),
        Field(examples=["shop"]),
    ] = DEFAULT_BUS
    """Name of an event bus of the account."""
    take: Annotated[dict[str, str], Field(max_length=MAX_PATHS, examples=[{"order": "$.detail.order"}])] = Field(
        default_factory=dict
    )
    """Parameter: JSON path into the event where its value is."""

    @field_validator("take")
    @classmethod
    def _take(cls, take: dict[str, str]) -> dict[str, str]:
        for name, path in parameter_names(take).items():
            try:
                parse_path(path)
            except PathError as error:
                raise refuse(
                    f"{path[:60]!r}, which is no path ({str(error)[:120]!r})",
                    "a path is names and numbers from $ on, no filters",
                    "write for example $.detail.order",
                    key=(name,),
                ) from None
        return take

    @field_validator("pattern")
    @classmethod
    def _source(cls, pattern: dict[str, Any]) -> dict[str, Any]:
        if not pattern.get("source"):
            raise refuse(
                "without source",
                "a pattern names where its events come from",
                'write for example source: ["shop.orders"]',
            )
        return pattern

    @model_validator(mode="after")
    def _sample_has_it_all(self) -> EventSource:
        for name, path in self.take.items():
            found = resolve(path, self.sample)
            if found is ABSENT or isinstance(found, dict | list) or found is None:
                got = (
                    "nothing"
                    if found is ABSENT or found is None
                    else "a list"
                    if isinstance(found, list)
                    else "an object"
                )
                raise refuse(
                    f"{path[:60]!r}, where the sample has {got}",
                    "a parameter's value is text, a number, true or false",
                    "point to one of the sample's values, or put one there",
                    key=("take", name),
                    about=("take", "sample"),
                )
        return self
