"""Retry wishes as evaluateOnExit rules."""

from __future__ import annotations

import itertools
import re

import pytest

from jobs.retry_rules import rules
from jobs.spec import Retry

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
