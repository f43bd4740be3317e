"""evaluateOnExit, rule by rule."""

from __future__ import annotations

import pytest

from scheduling.retry import evaluate_on_exit

RULES = [
    {"onStatusReason": "Host EC2*", "action": "RETRY"},
    {"onReason": "OutOfMemoryError*", "action": "EXIT"},
    {"onExitCode": "75", "action": "retry"},
    {"onExitCode": "1*", "onReason": "x*", "action": "RETRY"},
    {"onReason": "*", "action": "EXIT"},
]


@pytest.mark.parametrize(
    ("exit_code", "reason", "status_reason", "action"),
    [
        (None, None, "Host EC2 (instance i-0) terminated.", "RETRY"),
        (137, "OutOfMemoryError: Container killed due to memory usage", "Essential container in task exited", "EXIT"),
        (75, None, "Essential container in task exited", "RETRY"),
        (1, "xyz", None, "RETRY"),
        (1, None, "Essential container in task exited", "EXIT"),
        (None, "CannotPullContainerError: no", "Task failed to start", "EXIT"),
    ],
)
def test_first_matching_rule_decides(
    exit_code: int | None, reason: str | None, status_reason: str, action: str
) -> None:
    assert evaluate_on_exit(RULES, exit_code, reason, status_reason) == action


def test_no_rule_or_no_match_retries() -> None:
    assert evaluate_on_exit([], 1, None, None) == "RETRY"
    assert evaluate_on_exit([{"onExitCode": "2", "action": "EXIT"}], 1, None, None) == "RETRY"


def test_only_a_star_matches_what_is_missing() -> None:
    assert evaluate_on_exit([{"onExitCode": "*", "action": "EXIT"}], None, None, None) == "EXIT"
    assert evaluate_on_exit([{"onExitCode": "1*", "action": "EXIT"}], None, None, None) == "RETRY"
