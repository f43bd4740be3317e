"""A spec's retry wishes as Batch's evaluateOnExit rules: at most five, the last one EXIT on everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jobs import conventions
from jobs.spec.model import OnFailure, Retry

Action = Literal["RETRY", "EXIT"]

SPOT_RECLAIM_STATUS_REASON = "Host EC2*"
FARGATE_SPOT_STATUS_REASON = "Your Spot Task was interrupted.*"
OUT_OF_MEMORY_REASON = "OutOfMemoryError*"
APPLICATION_ENDED_STATUS_REASON = f"{conventions.EXITED}*"


@dataclass(frozen=True, kw_only=True)
class ExitRule:
    """One evaluateOnExit rule; its conditions are ANDed, a glob may only end in `*`."""

    action: Action
    on_reason: str | None = None
    """The container's reason."""
    on_status_reason: str | None = None
    """The attempt's status reason."""
    on_exit_code: str | None = None

    def as_batch(self) -> dict[str, str]:
        """In Batch's words: `{"action", "onReason", "onStatusReason", "onExitCode"}`, without what isn't set."""
        named = {"onReason": self.on_reason, "onStatusReason": self.on_status_reason, "onExitCode": self.on_exit_code}
        return {"action": self.action} | {key: value for key, value in named.items() if value is not None}


def rules(retry: Retry) -> list[ExitRule]:
    """The rules in Batch's order of evaluation: the first that matches decides."""
    return [
        ExitRule(action=_action(retry.on_reclaim), on_status_reason=SPOT_RECLAIM_STATUS_REASON),
        ExitRule(action=_action(retry.on_reclaim), on_status_reason=FARGATE_SPOT_STATUS_REASON),
        # before the application's: out of memory has the same status reason as any other end of a container
        ExitRule(action=_action(retry.on_out_of_memory), on_reason=OUT_OF_MEMORY_REASON),
        *(
            [ExitRule(action="RETRY", on_status_reason=APPLICATION_ENDED_STATUS_REASON)]
            if retry.on_application_error == "retry"
            else []
        ),
        # what no rule matches is retried by Batch, so the last one ends it
        ExitRule(action="EXIT", on_reason="*"),
    ]


def _action(wish: OnFailure) -> Action:
    return "RETRY" if wish == "retry" else "EXIT"
