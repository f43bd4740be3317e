"""What happens after a failed attempt: AWS Batch's evaluateOnExit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

Action = Literal["RETRY", "EXIT"]


def evaluate_on_exit(
    rules: Sequence[Mapping[str, str]],
    exit_code: int | None,
    reason: str | None,
    status_reason: str | None,
) -> Action:
    """The action of the first rule all of whose conditions match; RETRY if none does, as on AWS.

    `rules` are in the API's words (`onExitCode`, `onReason`, `onStatusReason`, `action`). A condition is a text that
    may end in `*`; something that is missing (no exit code) equals the empty text, so only `*` matches it.
    """
    facts = {
        "onExitCode": "" if exit_code is None else str(exit_code),
        "onReason": reason or "",
        "onStatusReason": status_reason or "",
    }
    for rule in rules:
        conditions = {key: rule[key] for key in facts if rule.get(key)}
        if conditions and all(_matches(pattern, facts[key]) for key, pattern in conditions.items()):
            return "EXIT" if rule.get("action", "").upper() == "EXIT" else "RETRY"
    return "RETRY"


def _matches(pattern: str, text: str) -> bool:
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    return text == pattern
