"""Settings of job queues: order, shares, ends of waiting."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, field_validator

from jobs.spec.base import AsTuple, ComputeEnvironmentName, Hint, ShareName, Strict, each_once

StateReason = Literal[
    "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY",
    "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE",
    "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT",
]
MAX_ENVIRONMENTS_PER_QUEUE: Final = 3
MAX_SHARES: Final = 500


class FairShareSettings(Strict):
    """A scheduling policy: who is served next when jobs of several shares wait. Half the weight, twice the vCPUs."""

    shares: Annotated[
        dict[
            ShareName,
            Annotated[
                float,
                Field(ge=0.0001, le=999.9999),
                Hint(allowed="Batch allows weights of 0.0001–999.9999", remedy="1 is usual, less gets more"),
            ],
        ],
        Field(min_length=1, max_length=MAX_SHARES, examples=[{"research": 1, "nightly": 4}]),
        Hint(allowed=f"a queue has 1–{MAX_SHARES} shares", remedy="write shares: {research: 1, nightly: 4}"),
    ]
    """Share → weight factor; jobs of the queue name one of them."""
    decay_s: Annotated[
        int,
        Field(ge=0, le=604_800),
        Hint(allowed="Batch allows 0–604,800 s", remedy="write whole seconds in that range; 0 means 600"),
    ] = 0
    """Seconds for which what a share has had counts."""
    compute_reservation: Annotated[
        int,
        Field(ge=0, le=99),
        Hint(allowed="Batch allows 0–99 percent", remedy="0 keeps nothing for shares without jobs"),
    ] = 0
    """Percent of the vCPUs kept for shares that run nothing."""


class StateTimeLimitAction(Strict):
    """Cancels a job that waits at the queue's head for a reason no waiting cures."""

    reason: StateReason = Field(examples=["MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"])
    """Batch's code."""
    max_time_s: Annotated[
        int,
        Field(ge=600, le=86_400, examples=[600]),
        Hint(allowed="Batch allows 600–86,400 s", remedy="write whole seconds in that range"),
    ]
    """Seconds the job may wait for this reason."""


class QueueSettings(Strict):
    """A job queue."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"priority": 10, "compute_environments": ["spot"]}]})

    priority: Annotated[
        int,
        Field(ge=0, le=1_000, examples=[10]),
        Hint(allowed="a priority is a whole number from 0 to 1,000", remedy="higher goes first"),
    ]
    """Higher goes first where queues have the same compute environment."""
    compute_environments: Annotated[tuple[ComputeEnvironmentName, ...], AsTuple, Field(examples=[["spot"]])]
    """Names in the order of preference: spot first, on-demand behind it."""
    fair_share: FairShareSettings | None = None
    """Serve by shares instead of first in, first out. A queue that exists can't change between the two."""
    state_time_limit_actions: Annotated[tuple[StateTimeLimitAction, ...], AsTuple] = ()
    """Ends of waiting without hope."""

    @field_validator("compute_environments")
    @classmethod
    def _environments_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return each_once(names, "environment")

    @field_validator("state_time_limit_actions")
    @classmethod
    def _one_a_reason(cls, actions: tuple[StateTimeLimitAction, ...]) -> tuple[StateTimeLimitAction, ...]:
        each_once(tuple(action.reason for action in actions), "reason")
        return actions
