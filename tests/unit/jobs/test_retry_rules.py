"""Retry wishes as evaluateOnExit rules."""

from __future__ import annotations

import itertools
import re

import pytest

from jobs.retry_rules import rules
from jobs.spec import Retry
from scheduling.retry import evaluate_on_exit

RECLAIM = {"onStatusReason": "Host EC2*"}
FARGATE_RECLAIM = {"onStatusReason": "Your Spot Task was interrupted.*"}
OUT_OF_MEMORY = {"onReason": "OutOfMemoryError*"}
LAST = {"action": "EXIT", "onReason": "*"}


def test_by_default_only_a_reclaim_is_retried() -> None:
    assert [rule.as_batch() for rule in rules(Retry())] == [
        {"action": "RETRY", **RECLAIM},
        {"action": "RETRY", **FARGATE_RECLAIM},
        {"action": "EXIT", **OUT_OF_MEMORY},
        LAST,
    ]


def test_application_errors_are_retried_when_asked_and_out_of_memory_still_is_not() -> None:
    assert [rule.as_batch() for rule in rules(Retry(on_application_error="retry"))][2:] == [
        {"action": "EXIT", **OUT_OF_MEMORY},
        {"action": "RETRY", "onStatusReason": "Essential container in task exited*"},
        LAST,
    ]


def test_out_of_memory_is_retried_when_asked() -> None:
    assert rules(Retry(on_out_of_memory="retry"))[2].as_batch() == {"action": "RETRY", **OUT_OF_MEMORY}


def test_a_reclaim_is_not_retried_when_not_wanted() -> None:
    assert {rule.action for rule in rules(Retry(on_reclaim="fail"))} == {"EXIT"}


@pytest.mark.parametrize("wishes", list(itertools.product(("fail", "retry"), repeat=3)))
def test_every_wish_is_in_what_batch_takes(wishes: tuple[str, str, str]) -> None:
    memory, application, reclaim = wishes
    retry = Retry.model_validate(
        {"on_out_of_memory": memory, "on_application_error": application, "on_reclaim": reclaim}
    )
    made = [rule.as_batch() for rule in rules(retry)]
    assert 1 <= len(made) <= 5
    assert made[-1] == LAST
    for rule in made:
        globs = [glob for condition, glob in rule.items() if condition != "action"]
        assert len(globs) == 1
        # Batch refuses brackets and a * anywhere but at the end
        assert re.fullmatch(r"[A-Za-z0-9.: ]*\*?", globs[0])


ENDED = "Essential container in task exited"
KILLED = "OutOfMemoryError: Container killed due to memory usage"


@pytest.mark.parametrize(
    ("exit_code", "reason", "status_reason", "wish"),
    [
        (None, None, "Host EC2 (instance i-0123456789abcdef0) terminated.", "on_reclaim"),
        (137, None, "Your Spot Task was interrupted.", "on_reclaim"),
        (137, KILLED, ENDED, "on_out_of_memory"),
        (1, None, ENDED, "on_application_error"),
        (137, None, ENDED, "on_application_error"),
        (None, "CannotPullContainerError: not found", "Task failed to start", None),
        (None, None, None, None),
    ],
)
def test_batch_does_what_the_author_wished(
    exit_code: int | None, reason: str | None, status_reason: str | None, wish: str | None
) -> None:
    wishes = ("on_reclaim", "on_out_of_memory", "on_application_error")
    for wished in itertools.product(("fail", "retry"), repeat=3):
        retry = dict(zip(wishes, wished, strict=True))
        made = [rule.as_batch() for rule in rules(Retry.model_validate(retry))]
        expected = "RETRY" if wish is not None and retry[wish] == "retry" else "EXIT"
        assert evaluate_on_exit(made, exit_code, reason, status_reason) == expected, retry
