"""Waiting for a status, and asking again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.providers.aws.waiting import Status, retry_while, wait_for_status
from local.providers.framework import Context, ProviderError


def _wait(*seen: Status | None, target: tuple[str, ...] = ("VALID",), timeout_s: float = 60.0) -> None:
    statuses = iter(seen)
    wait_for_status(
        Context(None), "Batch Thing (a) create", lambda: next(statuses), pending=("CREATING",), target=target,
        timeout_s=timeout_s,
    )  # fmt: skip


def test_waiting_ends_at_the_target() -> None:
    _wait(("CREATING", ""), ("CREATING", ""), ("VALID", ""))
    _wait(("CREATING", ""), None, target=())


def test_waiting_fails_at_an_unexpected_status() -> None:
    with pytest.raises(ProviderError, match=r"unexpected state 'INVALID', wanted target 'VALID'. last error: no role"):
        _wait(("CREATING", ""), ("INVALID", "no role"))
    with pytest.raises(ProviderError, match="couldn't find resource"):
        _wait(None)
    with pytest.raises(ProviderError, match="timeout while waiting for Batch Thing"):
        _wait(*[("CREATING", "")] * 1000, timeout_s=0.01)


def test_what_is_not_there_yet_is_asked_for_again() -> None:
    answers: Iterator[ValueError | str] = iter([ValueError("not yet"), ValueError("not yet"), "there"])

    def call() -> str:
        answer = next(answers)
        if isinstance(answer, ValueError):
            raise answer
        return answer

    assert retry_while(Context(None), "a thing", call, ("not yet",), timeout_s=240) == "there"


def test_the_services_own_error_is_the_last_word() -> None:
    def call() -> None:
        raise ValueError("not yet: the role has no permission")

    with pytest.raises(ValueError, match="the role has no permission"):
        retry_while(Context(None), "a thing", call, ("not yet",), timeout_s=0.01)
    with pytest.raises(ValueError, match="not yet"):
        retry_while(Context(None), "a thing", call, ("something else",), timeout_s=240)
